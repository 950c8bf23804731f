import fc from 'fast-check';
import type { Entitlement } from '../../domain/entitlement.ts';

/** Every history begins at this time, so that it can be repeated; later than any real clock that keys expire by. */
export const START_MS = Date.UTC(2040, 0, 1);
const PEOPLE = ['ann', 'ben'] as const;

/** Two licenses of one tenant and one of another, one of each unit. The last one's TTL exceeds `MEMORY_MS`. */
export const TERMS: readonly Entitlement[] = [
  terms('lic_03_0000000000000001', { max: 2, ttlSeconds: 20, borrowMaxDays: 3 }),
  terms('lic_03_0000000000000002', { max: 1, overdraft: 1, ttlSeconds: 60, unit: 'user', borrowMaxDays: 2 }),
  terms('lic_11_0000000000000003', { max: 2, ttlSeconds: 7_200, unit: 'process', borrowMaxDays: 1 }),
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
    offlineGraceDays: 7,
    borrowMaxDays: 0,
    borrowLowWater: 0,
    maxSessions: 3,
    signedLimit: 2,
    offlineStartDays: 0,
    requestsPerMinute: 240,
    entitlements: { plan: 'pro', features: ['export'], limits: { projects: 3 } },
    keyHash: `hash of ${licenseId}`,
    previousKeyHash: `old hash of ${licenseId}`,
    previousKeyUntilMs: START_MS + 60_000,
    ...more,
  };
}

/** The user id of a person. */
export function userIdOf(person: string): string {
  return `usr_${person.padEnd(16, '0')}`;
}

/** Half of a history is about one license: see `licenseAt`. */
const license = fc.nat(2 * TERMS.length - 1);
const pick = fc.nat(999);
/** Whether the same call is made once more at once. */
const isRepeated = fc.constantFrom(false, false, false, true);
const token = fc.constantFrom('newest' as const, 'newest' as const, 'none' as const, 'oldest' as const);

/** The proof: trusted, a license key, or a signed-in user of the license's tenant or of another. */
const proof = fc.oneof(
  { weight: 12, arbitrary: fc.constant({ by: 'trusted' as const }) },
  { weight: 3, arbitrary: fc.constant({ by: 'right' as const }) },
  { weight: 1, arbitrary: fc.record({ by: fc.constantFrom('previous' as const, 'wrong' as const) }) },
  {
    weight: 4,
    arbitrary: fc.record({
      by: fc.constant('user' as const),
      who: fc.constantFrom(...PEOPLE),
      isStranger: fc.constantFrom(false, false, false, false, true),
    }),
  },
);

/** So few that they meet. A program without an instance shares its machine's session. */
const program = fc.record({
  machine: fc.constantFrom(0, 0, 1, 2),
  user: fc.constantFrom(...PEOPLE, ...PEOPLE, ...PEOPLE, undefined),
  process: fc.constantFrom(undefined, undefined, 0, 0, 1),
  instance: fc.constantFrom(0, 0, 1, 1, 2, undefined, undefined),
});

/**
 * The next step. `pick` chooses among the sessions (or requests) so far, so that any part of a history is a history.
 */
