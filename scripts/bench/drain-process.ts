/**
 * The entry of a process: sweeps a shard as the scheduled sweep does, once, over the REST front at the address that is
 * named, with events that are taken at once. Tells how many leases it made known.
 */

import { beginRun } from '../../functions/sweep/run-steps.ts';
import { sweepShard } from '../../functions/sweep/shard.ts';
import { openRedisMaintenance } from '../../shared/adapters/seats/redis-maintenance.ts';
import { httpRequester } from '../../shared/adapters/seats/upstash-http.ts';
import type { Deps } from '../../shared/ports/deps.ts';

const [url = '', token = '', shard = ''] = process.argv.slice(2);
const requester = httpRequester({ url, token });
const parts = { seatMaintenance: openRedisMaintenance(requester), events: { publish: async () => {} } };
const run = beginRun(
  () => false,
  (fault) => {
    throw fault;
  },
);
// A sweep of a shard leans on no other part while Redis has all copies.
await sweepShard(shard, parts as unknown as Deps, run);
run.throwFault();
requester.close();
process.stdout.write(`${run.progress.expired}\n`);
