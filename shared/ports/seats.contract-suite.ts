import { afterAll, beforeAll } from 'vitest';
import { upkeepContract } from './seat-upkeep.contract-suite.ts';
import { factsContract } from './seat-upkeep-facts.contract-suite.ts';
import { acquireContract } from './seats-acquire.contract-suite.ts';
import { borrowContract } from './seats-borrow.contract-suite.ts';
import { endingContract } from './seats-ending.contract-suite.ts';
import { heartbeatContract } from './seats-heartbeat.contract-suite.ts';
import { licenseContract } from './seats-license.contract-suite.ts';
import { listingContract } from './seats-listing.contract-suite.ts';
import { paceContract } from './seats-pace.contract-suite.ts';
import type { SeatsUnderTest } from './seats-pool.contract-suite.ts';
import { signedContract } from './seats-signed.contract-suite.ts';
import { userContract } from './seats-user.contract-suite.ts';

export type { SeatsUnderTest } from './seats-pool.contract-suite.ts';

/**
 * What every seat store promises, as vitest tests. `open` is called once; every test has licenses of its own, and one
 * of them loses everything in the store.
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
  heartbeatContract(under);
  endingContract(under);
  borrowContract(under);
  signedContract(under);
  licenseContract(under);
  listingContract(under);
  userContract(under);
  paceContract(under);
  upkeepContract(under);
  factsContract(under);
}
