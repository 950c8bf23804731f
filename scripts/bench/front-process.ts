/** The entry of a process: an Upstash front before the Redis at the port that is named, which tells its address. */
import { startUpstashFront } from '../../shared/local/redis/upstash-server.ts';

const [port, token = ''] = process.argv.slice(2);
const front = await startUpstashFront({ backend: { host: '127.0.0.1', port: Number(port) }, token });
process.stdout.write(`${front.url}\n`);
