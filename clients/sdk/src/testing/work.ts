import { setImmediate } from 'node:timers/promises';

/** Turns of the event loop without work after which there is none: each may have led to more. */
const QUIET_TURNS = 3;

let pending = 0;

/** Counts `promise` among what must be done before time may pass. */
export function work<Value>(promise: Promise<Value>): Promise<Value> {
  pending += 1;
  const done = (): void => {
    pending -= 1;
  };
  promise.then(done, done);
  return promise;
}

/** Resolves when nothing of what has begun can go on without time, or somebody, moving. */
export async function settled(): Promise<void> {
  for (let quiet = 0; quiet < QUIET_TURNS; quiet = pending === 0 ? quiet + 1 : 0) await setImmediate();
}

/** What is done beside the event loop would go unseen otherwise. */
for (const name of ['digest', 'importKey', 'sign', 'verify'] as const) {
  const { subtle } = crypto;
  const original = subtle[name].bind(subtle) as (...given: unknown[]) => Promise<unknown>;
  Object.defineProperty(subtle, name, {
    configurable: true,
    value: (...given: unknown[]) => work(original(...given)),
  });
}
