import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { pseudonymsOf } from './holder.ts';
import { entitlementOf, rotateKey, termsOfPlan } from './license.ts';
import { PLAN_NAMES, PLANS, type Plan, priceKeyOf } from './plans.ts';
import {
  type Claims,
  canBeTried,
  canReissue,
  claimIdsOf,
  claimsFor,
  draftTrial,
  isOffered,
  reissued,
  type TrialPolicy,
  usedUp,
} from './trial.ts';
import type { TrialClaim } from './trial-claim.ts';

const DAY_MS = 24 * 3600 * 1000;
const NOW_MS = Date.UTC(2026, 10, 25);
const POLICY: TrialPolicy = { days: 14, perDomain: 1, perMachine: 2, refusedDomains: ['rival.example'] };
const IDS = { tenantId: 'ten_07_0000000000000000', licenseId: 'lic_07_0000000000000000' };
const pseudonymOf = pseudonymsOf('a key');

interface Applicant {
  readonly accountId: string;
  readonly email: string;
  readonly hostedDomain: string | null;
}

function applicantOf(email: string, hostedDomain: string | null = null): Applicant {
  return { accountId: `account of ${email}`, email, hostedDomain };
}

type Ask = { readonly name: string; readonly domain: string; readonly machine: string };

/** How many of them have the same key, at most. */
function most(asks: readonly Ask[] = [], keyOf: (ask: Ask) => string): number {
  return Math.max(0, ...[...Map.groupBy(asks, keyOf).values()].map((those) => those.length));
}

/** Grants trials in memory, by the rules alone. */
function openTrials(policy: TrialPolicy = POLICY) {
  const claims = new Map<string, TrialClaim>();
  function ask(applicant: Applicant, fingerprint: string): keyof Claims | 'GIVEN' | 'NOT_OFFERED' {
    if (!isOffered(applicant, policy)) return 'NOT_OFFERED';
    const ids = claimIdsOf(applicant, fingerprint, pseudonymOf);
    const found: Claims = {
      account: claims.get(ids.account),
      machine: claims.get(ids.machine),
      domain: ids.domain === undefined ? undefined : claims.get(ids.domain),
    };
    const used = usedUp(found, ids, policy);
    if (used) return used;
    const license = draftTrial(IDS, 'key', 'pro', policy, NOW_MS);
    for (const claim of claimsFor(ids, found, license, policy, NOW_MS)) claims.set(claim.claimId, claim);
    return 'GIVEN';
  }
  return { claims, ask };
}