export const anyCommand = fc.oneof(
  {
    weight: 20,
    arbitrary: fc.record({
      do: fc.constant('acquire' as const),
      license,
      proof,
      program,
      isAnswerLost: fc.constantFrom(false, false, false, false, true),
      isRepeated,
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('borrow' as const),
      license,
      proof,
      program,
      days: fc.constantFrom(1, 1, 1, 2, 4),
      isAnswerLost: fc.constantFrom(false, false, false, false, true),
      isRepeated,
    }),
  },
  { weight: 6, arbitrary: fc.record({ do: fc.constant('repeat' as const), pick, isRepeated }) },
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant('heartbeat' as const),
      license,
      proof,
      picks: fc.array(pick, { minLength: 0, maxLength: 4 }),
      token,
      isTold: fc.boolean(),
      isRepeated,
    }),
  },
  {
    weight: 7,
    arbitrary: fc.record({
      do: fc.constant('revive' as const),
      license,
      proof,
      picks: fc.array(pick, { minLength: 1, maxLength: 4 }),
      token,
      isCleared: fc.constantFrom(true, true, false),
      isRepeated,
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('release' as const),
      license,
      proof,
      pick,
      token,
      isRepeated,
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('evict' as const),
      license,
      pick,
      scope: fc.constantFrom('session' as const, 'seat' as const),
      isRepeated,
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('put' as const),
      license,
      max: fc.constantFrom(0, 1, 1, 2, 2, 3),
      overdraft: fc.constantFrom(0, 0, 1),
      unit: fc.constantFrom(
        ...Array<undefined>(5).fill(undefined),
        'machine' as const,
        'user' as const,
        'process' as const,
      ),
      status: fc.constantFrom('active' as const, 'active' as const, 'active' as const, 'suspended' as const),
      ttlSeconds: fc.constantFrom(undefined, undefined, undefined, undefined, 5, 20, 7_200),
      validForMs: fc.oneof(
        { weight: 3, arbitrary: fc.constant(null) },
        { weight: 1, arbitrary: fc.integer({ min: 1, max: 40_000 }) },
      ),
      borrowMaxDays: fc.constantFrom(0, 2, 3, 3),
      borrowLowWater: fc.constantFrom(0, 0, 1, 1, 2),
      maxSessions: fc.constantFrom(1, 1, 2, 3),
      signedLimit: fc.constantFrom(0, 1, 2, 2),
      offlineStartDays: fc.constantFrom(0, 0, 3),
      requestsPerMinute: fc.constantFrom(2, 240, 400, 100_000),
      features: fc.constantFrom(['export'], []),
      isKeyRotated: fc.constantFrom(false, false, true),
      versionsAhead: fc.constantFrom(-1, 0, 1, 1, 1, 2),
      event: fc.constantFrom(undefined, 'license.updated' as const),
      isRepeated,
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constant('wait' as const),
      ms: fc.oneof(
        { weight: 10, arbitrary: fc.nat(4_000) },
        { weight: 4, arbitrary: fc.nat(40_000) },
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
      of: fc.constantFrom(...Array<'lease'>(5).fill('lease'), 'memory' as const),
      offsetMs: fc.constantFrom(-1, 0, 0, 1),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('stepBack' as const), ms: fc.integer({ min: 1, max: 3_000 }) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('list' as const),
      license,
      limit: fc.constantFrom(0, 1, 2, 100),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('sign' as const),
      license,
      proof,
      pick,
      /** One more than a seat may have in a day, or once. */
      times: fc.constantFrom(1, 1, 1, 1, 1, 1, 1, 25),
      isReserved: fc.constantFrom(true, true, true, false),
      isKept: fc.constantFrom(true, true, true, false),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('sweep' as const) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('waitForAccess' as const),
      license,
      of: fc.constantFrom('key' as const, 'bar' as const),
      who: fc.constantFrom(...PEOPLE),
      offsetMs: fc.constantFrom(-1, 0),
      pick,
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('bar' as const),
      license,
      who: fc.constantFrom(...PEOPLE),
      seconds: fc.constantFrom(1, 30, 300),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('unbar' as const), license, who: fc.constantFrom(...PEOPLE) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('forget' as const),
      license,
      picks: fc.array(pick, { minLength: 1, maxLength: 3 }),
      isRepeated,
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('restore' as const),
      license,
      barSeconds: fc.constantFrom(undefined, 20),
      /** Who has a loan that the records know and Redis has lost with the last writes. */
      lostLoan: fc.oneof({ weight: 1, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary: program }),
      isRepeated,
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('hammer' as const),
      license,
      proof,
      program,
      pick,
      call: fc.constantFrom(
        'acquire' as const,
        'heartbeat' as const,
        'revive' as const,
        'release' as const,
        'read' as const,
      ),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('lose' as const) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('copy' as const) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('setBack' as const) }) },
);
type Arbitrated<A> = A extends fc.Arbitrary<infer T> ? T : never;
export type Command = Arbitrated<typeof anyCommand>;
export type CommandOf<Kind extends Command['do']> = Extract<Command, { do: Kind }>;
