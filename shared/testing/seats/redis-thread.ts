/**
 * The entry point of a worker thread: an embedded Redis whose clock is moved by messages from the starter. The separate
 * thread keeps the moved clock apart from the test's own, and Redis out of the test's coverage, which would double its
 * time.
 */
import { parentPort } from 'node:worker_threads';
import { startEmbeddedRedis } from '../../local/redis/embedded-redis.ts';

let nowMs = Date.now();
Date.now = () => nowMs;

const { host, port } = await startEmbeddedRedis();
parentPort?.on('message', (ms: number) => {
  nowMs = ms;
  parentPort?.postMessage('MOVED');
});
parentPort?.postMessage({ host, port });