describe('a trial is granted', () => {
  test('once per account, on whatever machine and with whatever e-mail address', () => {
    const { ask } = openTrials();
    expect(ask(applicantOf('ada@gmail.com'), 'laptop')).toBe('GIVEN');
    expect(ask(applicantOf('ada@gmail.com'), 'desktop')).toBe('account');
    expect(ask({ ...applicantOf('ada@gmail.com'), email: 'ada@lovelace.example' }, 'tablet')).toBe('account');
  });

  test('per machine as often as the vendor allows, to users of public mail providers', () => {
    const { ask } = openTrials();
    expect(ask(applicantOf('ada@gmail.com'), 'laptop')).toBe('GIVEN');
    expect(ask(applicantOf('bob@gmail.com'), 'laptop')).toBe('GIVEN');
    expect(ask(applicantOf('eve@gmail.com'), 'laptop')).toBe('machine');
    expect(openTrials({ ...POLICY, perMachine: 0 }).ask(applicantOf('eve@gmail.com'), 'laptop')).toBe(
      'GIVEN',
    );
  });

  test('to an organisation, however many strangers have named its machine', () => {
    const { ask } = openTrials();
    for (const n of ['1', '2', '3', '4', '5']) ask(applicantOf(`eve${n}@gmail.com`), 'laptop of ada');
    expect(ask(applicantOf('ada@acme.example'), 'laptop of ada')).toBe('GIVEN');
  });

  test('to a machine, however many organisations have named it', () => {
    const { ask } = openTrials();
    for (const n of ['1', '2', '3', '4', '5']) ask(applicantOf(`eve@rogue${n}.example`), 'laptop of ada');
    expect(ask(applicantOf('ada@gmail.com'), 'laptop of ada')).toBe('GIVEN');
  });

  test('per machine also to organisations if the vendor sets no limit per domain', () => {
    const { ask } = openTrials({ ...POLICY, perDomain: 0 });
    const answers = ['a', 'b', 'c'].map((name) => ask(applicantOf(`${name}@acme.example`), 'laptop'));
    expect(answers).toEqual(['GIVEN', 'GIVEN', 'machine']);
  });

  test.each([
    ['subdomains', 'a.corp.example', 'b.corp.example'],
    ['subdomains below a public suffix of two labels', 'a.corp.co.uk', 'corp.co.uk'],
    ['another case, and the dot of the root', 'Corp.Example.', 'corp.example'],
    ['Unicode and Punycode', 'büro.bücher.example', 'xn--bcher-kva.example'],
    ['full-width characters', 'ｃｏｒｐ．example', 'corp.example'],
  ])('once for %s of one registered domain: %s and %s', (_, one, other) => {
    const { ask } = openTrials();
    expect(ask(applicantOf(`a@${one}`), '1')).toBe('GIVEN');
    expect(ask(applicantOf(`b@${other}`), '2')).toBe('domain');
    expect(openTrials().ask(applicantOf('c@mail.acme.example', one), '3')).toBe('GIVEN');
  });

  test.each([
    ['two names below co.uk', 'one.co.uk', 'two.co.uk'],
    ['two sites of a shared host', 'one.github.io', 'two.github.io'],
  ])('to each of %s: %s and %s', (_, one, other) => {
    const { ask } = openTrials();
    for (const domain of [one, other]) expect(ask(applicantOf(`a@${domain}`), domain)).toBe('GIVEN');
  });

  test('per e-mail domain as often as the vendor allows, and all domains of an organisation count as one', () => {
    const { ask } = openTrials({ ...POLICY, perDomain: 2 });
    expect(ask(applicantOf('a@acme.example'), '1')).toBe('GIVEN');
    expect(ask(applicantOf('b@acme.example'), '2')).toBe('GIVEN');
    expect(ask(applicantOf('c@acme.example'), '3')).toBe('domain');
    expect(ask(applicantOf('d@acme-labs.example', 'acme.example'), '4')).toBe('domain');
    expect(ask(applicantOf('e@other.example'), '5')).toBe('GIVEN');
  });

  test('any number of times per domain if the vendor sets no limit', () => {
    const { ask } = openTrials({ ...POLICY, perDomain: 0 });
    for (const n of ['1', '2', '3']) expect(ask(applicantOf(`${n}@acme.example`), n)).toBe('GIVEN');
  });

  test.each(['gmail.com', 'outlook.com', 'yahoo.co.uk', 'hotmail.fr', 'icloud.com', 'gmx.de', 'qq.com'])(
    'to every user of a public mail provider: %s',
    (domain) => {
      const { ask } = openTrials();
      for (const n of ['1', '2', '3']) expect(ask(applicantOf(`${n}@${domain}`), n)).toBe('GIVEN');
    },
  );

  test.each(['gmail.com.evil.example', 'notgmail.com', 'live.acme.example', 'outlook.example'])(
    'once per domain that only looks like a public mail provider: %s',
    (domain) => {
      const { ask } = openTrials();
      expect(ask(applicantOf(`a@${domain}`), '1')).toBe('GIVEN');
      expect(ask(applicantOf(`b@${domain}`), '2')).toBe('domain');
    },
  );

  test('at most once per account, perDomain times per registered domain and perMachine times per machine, in any order of requests', () => {
    const asks = fc.array(
      fc.record({
        name: fc.constantFrom('a', 'b', 'c', 'd', 'e'),
        domain: fc.constantFrom(
          'gmail.com',
          'acme.example',
          'dev.acme.example',
          'ACME.example.',
          'other.example',
        ),
        machine: fc.constantFrom('1', '2', '3', '4', '5', '6'),
      }),
      { maxLength: 30 },
    );
    fc.assert(
      fc.property(asks, fc.integer({ min: 1, max: 3 }), (all, perDomain) => {
        const { ask } = openTrials({ ...POLICY, perDomain });
        const given = all.filter(
          ({ name, domain, machine }) => ask(applicantOf(`${name}@${domain}`), machine) === 'GIVEN',
        );
        expect(most(given, ({ name, domain }) => `${name}@${domain}`)).toBeLessThanOrEqual(1);
        const [ofPublicMail, ofCompanies] = [true, false].map((isPublic) =>
          given.filter(({ domain }) => (domain === 'gmail.com') === isPublic),
        );
        expect(most(ofPublicMail, ({ machine }) => machine)).toBeLessThanOrEqual(POLICY.perMachine);
        const companyOf = ({ domain }: Ask) => (domain === 'other.example' ? 'other' : 'acme');
        expect(most(ofCompanies, companyOf)).toBeLessThanOrEqual(perDomain);
        if (all.length > 0) expect(given.length).toBeGreaterThan(0);
      }),
    );
  });
});

