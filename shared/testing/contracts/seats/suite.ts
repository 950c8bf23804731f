import { afterAll, beforeAll } from 'vitest';
import { factsContract } from '../seat-maintenance/facts.ts';
import { seatMaintenanceContract } from '../seat-maintenance/suite.ts';
import { acquireContract } from './acquire.ts';
import { borrowContract } from './borrow.ts';
import { endingContract } from './ending.ts';
import { heartbeatContract } from './heartbeat.ts';
import { licenseContract } from './license.ts';
import { listingContract } from './listing.ts';
import { paceContract } from './pace.ts';
import type { SeatsUnderTest } from './pool.ts';
import { reviveContract } from './revive.ts';
import { siblingsContract } from './siblings.ts';
import { signedContract } from './signed.ts';
import { userContract } from './user.ts';

export type { SeatsUnderTest } from './pool.ts';

/**
 * The contract of every seat store, as vitest tests. `open` is called once; every test uses its own licenses, and some
 * tests delete everything in the store.
 */
export function seatsContract(open: () => Promise<SeatsUnderTest>): void {
  let opened: SeatsUnderTest | undefined;
  const under = (): SeatsUnderTest => {
    if (!opened) throw new Error('the seats are not open yet');
    return opened;
  };
  beforeAll(async () => {
    opened = await open();
  });
  afterAll(() => opened?.close());

  acquireContract(under);
  siblingsContract(under);
  heartbeatContract(under);
  reviveContract(under);
  endingContract(under);
  borrowContract(under);
  signedContract(under);
  licenseContract(under);
  listingContract(under);
  userContract(under);
  paceContract(under);
  seatMaintenanceContract(under);
  factsContract(under);
}
