import { type BoughtLicense, buySeats, type PurchaseOptions } from './purchases.ts';
import type { Reply, TestSuite } from './suite.ts';

/** A paid license, with the calls that end and pause its subscription. */
export interface Endable extends BoughtLicense {
  cancel(more?: object): Promise<Reply>;
  undo(): Promise<Reply>;
  pause(kind: 'collection' | 'subscription', more?: object): Promise<Reply>;
  resume(): Promise<Reply>;
}

export async function buyEndable(suite: TestSuite, options: PurchaseOptions = {}): Promise<Endable> {
  const bought = await buySeats(suite, options);
  const send = (path: string, more: object = {}) =>
    suite.operate('POST', `/api/v1/subscriptions/${path}`, { license_id: bought.licenseId, ...more });
  return {
    ...bought,
    cancel: (more) => send('cancel', more),
    undo: () => send('cancel/undo'),
    pause: (kind, more) => send('pause', { kind, ...more }),
    resume: () => send('resume'),
  };
}
