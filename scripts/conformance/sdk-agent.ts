/** The agent of the TypeScript SDK: the kit drives it over standard input and output. */
import { createInterface } from 'node:readline';
import { type Seat, Seatlease, SeatleaseError } from '../../clients/sdk/src/node.ts';

function say(line: object): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

const refused = (error: unknown): object => {
  return { ok: false, code: error instanceof SeatleaseError ? error.code : String(error) };
};

let seatlease: Seatlease | undefined;
let seat: Seat | undefined;

/** Opened at the first acquire, so that a wrong setting is its answer. */
function opened(): Seatlease {
  if (seatlease) return seatlease;
  seatlease = new Seatlease();
  for (const event of ['offline', 'online', 'reacquired'] as const) seatlease.on(event, () => say({ event }));
  seatlease.on('lost', ({ reason }) => say({ event: 'lost', code: reason }));
  seatlease.on('graceAtRisk', ({ error }) => say({ event: 'grace_at_risk', code: error.code }));
  return seatlease;
}

async function acquire(waitSeconds: number | undefined, borrowDays: number | undefined): Promise<object> {
  const wait = waitSeconds === undefined ? undefined : { atMostSeconds: waitSeconds };
  try {
    seat = await opened().acquire({ wait, borrowDays });
    return { ok: true };
  } catch (error) {
    return refused(error);
  }
}

function state(): object {
  if (!seat) return { state: 'none', may_run: false, holds_lease: false };
  const { state: is, mayRun: may_run, holdsLease: holds_lease, plan, features, limits } = seat;
  return { state: is, may_run, holds_lease, plan, features, limits };
}

async function release(): Promise<object> {
  try {
    await seat?.release();
    return { ok: true };
  } catch (error) {
    return refused(error);
  }
}

function block(seconds: number): object {
  const endMs = performance.now() + seconds * 1000;
  while (performance.now() < endMs);
  return { ok: true };
}

const input = createInterface({ input: process.stdin });
input.on('line', async (line) => {
  const { do: what, wait_seconds, borrow_days, seconds } = JSON.parse(line);
  if (what === 'acquire') say({ re: what, ...(await acquire(wait_seconds, borrow_days)) });
  else if (what === 'state') say({ re: what, ...state() });
  else if (what === 'release') say({ re: what, ...(await release()) });
  else if (what === 'block') say({ re: what, ...block(seconds) });
  else if (what === 'exit') input.close();
});
// The program ends when its event loop is empty, without a release.
input.on('close', () => process.stdin.destroy());
