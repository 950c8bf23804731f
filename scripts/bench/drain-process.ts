/**
 * Entry point of a process: sweeps a shard once, as the scheduled sweep does, in the Redis of its environment, with a topic
 * that accepts events at once. Prints the number of expired leases.
 */

import { beginRun } from '../../functions/sweep/run-steps.ts';
import { sweepShard } from '../../functions/sweep/shard.ts';
import { openRedisMaintenance } from '../../shared/adapters/seats/redis-maintenance.ts';
import type { Deps } from '../../shared/ports/deps.ts';
import { engineIn } from './redis-engine.ts';

const [shard = ''] = process.argv.slice(2);
const redis = engineIn(process.env);
const deps = { seatMaintenance: openRedisMaintenance(redis), events: { publish: async () => {} } };
const fail = (fault: unknown): never => {
  throw fault;
};
const run = beginRun(
  () => false,
  fail,
  (_, fault) => fail(fault),
);
// Sweeping a shard uses no other dependency while Redis has the copies of all licenses.
await sweepShard(shard, deps as unknown as Deps, run);
run.throwFault();
redis.close();
process.stdout.write(`${run.progress.expired}\n`);
