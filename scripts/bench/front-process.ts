/**
 * Entry point of a process: a server that speaks Upstash's protocol, for the Redis on the given port. Prints its URL.
 */
import { startUpstashServer } from '../../shared/local/redis/upstash-server.ts';

const [port, token = ''] = process.argv.slice(2);
const front = await startUpstashServer({ backend: { host: '127.0.0.1', port: Number(port) }, token });
process.stdout.write(`${front.url}\n`);
