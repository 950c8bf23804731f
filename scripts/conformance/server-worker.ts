/** Runs a suite in a worker thread, whose clock the kit moves: each thread has a `Date` of its own. */
import { parentPort, workerData } from 'node:worker_threads';

const RealDate = Date;
let aheadMs = 0;

class MovedDate extends RealDate {
  constructor(...given: [] | ConstructorParameters<typeof RealDate>) {
    if (given.length === 0) super(RealDate.now() + aheadMs);
    else super(...given);
  }

  static override now(): number {
    return RealDate.now() + aheadMs;
  }
}

globalThis.Date = MovedDate as DateConstructor;
// Otherwise Google's clients look for a metadata server.
process.env.METADATA_SERVER_DETECTION = 'none';

// Loaded after the clock is replaced.
const { openTestSuite, OPERATOR_KEY } = await import('../../functions/testing/suite.ts');
const { eventsOf } = await import('../simulation/server-log.ts');

const { signingKey } = workerData as { readonly signingKey: string };
const suite = await openTestSuite({ SHARDS: '4' }, undefined, { signingKey });

export interface Started {
  readonly url: string;
  readonly operatorKey: string;
}

export type ServerCall =
  | { readonly id: number; readonly do: 'move clock'; readonly ms: number }
  | { readonly id: number; readonly do: 'read events'; readonly licenseId: string }
  | { readonly id: number; readonly do: 'close' };

async function answer(call: ServerCall): Promise<unknown> {
  switch (call.do) {
    case 'move clock':
      aheadMs += call.ms;
      return aheadMs;
    case 'read events':
      return eventsOf(suite.deps, call.licenseId);
    case 'close':
      return suite.close();
  }
}

parentPort?.on('message', async (call: ServerCall) => {
  const result = await answer(call).catch((error: unknown) => ({ error: String(error) }));
  parentPort?.postMessage({ id: call.id, result });
  if (call.do === 'close') parentPort?.close();
});
parentPort?.postMessage({ url: suite.url, operatorKey: OPERATOR_KEY } satisfies Started);
