import { openRedisMaintenance } from '../../adapters/seats/redis-maintenance.ts';
import { openSeats } from '../../adapters/seats/redis-seats.ts';
import { respRequester } from '../servers/resp-requester.ts';
import type { SeatsBackend } from './backend.ts';
import { type Command, START_MS } from './commands.ts';
import { putLicense, runCommand } from './model-commands.ts';
import { compareWithModel } from './model-compare.ts';
import { ModelRun } from './model-run.ts';

export interface ModelRunner {
  /** Runs one history. Throws if the seats and the model disagree. */
  run(commands: readonly Command[]): Promise<void>;
  /** How often each result, event and kind of command occurred in all histories. */
  readonly counts: ReadonlyMap<string, number>;
}

/** Runs histories against seats and model in parallel, and compares them after every command. */
export function openModelRunner(backend: SeatsBackend): ModelRunner {
  const requester = respRequester(backend.redis);
  const counts = new Map<string, number>();
  const subject = {
    backend,
    seats: openSeats(requester, backend.includes),
    seatMaintenance: openRedisMaintenance(requester, backend.includes),
    count(what: string) {
      counts.set(what, (counts.get(what) ?? 0) + 1);
    },
  };
  return {
    counts,
    async run(commands) {
      const run = new ModelRun(subject);
      run.count('histories');
      await run.moveClockTo(START_MS);
      await backend.flush();
      for (const license of run.licenses) await putLicense(run, license, license.entitlement);

      for (const command of commands) {
        run.count('commands');
        const changed = await runCommand(run, command);
        if (changed) await compareWithModel(run, changed);
      }
      // A command changes one license; this checks that it left the others unchanged.
      for (const license of run.licenses) await compareWithModel(run, license);
    },
  };
}
