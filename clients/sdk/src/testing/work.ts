import { setImmediate } from 'node:timers/promises';

/** After so many idle turns of the event loop, no work is left: a turn may start more work. */
const QUIET_TURNS = 3;

let pending = 0;

/** Time must not pass until `promise` has settled. */
export function work<Value>(promise: Promise<Value>): Promise<Value> {
  pending += 1;
  const done = (): void => {
    pending -= 1;
  };
  promise.then(done, done);
  return promise;
}

/** Resolves when all pending work waits for a timer or for the test. */
export async function settled(): Promise<void> {
  for (let quiet = 0; quiet < QUIET_TURNS; quiet = pending === 0 ? quiet + 1 : 0) await setImmediate();
}

/** These run in threads beside the event loop, so they are counted as work. */
for (const name of ['digest', 'exportKey', 'importKey', 'sign', 'verify'] as const) {
  const { subtle } = crypto;
  const original = subtle[name].bind(subtle) as (...given: unknown[]) => Promise<unknown>;
  Object.defineProperty(subtle, name, {
    configurable: true,
    value: (...given: unknown[]) => work(original(...given)),
  });
}
