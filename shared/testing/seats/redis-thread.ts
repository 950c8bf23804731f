/**
 * The entry of a worker thread: an embedded Redis whose clock whoever started the thread moves, by messages. A thread of
 * its own keeps the moved clock from the test's own, and the test's coverage, which would double its time, from Redis.
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
