/** The entry of a process: an Upstash front before the Redis at the port that is named, which tells its address. */
import { startUpstashServer } from '../../shared/local/redis/upstash-server.ts';

const [port, token = ''] = process.argv.slice(2);
const front = await startUpstashServer({ backend: { host: '127.0.0.1', port: Number(port) }, token });
process.stdout.write(`${front.url}\n`);
