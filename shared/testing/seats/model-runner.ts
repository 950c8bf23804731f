import { openRedisMaintenance } from '../../adapters/seats/redis-maintenance.ts';
import { openSeats } from '../../adapters/seats/redis-seats.ts';
import type { SeatsBackend } from './backend.ts';
import { type Command, START_MS } from './commands.ts';
import { LATEST_SWEEP_MS } from './model.ts';
import { restore, runCommand, sweep } from './model-commands.ts';
import { agree, compareWithModel } from './model-compare.ts';
import { ModelRun, type Step } from './model-run.ts';

export interface ModelRunner {
  /** Runs one history. Throws if the seats and the model disagree. */
  run(commands: readonly Command[]): Promise<void>;
  /** How often each result, event and kind of command occurred in all histories. */
  readonly counts: ReadonlyMap<string, number>;
  close(): void;
}

const PATIENCE_MS = 10_000;

/** Runs histories against seats and model in parallel, and compares them after every command. */
export function openModelRunner(backend: SeatsBackend): ModelRunner {
  const engine = backend.openEngine(PATIENCE_MS);
  const counts = new Map<string, number>();
  const subject = {
    backend,
    seats: openSeats(engine, backend.includes),
    seatMaintenance: openRedisMaintenance(engine, backend.includes),
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
      for (const license of run.licenses) await compareWithModel(run, await restore(run, license));

      for (const command of commands) {
        run.count('commands');
        const step = await runCommand(run, command);
        if (!step) continue;
        await compareWithModel(run, step);
        if (command.do === 'sweep') expectSwept(run);
        if ('isRepeated' in command && command.isRepeated) await repeat(run, step);
        // As the suite does it: a copy that Redis has lost is restored from the records.
        for (const license of step.isUnknown ? step.licenses : [])
          await compareWithModel(run, await restore(run, license));
      }
      await endEverything(run);
    },
    close: () => engine.close(),
  };
}

async function repeat(run: ModelRun, step: Step): Promise<void> {
  if (!step.repeat) return;
  run.count('repeated');
  await step.repeat();
  // It changes nothing and reports nothing: it touches no session, and the model expects no event.
  for (const { pool } of step.licenses) agree(pool.hasEvents, false);
  await compareWithModel(run, { ...step, touched: [] });
}

function expectSwept(run: ModelRun): void {
  for (const { pool } of run.licenses) agree([...pool.overdue(run.nowMs), ...pool.unreportedDenials()], []);
}

/** Every end is reported once when all is over, whenever the store collected it. */
async function endEverything(run: ModelRun): Promise<void> {
  const lastMs = Math.max(run.nowMs, ...run.licenses.map(({ pool }) => pool.lastEndMs));
  await run.moveClockTo(lastMs + LATEST_SWEEP_MS);
  await compareWithModel(run, await sweep(run));
  expectSwept(run);
  for (const { watch } of run.licenses) watch.checkAllReported();
}
