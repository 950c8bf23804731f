/**
 * Entry point of a process: sweeps a shard once, as the scheduled sweep does, through the REST server at the given URL,
 * with a topic that accepts events at once. Prints the number of expired leases.
 */

import { beginRun } from '../../functions/sweep/run-steps.ts';
import { sweepShard } from '../../functions/sweep/shard.ts';
import { httpRequester } from '../../shared/adapters/redis/upstash-http.ts';
import { openRedisMaintenance } from '../../shared/adapters/seats/redis-maintenance.ts';
import type { Deps } from '../../shared/ports/deps.ts';

const [url = '', token = '', shard = ''] = process.argv.slice(2);
const requester = httpRequester({ url, token });
const deps = { seatMaintenance: openRedisMaintenance(requester), events: { publish: async () => {} } };
const run = beginRun(
  () => false,
  (fault) => {
    throw fault;
  },
);
// Sweeping a shard uses no other dependency while Redis has the copies of all licenses.
await sweepShard(shard, deps as unknown as Deps, run);
run.throwFault();
requester.close();
process.stdout.write(`${run.progress.expired}\n`);
