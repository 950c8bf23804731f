import fc from 'fast-check';
import type { Entitlement } from '../../domain/entitlement.ts';

/** Every history begins at this time, so that it can be repeated; later than any real clock that keys expire by. */
export const START_MS = Date.UTC(2040, 0, 1);
const HOLDERS = ['ann', 'ben', 'cat', 'dan'] as const;

/** Two licenses of one tenant and one of another. Each has another TTL; the last one exceeds `MEMORY_MS`. */
export const TERMS: readonly Entitlement[] = [
  terms('lic_03_0000000000000001', { max: 2, ttlSeconds: 10, borrowMaxDays: 3 }),
  terms('lic_03_0000000000000002', { max: 1, overdraft: 1, ttlSeconds: 30, unit: 'user', borrowMaxDays: 2 }),
  terms('lic_11_0000000000000003', { max: 1, ttlSeconds: 7_200, borrowMaxDays: 1 }),
];

function terms(licenseId: string, more: Partial<Entitlement>): Entitlement {
  return {
    licenseId,
    tenantId: `ten_${licenseId.slice(4, 6)}_0000000000000000`,
    version: 1,
    max: 2,
    overdraft: 0,
    ttlSeconds: 10,
    heartbeatSeconds: 5,
    unit: 'machine',
    status: 'active',
    validUntilMs: null,
    maxSessions: 64,
    signedLimit: 20,
    offlineGraceDays: 7,
    offlineStartDays: 0,
    borrowMaxDays: 0,
    borrowLowWater: 0,
    requestsPerMinute: 3,
    entitlements: { plan: 'pro', features: ['export'], limits: { projects: 20 } },
    keyHash: `hash of ${licenseId}`,
    previousKeyHash: `old hash of ${licenseId}`,
    previousKeyUntilMs: START_MS + 60_000,
    ...more,
  };
}

/** The user id of a holder. */
export function userIdOf(holder: string): string {
  return `usr_${holder.padEnd(16, '0')}`;
}

const NO_LOAN = Array<undefined>(10).fill(undefined);

const license = fc.nat(TERMS.length - 1);
const pick = fc.nat(999);
/** The proof: trusted, a license key, or a signed-in user of the license's tenant or of another. */
const proof = fc.oneof(
  { weight: 12, arbitrary: fc.constant({ by: 'trusted' as const }) },
  { weight: 3, arbitrary: fc.constant({ by: 'right' as const }) },
  { weight: 1, arbitrary: fc.record({ by: fc.constantFrom('previous' as const, 'wrong' as const) }) },
  {
    weight: 3,
    arbitrary: fc.record({
      by: fc.constant('user' as const),
      who: fc.constantFrom(...HOLDERS),
      isStranger: fc.constantFrom(false, false, false, true),
    }),
  },
);

/**
 * The next step. `pick` chooses among the sessions (or requests) so far, so that any part of a history is a history.
 */
export const anyCommand = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.record({
      do: fc.constant('acquire' as const),
      license,
      proof,
      holder: fc.constantFrom(...HOLDERS, ...HOLDERS, ...HOLDERS, ...HOLDERS, ...HOLDERS, undefined),
      borrowDays: fc.constantFrom(...NO_LOAN, 1, 1, 1, 2, 4),
    }),
  },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('repeat' as const), pick }) },
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant('heartbeat' as const),
      license,
      proof,
      picks: fc.array(pick, { minLength: 0, maxLength: 4 }),
      token: fc.constantFrom('none' as const, 'newest' as const, 'oldest' as const),
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constant('release' as const),
      license,
      proof,
      pick,
      reason: fc.constantFrom('released' as const, 'evicted' as const),
      token: fc.constantFrom('none' as const, 'newest' as const, 'oldest' as const),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('put' as const),
      license,
      max: fc.nat(3),
      overdraft: fc.constantFrom(0, 0, 1),
      status: fc.constantFrom('active' as const, 'active' as const, 'active' as const, 'suspended' as const),
      ttlSeconds: fc.constantFrom(undefined, undefined, undefined, undefined, 5, 20, 7_200),
      validForMs: fc.oneof(
        { weight: 3, arbitrary: fc.constant(null) },
        { weight: 1, arbitrary: fc.integer({ min: 1, max: 40_000 }) },
      ),
      borrowMaxDays: fc.constantFrom(0, 2, 3, 3),
      borrowLowWater: fc.constantFrom(0, 0, 1, 1, 2),
      requestsPerMinute: fc.constantFrom(2, 7, 10_000),
      versionsAhead: fc.constantFrom(-1, 0, 1, 1, 1, 2),
      event: fc.constantFrom(undefined, 'license.updated' as const),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('wait' as const),
      ms: fc.oneof(
        { weight: 4, arbitrary: fc.nat(3_000) },
        { weight: 3, arbitrary: fc.nat(40_000) },
        { weight: 1, arbitrary: fc.nat(8_000_000) },
        { weight: 1, arbitrary: fc.nat(100_000_000) },
      ),
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constant('waitForEnd' as const),
      pick,
      of: fc.constantFrom(
        'lease' as const,
        'lease' as const,
        'lease' as const,
        'memory' as const,
        'loan' as const,
      ),
      offsetMs: fc.constantFrom(-1, 0, 0, 1),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('list' as const),
      license,
      limit: fc.constantFrom(1, 2, 100),
    }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('sign' as const), license, proof, pick }) },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('bar' as const),
      license,
      who: fc.constantFrom(...HOLDERS),
      seconds: fc.constantFrom(1, 30, 300),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('unbar' as const), license, who: fc.constantFrom(...HOLDERS) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('forget' as const),
      license,
      picks: fc.array(pick, { minLength: 1, maxLength: 3 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('hammer' as const),
      license,
      proof,
      holder: fc.constantFrom(...HOLDERS),
      pick,
      /** More than the lowest limit here allows, or than callers without access are allowed. */
      times: fc.constantFrom(4, 4, 4, 22),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('lose' as const) }) },
);
type Arbitrated<A> = A extends fc.Arbitrary<infer T> ? T : never;
export type Command = Arbitrated<typeof anyCommand>;
export type CommandOf<Kind extends Command['do']> = Extract<Command, { do: Kind }>;