describe('no trial is offered', () => {
  test.each([
    ['an e-mail address of a refused domain', applicantOf('spy@rival.example')],
    ['one of its subdomains', applicantOf('spy@mail.rival.example')],
    ['the same domain in another spelling', applicantOf('spy@Mail.RIVAL.example.')],
    [
      'an organisation with a refused domain, whose e-mail address has another domain',
      applicantOf('spy@harmless.example', 'rival.example'),
    ],
  ])('to %s', (_, applicant) => {
    expect(openTrials().ask(applicant, 'laptop')).toBe('NOT_OFFERED');
  });

  test('to anyone if the vendor disabled trials', () => {
    expect(openTrials({ ...POLICY, days: 0 }).ask(applicantOf('ada@gmail.com'), 'laptop')).toBe(
      'NOT_OFFERED',
    );
  });

  test('only to refused domains, not to a domain whose name ends like a refused one', () => {
    for (const email of ['a@notrival.example', 'rival.example@acme.example'])
      expect(openTrials().ask(applicantOf(email), email)).toBe('GIVEN');
  });
});

test('stores only pseudonyms of account, machine and domain', () => {
  const { ask, claims } = openTrials();
  ask(applicantOf('ada@acme.example'), 'fingerprint-of-ada');
  ask(applicantOf('ada@gmail.com'), 'fingerprint-of-ada');
  expect([...claims.keys()].map((id) => id.split(':')[0])).toEqual([
    'account',
    'domain',
    'account',
    'machine',
  ]);
  expect(JSON.stringify([...claims])).not.toMatch(/ada|acme/);
});

describe('a trial license', () => {
  const license = draftTrial(IDS, 'key', 'team', POLICY, NOW_MS);

  test("has the terms of its plan with the plan's trial seats, and expires by itself", () => {
    expect(license).toMatchObject({ ...termsOfPlan('team'), max: PLANS.team.trialSeats, trial: true });
    expect(entitlementOf(license)).toMatchObject({ status: 'active', validUntilMs: NOW_MS + 14 * DAY_MS });
  });

  test('exists for each plan that is for sale, and no other', () => {
    const isForSale = (plan: Plan): boolean =>
      priceKeyOf(plan, 'month') !== undefined || priceKeyOf(plan, 'year') !== undefined;
    for (const plan of PLAN_NAMES) expect(canBeTried(plan), plan).toBe(isForSale(plan));
  });
});

describe('a granted trial', () => {
  const ids = claimIdsOf(applicantOf('ada@gmail.com'), 'laptop', pseudonymOf);
  const license = draftTrial(IDS, 'key', 'pro', POLICY, NOW_MS);
  const [claim] = claimsFor(
    ids,
    { account: undefined, machine: undefined, domain: undefined },
    license,
    POLICY,
    NOW_MS,
  );
  if (!claim) throw new Error('no claim');
  const request = { tenantId: IDS.tenantId, plan: 'pro' as const };

  test('is returned for the same request, more than once, until it ends', () => {
    expect(canReissue(claim, ids, license, request, NOW_MS + 14 * DAY_MS - 1)).toBe(true);
    expect(canReissue(claim, ids, license, request, NOW_MS + 14 * DAY_MS)).toBe(false);
    const rekeyed = rotateKey(license, 'another key', 0, NOW_MS);
    expect(canReissue(reissued(claim, rekeyed), ids, rekeyed, request, NOW_MS)).toBe(true);
  });

  test.each([
    ['from another machine', { ids: { ...ids, machine: 'machine:other' } }],
    ['for another plan', { request: { ...request, plan: 'team' as const } }],
    ['for another tenant', { request: { ...request, tenantId: 'ten_07_1111111111111111' } }],
    ['after an admin rotated its key', { license: rotateKey(license, 'of the admin', 0, NOW_MS) }],
    ['while the vendor has suspended it', { license: { ...license, status: 'suspended' as const } }],
    ['while it is held back', { license: { ...license, hold: 'payment' as const } }],
    ['once it is paid for', { license: { ...license, trial: false } }],
    ['once it no longer expires', { license: { ...license, validUntilMs: null } }],
    ['once its owner was erased', { claim: { ...claim, given: null } }],
  ])('is not returned again %s', (_, but) => {
    const input = { claim, ids, license, request, ...but };
    expect(canReissue(input.claim, input.ids, input.license, input.request, NOW_MS)).toBe(false);
  });
});
