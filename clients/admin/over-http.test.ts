import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { beginPurchase, buySeats, withoutStripeEvents } from '../../functions/testing/purchases.ts';
import { setAsideEvent } from '../../functions/testing/sample-world.ts';
import {
  OPERATOR_KEY,
  openTestSuite,
  type TestLicense,
  type TestSuite,
} from '../../functions/testing/suite.ts';
import { acceptInvitations, signIn, type TestUser } from '../../functions/testing/users.ts';
import { newLicenseId, newPersonalId, newSessionId, newTenantId } from '../../shared/domain/ids.ts';
import { newTenant } from '../../shared/domain/users.ts';
import { TENANTS } from '../../shared/ports/collections.ts';
import { cannedServer } from '../../shared/testing/servers/canned-server.ts';
import { freePort } from '../../shared/testing/servers/free-port.ts';
import { runAdmin } from './src/run.ts';
import type { Environment } from './src/target.ts';

let suite: TestSuite;
beforeAll(async () => {
  suite = await openTestSuite({ SHARDS: '4' });
});
afterAll(() => suite.close());

interface Run {
  readonly code: number;
  readonly printed: string;
  readonly errors: string;
}

/** Runs a command with only `environment` set, and asserts that its output contains no operator key. */
async function adminIn(environment: Environment, ...args: string[]): Promise<Run> {
  const printed: string[] = [];
  const errors: string[] = [];
  const output = {
    print: (text: string) => void printed.push(text),
    printError: (text: string) => void errors.push(text),
  };
  const code = await runAdmin(args, environment, output);
  const run = { code, printed: printed.join('\n'), errors: errors.join('\n') };
  const secrets = `${OPERATOR_KEY} ${environment.OPERATOR_KEY}`.split(/\s/).filter((word) => word.length > 9);
  for (const key of secrets) expect(JSON.stringify(run)).not.toContain(key);
  return run;
}

const at = (url: string, ...args: string[]): Promise<Run> =>
  adminIn({ SEATLEASE_URL: url, OPERATOR_KEY }, ...args);

/** The output of a command that must succeed. */
async function outputOf(...args: string[]): Promise<string> {
  const { code, printed, errors } = await at(suite.url, ...args);
  expect([code, errors]).toEqual([0, '']);
  return printed;
}
const json = async (...args: string[]) => JSON.parse(await outputOf(...args, '--json'));

/** The error output of a command that must fail without a stack trace. */
async function errorsOf(url: string, ...args: string[]): Promise<string> {
  const { code, printed, errors } = await at(url, ...args);
  expect([code, printed]).toEqual([2, '']);
  expect(errors).not.toContain('    at ');
  return errors;
}

const makeTenant = async (...more: string[]): Promise<string> =>
  (await json('tenants', 'create', '--name', 'Acme', ...more)).tenant.tenant_id;

/** A tenant with an owner and a member. */
async function tenantWithMembers(
  name: string,
): Promise<{ tenant: string; owner: TestUser; member: TestUser }> {
  const [ownerEmail, memberEmail] = [`owner@${name}.example`, `member@${name}.example`];
  const tenant = await makeTenant('--owner', ownerEmail);
  const invite = ['tenants', 'invite', '--tenant', tenant, '--role', 'member', '--email'];
  await outputOf(...invite, memberEmail);
  const owner = await acceptInvitations(suite, await signIn(suite, ownerEmail));
  const member = await acceptInvitations(suite, await signIn(suite, memberEmail));
  return { tenant, owner, member };
}

describe('tenants', () => {
  test('create creates a tenant and invites its owner in one command', async () => {
    const printed = await outputOf(
      'tenants',
      'create',
      '--name',
      'Grace & Co',
      '--owner',
      'Grace@grace.example',
    );
    const [tenant = ''] = /ten_\w+/.exec(printed) ?? [];
    expect(printed).toContain(`Created tenant ${tenant}: Grace & Co.\n`);
    expect(printed).toContain('Invited grace@grace.example as owner, until 2');

    const before = await outputOf('tenants', 'show', '--tenant', tenant);
    expect(before).toMatch(/^Grace & Co\n {2}tenant +ten_\S+\n {2}owner +none yet\n/);
    expect(before).toContain('\n  No members.\n');
    expect(before).toMatch(
      /\n {2}INVITATION +E-MAIL +ROLE +UNTIL\n {2}inv_\S+ +grace@grace\.example +owner +2/,
    );
    expect(before).toContain('\n  No licenses.');

    const { userId } = await acceptInvitations(suite, await signIn(suite, 'grace@grace.example'));
    const after = await outputOf('tenants', 'show', '--tenant', tenant);
    expect(after).toMatch(/\n {2}owner +usr_/);
    expect(after).toMatch(new RegExp(`\\n {2}${userId} +grace@grace\\.example +grace +owner +2`));
    expect(after).toContain('\n  No invitations.\n');
  });

  test('create and show print JSON with --json', async () => {
    const made = await json('tenants', 'create', '--name', 'Ada', '--owner', 'ada@ada.example');
    expect(made).toEqual({
      tenant: expect.objectContaining({ name: 'Ada', owner_id: null }),
      invitation: expect.objectContaining({ email: 'ada@ada.example', role: 'owner' }),
    });
    const { tenant_id } = made.tenant;
    const { license } = await json('licenses', 'create', '--tenant', tenant_id, '--max', '2');
    expect(await json('tenants', 'show', '--tenant', tenant_id)).toEqual({
      tenant: made.tenant,
      members: [],
      invitations: [made.invitation],
      licenses: [license],
      more: { members: false, invitations: false, licenses: false },
    });
  });

  test('create without --owner prints how to invite an owner', async () => {
    const printed = await outputOf('tenants', 'create', '--name', 'Nobody');
    expect(printed).toMatch(/tenants invite --tenant ten_\S+ --role owner --email …$/);
  });

  test('create reports the created tenant when its owner could not be invited', async () => {
    const tenant = {
      tenant_id: newTenantId(4),
      name: 'Half',
      created_at: AT,
      owner_id: null,
      join_domain: null,
      pending_domain: null,
      transfer: null,
    };
    const server = await answering(({ url }) =>
      url?.endsWith('/invitations') ? [503, problem('RECORDS_UNAVAILABLE')] : [201, tenant],
    );
    const message = await errorsOf(server, 'tenants', 'create', '--name', 'Half', '--owner', 'a@b.example');
    expect(message).toContain('RECORDS_UNAVAILABLE');
    expect(message).toContain(`The tenant ${tenant.tenant_id} was created, but its owner was not invited.`);
    expect(message).toContain(`tenants invite --tenant ${tenant.tenant_id} --role owner --email a@b.example`);
  });

  test('withdraw makes an invitation unusable', async () => {
    const tenant = await makeTenant();
    const invited = await json(
      ...['tenants', 'invite', '--tenant', tenant, '--email', 'wrong@typo.example', '--role', 'admin'],
    );
    const { invitation_id } = invited.invitation;
    expect(await outputOf('tenants', 'withdraw', '--tenant', tenant, '--invitation', invitation_id)).toBe(
      `Withdrew ${invitation_id}: it can no longer be used to join ${tenant}.`,
    );
    const stranger = await acceptInvitations(suite, await signIn(suite, 'wrong@typo.example'));
    expect(stranger.tenants.has(tenant)).toBe(false);
  });

  test('transfer offers the ownership, show prints the offer, and withdraw-transfer ends it', async () => {
    const { tenant, owner, member } = await tenantWithMembers('offer');
    const transfer = ['tenants', 'transfer', '--tenant', tenant, '--user', member.userId];
    expect(await json(...transfer)).toMatchObject({
      tenant: { owner_id: owner.userId, transfer: { user_id: member.userId } },
    });
    expect(await outputOf('tenants', 'show', '--tenant', tenant)).toMatch(
      new RegExp(`\\n {2}offered to +${member.userId}, until 2`),
    );
    expect(await outputOf('tenants', 'withdraw-transfer', '--tenant', tenant)).toBe(
      `The ownership of ${tenant} is not offered to anyone.`,
    );
    expect((await member.call('POST', `/api/v1/tenants/${tenant}/transfer/accept`)).status).toBe(404);
  });

  test('approve-domain lets users of a domain join, and release-domain ends that', async () => {
    const tenant = await makeTenant();
    const approve = ['tenants', 'approve-domain', '--tenant', tenant, '--domain', 'approved.example'];
    expect(await outputOf(...approve)).toBe(
      `New users of approved.example join ${tenant} when they first sign in.`,
    );
    expect(await outputOf('tenants', 'verify-domain', '--tenant', tenant)).toContain(
      'approved.example is verified',
    );
    const hired = await signIn(suite, 'hired@approved.example', { hostedDomain: 'approved.example' });
    expect([...hired.tenants.keys()]).toEqual([tenant]);
    await outputOf('tenants', 'release-domain', '--tenant', tenant);
    const late = await signIn(suite, 'late@approved.example', { hostedDomain: 'approved.example' });
    expect([...late.tenants.keys()]).not.toContain(tenant);
    const verify = await errorsOf(suite.url, 'tenants', 'verify-domain', '--tenant', tenant);
    expect(verify).toMatch(/^DOMAIN_NOT_CLAIMED: /);
  });

  test('remove removes a member but not the owner', async () => {
    const { tenant, owner, member } = await tenantWithMembers('relay');
    const transfer = ['tenants', 'transfer', '--tenant', tenant, '--user', member.userId];
    expect(await outputOf(...transfer)).toMatch(
      new RegExp(`^Offered the ownership of ${tenant} to ${member.userId}, until 2`),
    );
    await member.call('POST', `/api/v1/tenants/${tenant}/transfer/accept`);
    const remove = ['tenants', 'remove', '--tenant', tenant, '--user', owner.userId];
    expect(await outputOf(...remove)).toBe(`Removed ${owner.userId} from ${tenant}.`);
    expect(await json(...remove)).toEqual({ tenant_id: tenant, user_id: owner.userId });
    const { members } = await json('tenants', 'show', '--tenant', tenant);
    expect(members).toMatchObject([{ user_id: member.userId, role: 'owner' }]);
    expect(await errorsOf(suite.url, ...remove.with(-1, member.userId))).toContain('OWNER_MUST_STAY');
  });
});

describe('lists', () => {
  const MADE = 230;
  let ids: string[];
  beforeAll(async () => {
    const madeLaterMs = Date.now() + 3_600_000;
    const made = Array.from({ length: MADE }, (_, n) =>
      newTenant(newTenantId(4), `T${n}`, null, madeLaterMs + n),
    );
    await suite.deps.records.transact(async (transaction) => {
      for (const tenant of made) transaction.set(TENANTS, tenant.tenantId, tenant);
    });
    ids = made.map(({ tenantId }) => tenantId).toReversed();
  });

  test.each([1, 99, 100, 101, 230])(
    'show the newest %i rows with --limit, and report that there are more',
    async (n) => {
      const { tenants, more } = await json('tenants', 'list', '--limit', String(n));
      expect(tenants.map(({ tenant_id }: { tenant_id: string }) => tenant_id)).toEqual(ids.slice(0, n));
      expect(more).toBe(true);
    },
  );

  test('show 100 aligned rows by default, and how to see more', async () => {
    const printed = (await outputOf('tenants', 'list')).split('\n');
    expect(printed).toHaveLength(102);
    const [head = '', first = ''] = printed;
    expect(head).toMatch(/^TENANT +NAME +OWNER +CREATED$/);
    expect(first.indexOf('T229')).toBe(head.indexOf('NAME'));
    expect(first.slice(head.indexOf('OWNER'))).toMatch(/^- +2\d+-/);
    expect(printed.at(-1)).toBe('There are more tenants than these 100: raise --limit.');
  });

  test.each([199, 200, 201])(
    'report more than 200 rows only if there are more, and show no row twice (%i rows)',
    async (all) => {
      const rows = Array.from({ length: all }, (_, n) => ({
        ...{ user_id: `usr_${String(n).padStart(16, '0')}`, email: 'a@b.example', name: 'A' },
        ...{ created_at: AT, last_sign_in_at: AT },
      }));
      // Each page begins with the last row of the previous one, as when rows move while they are read.
      const server = await answering(({ url }) => {
        const { searchParams } = new URL(url ?? '', 'http://host');
        const from = Number(searchParams.get('cursor') ?? 0);
        const end = from + Math.max(2, Number(searchParams.get('limit')));
        return [200, { users: rows.slice(from, end), next_cursor: end < all ? String(end - 1) : null }];
      });
      const { printed } = await at(server, 'users', 'list', '--limit', '200', '--json');
      const { users, more } = JSON.parse(printed);
      expect([users.length, more]).toEqual([Math.min(all, 200), all > 200]);
      expect(users).toEqual(rows.slice(0, 200));
    },
  );

  test('report that they are empty', async () => {
    const empty = (await suite.createLicense()).licenseId;
    expect(await outputOf('licenses', 'list', '--tenant', await makeTenant())).toBe('No licenses.');
    expect(await outputOf('users', 'list', '--email', 'nobody@nowhere.example')).toBe('No users.');
    expect(await outputOf('sessions', 'list', '--license', empty)).toBe(
      '0 of 3 seats are taken.\nNo sessions.',
    );
    expect(await outputOf('sessions', 'history', '--license', empty)).toBe('No sessions.');
    expect(await outputOf('audit', 'list', '--session', newSessionId(empty))).toBe('No events.');
    expect(await json('users', 'list', '--email', 'nobody@nowhere.example')).toEqual({
      users: [],
      more: false,
    });
  });

  test('escape control characters', async () => {
    const name = 'A\u001b[2J\u009b2J\nB';
    const user = {
      user_id: newPersonalId('usr'),
      email: 'a@b.example',
      name,
      created_at: AT,
      last_sign_in_at: AT,
    };
    const server = await answering(() => [200, { users: [user], next_cursor: null }]);
    expect((await at(server, 'users', 'list')).printed).toContain('  A\\u001b[2J\\u009b2J B  ');
    const { printed } = await at(server, 'users', 'list', '--json');
    expect(printed).not.toMatch(/[^\P{Cc}\n]/u);
    expect(JSON.parse(printed).users[0].name).toBe(name);
  });
});

describe('licenses', () => {
  const create = async (...terms: string[]) =>
    json('licenses', 'create', '--tenant', await makeTenant(), ...terms);
  const acquire = (key: string, fingerprint = 'laptop') =>
    suite.call('POST', '/api/v1/licenses/acquire', {
      authorization: `License ${key}`,
      body: { fingerprint },
    });

  test('create creates a license with its terms and shows its key once', async () => {
    const terms = ['--max', '5', '--unit', 'user', '--plan', 'team'];
    const printed = await outputOf('licenses', 'create', '--tenant', await makeTenant(), ...terms);
    const [license = ''] = /lic_\w+/.exec(printed) ?? [];
    expect(printed).toMatch(/\n {2}seats +5\n {2}counted by +user\n {2}plan +team\n/);
    const [key = ''] = /(?<=\n {2})slk_\w+$/.exec(printed) ?? [];
    expect(
      (
        await suite.call('POST', '/api/v1/licenses/acquire', {
          authorization: `License ${key}`,
          body: { fingerprint: 'laptop', user_id: 'ada' },
        })
      ).status,
    ).toBe(201);

    const shown = await outputOf('licenses', 'show', '--license', license);
    expect(shown).toMatch(/\n {2}status +active\n {2}seats +1 of 5 taken\n/);
    expect(shown).not.toContain('slk_');
  });

  test('create and show print JSON with --json', async () => {
    const { license, license_key } = await create('--max', '2');
    expect(license).toMatchObject({ max: 2, unit: 'machine', status: 'active' });
    expect(license).not.toHaveProperty('license_key');
    await acquire(license_key);
    const shown = await json('licenses', 'show', '--license', license.license_id);
    expect(shown).toEqual({ license: { ...license, seats: { active: 1, max: 2 } } });
  });

  test.each([
    [
      { plan: 'enterprise', features: [] },
      /\n {2}seats +0 of 3 taken\n.*\n {2}features +none\n {2}limits +none\n.*\n {2}overrides +features\n/s,
    ],
    [{ plan: 'free' }, /\n {2}borrowing +not allowed\n.*\n {2}overrides +none\n/s],
    [{ limits: { users: 4 } }, /\n {2}features +export\n {2}limits +projects 20, users 4\n/],
    [
      { max_sessions: 2, offline_start_days: 5, signed_limit: 9 },
      /\n {2}programs +at most 2 on one seat\n.*\n {2}offline start +5 days\n {2}signed for +at most 9 machines\n/s,
    ],
    [{ overdraft: 2, features: ['a', 'b'] }, /taken, plus an overdraft of 2\n.*\n {2}features +a, b\n/s],
    [{ borrow: { max_days: 9 } }, /\n {2}borrowing +at most 9 days\n/],
    [{ borrow: { max_days: 9, low_water: 2 } }, /\n {2}borrowing +at most 9 days; 2 seats are never lent\n/],
  ])('show prints all terms: %j', async (terms, shown) => {
    const { licenseId } = await suite.createLicense(terms);
    expect(await outputOf('licenses', 'show', '--license', licenseId)).toMatch(shown);
  });

  test('show prints subscription and hold of a paid license, and change does not resize it', async () => {
    const { licenseId: own } = await suite.createLicense();
    expect(await outputOf('licenses', 'show', '--license', own)).toMatch(/\n {2}paid by +no subscription\n/);
    const { licenseId, pay } = await beginPurchase(suite);
    const subscriptionId = await pay();
    await suite.stripe.idle();
    const shown = await outputOf('licenses', 'show', '--license', licenseId);
    expect(shown).toMatch(new RegExp(`\n {2}status +active\n.*\n {2}paid by +${subscriptionId}\n`, 's'));
    expect(await errorsOf(suite.url, 'licenses', 'change', '--license', licenseId, '--max', '9')).toContain(
      'BILLED_BY_SUBSCRIPTION',
    );
    await suite.stripe.dispute(suite.stripe.chargeOf(subscriptionId) ?? '');
    await suite.stripe.idle();
    expect(await outputOf('licenses', 'show', '--license', licenseId)).toMatch(
      /\n {2}status +suspended: a payment is disputed\n/,
    );
  });

  test('list prints the licenses of one tenant, or of all tenants', async () => {
    const { license } = await create('--max', '7');
    const printed = await outputOf('licenses', 'list', '--tenant', license.tenant_id);
    expect(printed).toMatch(
      /^LICENSE +SEATS +UNIT +PLAN +STATUS +VALID UNTIL +TENANT\nlic_\S+ +7 +machine +\w+ +active +- +ten_\S+$/,
    );
    expect(await json('licenses', 'list', '--tenant', license.tenant_id)).toEqual({
      licenses: [license],
      more: false,
    });
    const { licenses, more } = await json('licenses', 'list', '--limit', '1');
    expect([licenses, more]).toEqual([[license], true]);
  });

  test('change resizes, suspends and reinstates, and keeps the other terms', async () => {
    const { license, license_key } = await create('--max', '2');
    const change = ['licenses', 'change', '--license', license.license_id];
    expect(await outputOf(...change, '--max', '1')).toMatch(/\n {2}status +active\n {2}seats +1\n/);
    expect(await json(...change, '--status', 'suspended')).toMatchObject({
      license: { max: 1, status: 'suspended' },
    });
    expect((await acquire(license_key)).body.code).toBe('LICENSE_SUSPENDED');
    await outputOf(...change, '--status', 'active', '--max', '0');
    expect((await acquire(license_key)).body.code).toBe('SEATS_EXHAUSTED');
  });

  test('rotate-key ends the old key now, or after the overlap', async () => {
    const { license, license_key: first } = await create('--max', '1');
    const rotate = ['licenses', 'rotate-key', '--license', license.license_id];
    const printed = await outputOf(...rotate, '--overlap-seconds', '600');
    const [second = ''] = /(?<=\n {2})slk_\w+/.exec(printed) ?? [];
    expect(printed).toContain('\nThe old key is valid for 600 s more.');
    expect([(await acquire(first)).status, (await acquire(second)).status]).toEqual([201, 200]);

    const { license_key: third } = await json(...rotate);
    expect((await acquire(second)).body.code).toBe('CREDENTIALS_INVALID');
    expect((await acquire(third)).status).toBe(200);
    expect(await outputOf(...rotate)).toContain('\nThe old key is no longer valid.');
  });
});

describe('sessions and audit', () => {
  let license: TestLicense;
  let session: string;
  beforeAll(async () => {
    license = await suite.createLicense({ max: 2, plan: 'pro', borrow: { max_days: 9 } });
    session = (await license.acquire('fp-1', { hostname: 'ada-laptop', app_version: '4.2' })).body.session_id;
    await license.acquire('fp-2', { borrow_days: 3 });
  });

  test('sessions list prints the sessions that hold a seat, and sessions evict ends one permanently', async () => {
    const list = ['sessions', 'list', '--license', license.licenseId];
    const printed = await outputOf(...list);
    expect(printed).toMatch(
      /^2 of 2 seats are taken\.\nSEAT +SESSION +MACHINE +USER +PROCESS +APP +SINCE +UNTIL\n/,
    );
    expect(printed).toMatch(
      new RegExp(`\\n[\\w-]{12} +${session} +ada-laptop +- +- +4\\.2 +2\\S+Z +2\\S+Z\\n`),
    );
    expect(printed).toMatch(/\n[\w-]{12} +ses_\S+ +fp-2 +- +- +- +2\S+Z +2\S+Z \(borrowed\)$/);
    expect(await json(...list)).toMatchObject({
      seats: { active: 2, max: 2 },
      sessions: [{ session_id: session, hostname: 'ada-laptop' }, { fingerprint: 'fp-2' }],
      more: false,
    });

    expect(await outputOf('sessions', 'evict', '--session', session)).toBe(
      `Ended ${session}: it no longer holds a seat.`,
    );
    expect(await json(...list)).toMatchObject({ seats: { active: 1 }, sessions: [{ fingerprint: 'fp-2' }] });
    expect(await json('sessions', 'evict', '--session', session)).toEqual({
      session_id: session,
      scope: 'program',
    });
    const unknown = newSessionId(license.licenseId);
    expect(await errorsOf(suite.url, 'sessions', 'evict', '--session', unknown)).toMatch(
      /^SESSION_NOT_FOUND: /,
    );
  });

  test('sessions evict --whole-seat ends all sessions of a seat', async () => {
    const shared = await suite.createLicense({ max: 1 });
    const ids: string[] = [];
    for (const instance_id of ['a', 'b'])
      ids.push((await shared.acquire('fp-1', { instance_id })).body.session_id);
    expect(await outputOf('sessions', 'evict', '--session', String(ids[0]), '--whole-seat')).toBe(
      `Freed the seat of ${ids[0]}: its sessions have ended.`,
    );
    const left = await json('sessions', 'list', '--license', shared.licenseId);
    expect(left).toMatchObject({ seats: { active: 0 }, sessions: [] });
  });

  test('audit follow prints each event once, oldest first, and goes on at the cursor that it printed', async () => {
    const { tenantId, acquire } = await suite.createLicense({ max: 2 });
    await suite.settle();
    const follow = ['audit', 'follow', '--tenant', tenantId];
    const first = await json(...follow, '--limit', '1');
    const rest = await json(...follow, '--cursor', first.cursor);
    const types = [...first.events, ...rest.events].map(({ type }: { type: string }) => type);
    expect(types.toSorted()).toEqual(['license.created', 'tenant.created']);
    const nothing = await json(...follow, '--cursor', rest.cursor);
    expect(nothing).toEqual({ events: [], cursor: rest.cursor });
    await acquire('fp-3');
    await suite.settle();
    const printed = await outputOf(...follow, '--cursor', rest.cursor);
    expect(printed).toMatch(
      /^AT +TYPE[^\n]+\n2\S+Z +session\.acquired +license lic_\S+ [^\n]+\nCursor: \S+\n?$/,
    );
  });

  test('sessions history prints ended sessions too, and audit list prints all events', async () => {
    await suite.settle();
    const history = ['sessions', 'history', '--license', license.licenseId];
    const printed = await outputOf(...history);
    expect(printed).toMatch(/^SESSION +HOLDER +SINCE +ENDED +WHY +SEATED +REVIVED\n/);
    expect(printed).toMatch(new RegExp(`\\n${session} +\\S+ +2\\S+Z +2\\S+Z +evicted +\\d+ s +0(\\n|$)`));
    const { sessions, more } = await json(...history);
    expect(sessions).toHaveLength(2);
    expect(sessions).toContainEqual(expect.objectContaining({ session_id: session, end_reason: 'evicted' }));
    expect(more).toBe(false);

    const list = ['audit', 'list', '--license', license.licenseId];
    const typesOf = async (...more: string[]): Promise<string[]> =>
      (await json(...more)).events.map(({ type }: { type: string }) => type);
    const all = ['license.created', 'session.acquired', 'session.borrowed', 'session.evicted'];
    expect((await typesOf(...list)).toSorted()).toEqual(all);
    expect(await typesOf(...list, '--type', 'session.evicted')).toEqual(['session.evicted']);
    expect(await typesOf('audit', 'list', '--session', session)).toEqual([
      'session.evicted',
      'session.acquired',
    ]);
    expect(await typesOf('audit', 'list', '--tenant', license.tenantId)).toHaveLength(5);
    const byOperator = await typesOf('audit', 'list', '--tenant', license.tenantId, '--actor', 'bootstrap');
    expect(byOperator.toSorted()).toEqual(['license.created', 'session.evicted', 'tenant.created']);
    expect(await outputOf(...list, '--limit', '1')).toMatch(
      /^AT +TYPE +BY +LICENSE +SESSION +SUBJECT +DETAIL\n2\S+Z +session\.evicted +operator bootstrap +lic_\S+ +ses_\S+ +- +active=1 max=2\nThere are more events than these 1: raise --limit\.\n?$/,
    );
  });
});

describe('subscriptions', () => {
  test('are listed, set to end, kept, paused, resumed and ended', async () => {
    const { tenantId, licenseId } = await buySeats(suite);
    const run = (command: string, ...more: string[]) =>
      outputOf('subscriptions', command, '--license', licenseId, ...more);
    const row = (status: string, ends: string) =>
      new RegExp(
        `^SUBSCRIPTION +LICENSE +PLAN +SEATS +STATUS +ENDS\\nsub_\\S+ +${licenseId} +pro +2 +${status} +${ends}`,
      );
    expect(await outputOf('subscriptions', 'list', '--tenant', tenantId)).toMatch(row('active', '-'));
    expect(await run('cancel')).toMatch(row('active', '2\\S+Z$'));
    expect(await run('keep')).toMatch(row('active', '-$'));
    const at = new Date(Math.ceil(Date.now() / 1000) * 1000 + 86_400_000).toISOString();
    expect(await run('cancel', '--when', 'at', '--at', at)).toMatch(row('active', `${at}$`));
    expect(await run('keep')).toMatch(row('active', '-$'));
    expect(await run('pause', '--kind', 'collection', '--behavior', 'void')).toMatch(
      row('active, not collected', '-$'),
    );
    expect(await run('resume')).toMatch(row('active', '-$'));
    expect(await run('pause', '--kind', 'subscription')).toMatch(row('paused', '-$'));
    const { subscription_id } = await json('subscriptions', 'resume', '--license', licenseId);
    await run('pause', '--kind', 'subscription');
    await suite.stripe.changeSeats(subscription_id, 5);
    await suite.stripe.setCard(subscription_id, 'declined');
    expect(await run('resume')).toMatch(/It stays paused until this invoice is paid: http\S+$/);
    expect(await run('cancel', '--when', 'now')).toMatch(/canceled +2\S+Z/);
  });

  test('are read from Stripe on request', async () => {
    const { licenseId, subscriptionId } = await buySeats(suite, { seats: 2 });
    const sync = ['subscriptions', 'sync', '--license', licenseId];
    await withoutStripeEvents(suite, () => suite.stripe.changeSeats(subscriptionId, 5));
    expect(await outputOf(...sync)).toMatch(new RegExp(`\\n${subscriptionId} +${licenseId} +pro +5 +active`));
    expect(await json(...sync, '--subscription', subscriptionId)).toMatchObject({ seats: 5 });
    expect(await errorsOf(suite.url, ...sync, '--subscription', 'sub_unknown')).toContain(
      'sub_unknown grants no seats: the subscription does not exist at Stripe.',
    );
  });

  test('show the change that waits for its payment, and where to pay', async () => {
    const { tenantId, licenseId, subscriptionId } = await buySeats(suite, { seats: 2 });
    await suite.stripe.setCard(subscriptionId, 'declined');
    await suite.operate('PATCH', `/api/v1/subscriptions/${licenseId}`, { plan: 'team', seats: 9 });
    const waits = new RegExp(
      `^${subscriptionId}: a change to team, 9 seats, billed every month, waits for its payment until 2\\S+Z\\. Pay on http\\S+$`,
      'm',
    );
    expect(await outputOf('subscriptions', 'list', '--tenant', tenantId)).toMatch(waits);
  });
});

test('audit list prints which invoice was paid', async () => {
  const { licenseId } = await buySeats(suite);
  const printed = await outputOf('audit', 'list', '--license', licenseId, '--type', 'subscription.paid');
  expect(printed).toMatch(/ invoice_id=in_\w+$/m);
});

test('audit list prints from what to what a subscription was changed', async () => {
  const { licenseId } = await buySeats(suite, { seats: 6 });
  const change = { plan: 'team', seats: 8 };
  expect((await suite.operate('PATCH', `/api/v1/subscriptions/${licenseId}`, change)).status).toBe(200);
  const printed = await outputOf('audit', 'list', '--license', licenseId, '--type', 'subscription.changed');
  for (const each of ['plan=team', 'seats=8', 'previous_seats=6', 'previous_plan=pro', 'interval=month'])
    expect(printed).toContain(each);
});

describe('revocations', () => {
  test('license revokes a signed license by the jti of its event, and undo restores it', async () => {
    const license = await suite.createLicense({ plan: 'pro' });
    const { session_id } = (await license.acquire('fp-1')).body;
    const { jti } = (await license.sign({ session_id })).body.license_data;
    await suite.settle();
    const signed = ['audit', 'list', '--license', license.licenseId, '--type', 'license.signed'];
    expect(await outputOf(...signed)).toContain(`jti=${jti}`);

    expect(await outputOf('revocations', 'list')).toBe('Nothing is revoked.');
    const revoke = ['revocations', 'license', '--license', license.licenseId, '--jti', jti];
    expect(await outputOf(...revoke)).toMatch(
      new RegExp(
        `^SIGNED LICENSE +LICENSE +REVOKED +LISTED UNTIL\\n${jti} +${license.licenseId} +2\\S+Z +2\\S+Z$`,
      ),
    );
    expect(await json('revocations', 'list')).toMatchObject({ keys: [], licenses: [{ jti }] });
    expect(await outputOf('revocations', 'undo', '--id', jti)).toBe('Nothing is revoked.');
  });

  test('key shows what it means, changes nothing without --yes, and is refused for the key that signs', async () => {
    const { key_id } = (await suite.call('GET', '/api/v1/public-key')).body;
    const printed = await outputOf('revocations', 'key', '--key', key_id, '--since', '2027-01-15T08:00:00Z');
    expect(printed).toContain('If the key is compromised, leave out --since.');
    expect(printed).toContain('Nothing was changed.');
    const refused = await errorsOf(suite.url, 'revocations', 'key', '--key', key_id, '--yes');
    expect(refused).toMatch(/^SIGNING_KEY_IN_USE: /);
  });
});

describe('users', () => {
  test('list prints users, and finds one by e-mail address in any letter case', async () => {
    const { userId } = await signIn(suite, 'lin@lin.example');
    const printed = await outputOf('users', 'list', '--email', 'Lin@lin.example');
    expect(printed).toMatch(
      new RegExp(
        `^USER +E-MAIL +NAME +SINCE +LAST SIGN-IN\\n${userId} +lin@lin\\.example +lin +2\\S+Z +2\\S+Z$`,
      ),
    );
    const { users } = await json('users', 'list', '--limit', '1');
    expect(users).toMatchObject([{ user_id: userId, email: 'lin@lin.example' }]);
  });

  test('erase shows what it would remove, and removes the user only with --yes', async () => {
    const { userId } = await signIn(suite, 'eve@eve.example');
    const alone = await makeTenant('--owner', 'eve@eve.example');
    await acceptInvitations(suite, await signIn(suite, 'eve@eve.example'));
    const erase = ['users', 'erase', '--user', userId];
    const dry = await outputOf(...erase);
    expect(dry).toContain(`Would erase all data of ${userId}`);
    expect(dry).toContain(`Would close ${alone}, which has no other member`);
    expect(dry).toMatch(/--yes: it cannot be undone\.$/);
    const planned = await json(...erase);
    expect(planned).toEqual({
      user_id: userId,
      tenants_that_go: expect.arrayContaining([alone]),
      receipt: null,
    });
    expect((await json('users', 'list', '--email', 'eve@eve.example')).users).toHaveLength(1);

    const done = await json(...erase, '--yes');
    expect(done).toMatchObject({ ...planned, receipt: { erased: { users: 1 } } });
    expect(done.receipt.completed_at).not.toBeNull();
    expect((await json('users', 'list', '--email', 'eve@eve.example')).users).toEqual([]);
    expect(await errorsOf(suite.url, ...erase)).toContain('USER_NOT_FOUND');
  });

  test('erase repeats the confirmation until the erasure is done, and prints the receipt', async () => {
    const userId = newPersonalId('usr');
    let confirmed = 0;
    const server = await answering(({ method }) =>
      method === 'POST' ? [200, PLAN(userId)] : [200, receipt(++confirmed < 3 ? null : AT)],
    );
    const { printed } = await at(server, 'users', 'erase', '--user', userId, '--yes');
    expect(confirmed).toBe(3);
    expect(printed).toContain(`Erased all data of ${userId}.`);
    expect(printed).toMatch(
      /\n {2}completed +2027-01-15T08:00:00\.000Z\n {2}sessions +4\n {2}session histories +4\n/,
    );
    expect(printed).not.toContain(PLAN(userId).confirmation_token);
  });

  test('erase does not report everything as erased if events cannot be read', async () => {
    const userId = newPersonalId('usr');
    const server = await answering(({ method }) => [200, method === 'POST' ? PLAN(userId) : receipt(AT, 2)]);
    const { printed } = await at(server, 'users', 'erase', '--user', userId, '--yes');
    expect(printed).toContain(`Erased the data of ${userId}, except what cannot be read.`);
    expect(printed).toContain('Audit events that cannot be read: 2.');
    expect(printed).not.toContain('all data');
  });

  test('erase reports an erasure that is still not done as continuing', async () => {
    const userId = newPersonalId('usr');
    const server = await answering(({ method }) => [200, method === 'POST' ? PLAN(userId) : receipt(null)]);
    const { code, printed } = await at(server, 'users', 'erase', '--user', userId, '--yes');
    expect(code).toBe(0);
    expect(printed).toContain('takes longer and continues by itself');
    expect(printed).toMatch(/\n {2}completed +not yet\n/);
    expect(printed).not.toContain('Erased');
  });
});

describe('Stripe events', () => {
  test('list shows the events that cannot be read, and retry says that they cannot be tried again', async () => {
    expect(await outputOf('stripe-events', 'list')).toBe('No events.');
    await suite.stripe.addBody('{"id":"evt_odd","type":"invoice.paid"}');
    await suite.stripe.idle();
    const printed = await outputOf('stripe-events', 'list', '--status', 'unreadable');
    expect(printed).toMatch(/evt_odd +invoice\.paid +- +\S+Z +0 +it is not an event: object/);
    expect(await errorsOf(suite.url, 'stripe-events', 'retry', '--event', 'evt_odd')).toContain(
      'STRIPE_EVENT_NOT_RETRYABLE',
    );
  });

  test('retry opens an event that was set aside', async () => {
    const stripeEventId = await setAsideEvent(suite);
    expect(await outputOf('stripe-events', 'list')).toContain(stripeEventId);
    expect(await outputOf('stripe-events', 'retry', '--event', stripeEventId)).toMatch(/is tried again/);
    expect(await outputOf('stripe-events', 'list', '--status', 'open')).toContain(stripeEventId);
  });
});

describe('operator tokens', () => {
  const LIST = ['users', 'list'];
  const idOf = (printed: string): string => /opt_[0-9a-z]{16}/.exec(printed)?.[0] ?? '';

  test('create shows a token once, which then runs the commands that its scopes allow', async () => {
    const args = ['--name', 'CI', '--scopes', 'licenses:read,operator-tokens:read', '--days', '10'];
    const printed = await outputOf('operator-tokens', 'create', ...args);
    const [token = ''] = /slo_\w+/.exec(printed) ?? [];
    expect(await outputOf('operator-tokens', 'list')).not.toContain(token);
    const withToken = (...command: string[]): Promise<Run> =>
      adminIn({ SEATLEASE_URL: suite.url, OPERATOR_KEY: token }, ...command);
    const listed = await withToken('operator-tokens', 'list');
    expect([listed.code, listed.printed]).toEqual([0, expect.stringMatching(/CI +expiring +licenses:read,/)]);
    expect((await withToken('licenses', 'list')).code).toBe(0);
    const refused = await withToken('tenants', 'list');
    expect([refused.code, refused.errors]).toEqual([2, expect.stringContaining('"tenants:read"')]);
  });

  test('revoke ends a token', async () => {
    const { token_id, operator_token } = await json(
      'operator-tokens',
      'create',
      '--name',
      'X',
      '--scopes',
      'all',
    );
    expect(await outputOf('operator-tokens', 'revoke', '--token', token_id)).toBe(`Revoked ${token_id}.`);
    const { code, errors } = await adminIn(
      { SEATLEASE_URL: suite.url, OPERATOR_KEY: operator_token },
      ...LIST,
    );
    expect([code, errors]).toEqual([2, expect.stringContaining('no valid operator token')]);
    expect(idOf(await outputOf('operator-tokens', 'list', '--limit', '1'))).toBe(token_id);
  });

  test('create names the scopes that there are when one is wrong', async () => {
    const errors = await errorsOf(
      suite.url,
      'operator-tokens',
      'create',
      '--name',
      'X',
      '--scopes',
      'licenses',
    );
    expect(errors).toContain('needs scopes, separated by commas: read, all, release:read');
  });
});

test('shows the holds of a license, and lifts one with a reason', async () => {
  const purchase = await beginPurchase(suite);
  const subscriptionId = await purchase.pay();
  await suite.stripe.idle();
  const holds = (...more: string[]) => [...more, '--license', purchase.licenseId];
  expect(await outputOf(...holds('holds', 'list'))).toBe(
    'No payment holds the license back. "licenses show" says whether it is suspended or has expired.',
  );
  const dispute = await suite.stripe.dispute(suite.stripe.chargeOf(subscriptionId) ?? '');
  await suite.stripe.idle();
  const before = await outputOf(...holds('holds', 'list'));
  expect(await outputOf('licenses', 'list', '--tenant', purchase.tenantId)).toContain('suspended (dispute)');
  for (const text of [dispute, 'dispute', 'needs_response', 'The dispute is won.', 'no'])
    expect(before).toContain(text);
  const lift = ['holds', 'lift', '--hold', dispute, '--reason', 'Paid by wire'];
  expect(await outputOf(...holds(...lift))).toMatch(
    /^No payment holds the license back now\.\n[\s\S]*lifted\s+\S+ by bootstrap: Paid by wire/,
  );
  expect((await json(...holds('holds', 'list'))).holds[0].lifted.reason).toBe('Paid by wire');
  expect(await errorsOf(suite.url, ...holds('holds', 'lift', '--hold', dispute))).toContain('needs a reason');
});

describe('wrong usage', () => {
  const TENANT = newTenantId(4);
  const LICENSE = newLicenseId(TENANT);
  test.each([
    ['tenants list --limit 0', '--limit needs a whole number from 1 to 10000.'],
    ['tenants list --limit 10001', '--limit needs a whole number from 1 to 10000.'],
    ['tenants list --limit 1e2', '--limit needs a whole number from 1 to 10000.'],
    ['tenants list --tenant x', "Unknown option '--tenant'"],
    ['tenants show', '--tenant needs the id of a tenant (ten_…).'],
    [`tenants show --tenant ${LICENSE}`, '--tenant needs the id of a tenant (ten_…).'],
    ['tenants create --owner a@b.example', '--name needs a name of 1 to 100 characters.'],
    ['tenants create --name A --owner ada', '--owner needs an e-mail address.'],
    [
      `tenants invite --tenant ${TENANT} --email a@b.example --role boss`,
      '--role needs one of member, admin, owner.',
    ],
    [`tenants invite --tenant ${TENANT} --role admin`, '--email needs an e-mail address.'],
    [`tenants withdraw --tenant ${TENANT}`, '--invitation needs the id of an invitation (inv_…).'],
    [`tenants remove --tenant ${TENANT}`, '--user needs the id of a user (usr_…).'],
    [`tenants transfer --tenant ${TENANT} --user ../me`, '--user needs the id of a user (usr_…).'],
    [`licenses show --license ${TENANT}`, '--license needs the id of a license (lic_…).'],
    [`licenses create --tenant ${TENANT}`, '--max needs a whole number from 0 to 1000000.'],
    [`licenses create --tenant ${TENANT} --max 5.5`, '--max needs a whole number from 0 to 1000000.'],
    [`licenses create --tenant ${TENANT} --max 1 --unit seat`, '--unit needs one of machine, user, process.'],
    [
      `licenses create --tenant ${TENANT} --max 1 --plan gold`,
      '--plan needs one of free, pro, team, enterprise.',
    ],
    [`licenses change --license ${LICENSE}`, 'Pass --max or --status.'],
    [`licenses change --license ${LICENSE} --status gone`, '--status needs one of active, suspended.'],
    [
      `licenses rotate-key --license ${LICENSE} --overlap-seconds 604801`,
      '--overlap-seconds needs a whole number from 0 to',
    ],
    ['sessions list', '--license needs the id of a license (lic_…).'],
    ['sessions history', '--license needs the id of a license (lic_…).'],
    ['sessions evict', '--session needs the id of a session (ses_…).'],
    ['users erase --yes', '--user needs the id of a user (usr_…).'],
    ['audit list', 'Pass --tenant, --license, --session or --actor.'],
    [`audit list --tenant ${TENANT} --type seat.stolen`, '--type needs one of session.acquired, '],
  ])('"%s" prints the mistake and the usage, and sends nothing', async (line, needs) => {
    let requests = 0;
    const server = await answering(() => {
      requests++;
      return [500, {}];
    });
    const message = await errorsOf(server, ...line.split(' '));
    expect(message).toContain(needs);
    const [noun, verb] = line.split(' ');
    expect(message).toMatch(
      new RegExp(`\\n\\nUsage: npm run admin -- COMMAND \\[--json\\]\\n\\n {2}${noun} ${verb} `),
    );
    expect(requests).toBe(0);
  });

  test.each([
    [
      'nonsense',
      'Unknown command "nonsense". Commands begin with tenants, users, licenses, subscriptions, holds, sessions, audit, usage, revocations, operator-tokens or stripe-events; ' +
        '"npm run admin -- --help" lists all of them.',
    ],
    [
      'tenants nonsense',
      'Unknown command "tenants nonsense". Commands: tenants list, tenants show, tenants create, ' +
        'tenants invite, tenants withdraw, tenants remove, tenants transfer, tenants withdraw-transfer, ' +
        'tenants approve-domain, tenants verify-domain, tenants release-domain.',
    ],
    ['tenant list', 'Unknown command "tenant list". Did you mean "tenants list"?'],
  ])('answers the unknown command "%s" with one sentence', async (line, sentence) => {
    expect(await errorsOf(suite.url, ...line.split(' '))).toBe(sentence);
  });

  test('prints the commands of a noun without a verb, and every command without a noun', async () => {
    const ofTenants = await errorsOf(suite.url, 'tenants');
    expect(ofTenants).toContain('  tenants create --name NAME [--owner E-MAIL]\n');
    expect(ofTenants).not.toContain('licenses create');
    const whole = await errorsOf(suite.url);
    for (const noun of ['tenants', 'users', 'licenses', 'sessions', 'audit'])
      expect(whole).toContain(`\n\n  ${noun} `);
    expect(whole).toContain('SEATLEASE_URL');
  });
});

describe('a server that refuses or fails', () => {
  const LIST = ['tenants', 'list'];
  const MAKE = ['tenants', 'create', '--name', 'A'];

  test('its problem is printed with code, title, detail and request id', async () => {
    const unknown = newTenantId(4);
    const message = await errorsOf(suite.url, 'tenants', 'show', '--tenant', unknown);
    expect(message).toMatch(/^TENANT_NOT_FOUND: There is no such tenant\. \(request \S+\)$/);
    const { tenant, member } = await tenantWithMembers('twice');
    const invite = ['tenants', 'invite', '--tenant', tenant, '--email', member.email, '--role', 'owner'];
    expect(await errorsOf(suite.url, ...invite)).toMatch(/^FORBIDDEN: /);
    const server = await answering(() => [429, problem('RATE_LIMITED', 'At most 60.')]);
    expect(await errorsOf(server, ...LIST, '--json')).toBe(
      'RATE_LIMITED: What went wrong. At most 60. (request r1)',
    );
  });

  test('a wrong operator key is reported and not printed', async () => {
    const environment = { SEATLEASE_URL: suite.url, OPERATOR_KEY: 'not-the-key-of-this-server-0123456789' };
    const { code, errors } = await adminIn(environment, ...LIST);
    expect(code).toBe(2);
    expect(errors).toMatch(/^CREDENTIALS_INVALID: /);
    expect(errors).toContain('OPERATOR_KEY is no valid operator token of that server');
  });

  test('a server that is not running is reported with its address', async () => {
    const url = `http://127.0.0.1:${await freePort()}`;
    expect(await errorsOf(url, ...MAKE)).toBe(
      `Nothing answers at ${url}. The address is from SEATLEASE_URL.`,
    );
  });

  test('a creation whose answer is lost is repeated, and creates one thing', async () => {
    const keys: unknown[] = [];
    const { url } = await opened((response, { headers }) => {
      keys.push(headers['idempotency-key']);
      if (keys.length === 1) response.destroy();
      else
        response
          .writeHead(429, { 'content-type': 'application/json' })
          .end(JSON.stringify(problem('RATE_LIMITED')));
    });
    expect(await errorsOf(url, ...MAKE)).toContain('RATE_LIMITED');
    expect(keys).toEqual([expect.stringMatching(/^[0-9a-f-]{36}$/), keys[0]]);
  });

  test('a missing answer to a change is reported as possibly executed', async () => {
    const { url } = await opened((response) => response.destroy());
    const unknown = 'The server may have executed the command: check before you repeat it.';
    expect(await errorsOf(url, ...MAKE)).toMatch(new RegExp(`did not answer \\(.+\\).*\\n${unknown}$`));
    expect(await errorsOf(url, ...LIST)).not.toContain(unknown);
    const timeout = vi.spyOn(AbortSignal, 'timeout');
    timeout.mockReturnValue(AbortSignal.abort(new DOMException('too late', 'TimeoutError')));
    const message = await errorsOf(url, ...MAKE);
    expect(message).toMatch(/did not answer within 35 s\./);
    expect(message).toContain(unknown);
    timeout.mockRestore();
  });

  test.each([
    ['the page of another server', 200, '<html>', 'has unexpected fields (the whole answer)'],
    [
      'an unknown form of answer',
      200,
      '{"tenants":[{"name":"A"}],"next_cursor":null}',
      'tenants.0.tenant_id',
    ],
    ['an error page', 502, '<html>', 'HTTP 502, but not as a license server does. Is the address right?'],
    ['an empty answer', 204, '', 'answered HTTP 204'],
  ])('%s is rejected', async (_, status, body, message) => {
    const { url } = await opened((response) => response.writeHead(status).end(body));
    const errors = await errorsOf(url, ...LIST);
    expect(errors).toContain(message);
    expect(errors).not.toContain('html');
  });

  test('the operator key does not follow a redirect', async () => {
    const keys: unknown[] = [];
    const elsewhere = await answering(({ headers }) => {
      keys.push(headers.authorization);
      return [200, { tenants: [], next_cursor: null }];
    });
    const { url } = await opened((response) =>
      response.writeHead(307, { location: `${elsewhere}/api/v1/tenants` }).end(),
    );
    expect(await errorsOf(url, ...LIST)).toContain('answered HTTP 307');
    expect(keys).toEqual([]);
  });
});

describe('the server that commands call', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'seatlease-target-'));
  });
  afterAll(() => rm(folder, { recursive: true }));

  const demo = (url: string) =>
    writeFile(
      join(folder, 'demo.json'),
      JSON.stringify({ url, license_id: 'lic', license_key: 'slk', operator_key: OPERATOR_KEY }),
    );
  const LIST = ['users', 'list'];
  const authorizations = vi.fn<(authorization: string | undefined) => void>();
  afterEach(() => authorizations.mockClear());
  const recordingServer = () =>
    answering(({ headers }) => {
      authorizations(headers.authorization);
      return [200, { users: [], next_cursor: null }];
    });

  test('is by default the one that npm start runs here, with its own key', async () => {
    await demo(await recordingServer());
    for (const SEATLEASE_URL of [undefined, '']) {
      const environment = {
        SEATLEASE_DATA: folder,
        OPERATOR_KEY: 'key-of-the-deployed-server',
        SEATLEASE_URL,
      };
      expect((await adminIn(environment, ...LIST)).printed).toBe('No users.');
    }
    expect(authorizations.mock.calls).toEqual([[`Operator ${OPERATOR_KEY}`], [`Operator ${OPERATOR_KEY}`]]);
  });

  test('is reported if it was never started, was stopped, or another server runs at its address', async () => {
    const empty = await adminIn({ SEATLEASE_DATA: join(folder, 'none') }, ...LIST);
    expect([empty.code, empty.errors]).toEqual([2, expect.stringContaining('No local server runs here')]);
    const url = `http://127.0.0.1:${await freePort()}`;
    await demo(url);
    const stopped = await adminIn({ SEATLEASE_DATA: folder }, ...LIST);
    expect(stopped.errors).toContain(`Nothing answers at ${url}. Start it with npm start`);
    await demo(await answering(() => [401, problem('CREDENTIALS_INVALID')]));
    const other = await adminIn({ SEATLEASE_DATA: folder }, ...LIST);
    expect(other.errors).toContain('demo.json is not its operator key: another server runs at that address.');
  });

  test('never gets the local key if it is a deployed server', async () => {
    await demo(suite.url);
    const environment = { SEATLEASE_DATA: folder, SEATLEASE_URL: await recordingServer() };
    const { code, errors } = await adminIn(environment, ...LIST);
    expect([code, errors]).toEqual([2, expect.stringContaining('but OPERATOR_KEY is not: set it')]);
    expect(authorizations).not.toHaveBeenCalled();
  });

  test.each([
    'http://seatlease.example',
    'http://localhost.seatlease.example',
    'http://127.0.0.1.seatlease.example',
    'http://10.0.0.7:8080',
    'http://[::2]',
    'ftp://127.0.0.1',
  ])('must not be %s: the operator key would be sent unencrypted', async (url) => {
    expect(await errorsOf(url, ...LIST)).toMatch(
      /^SEATLEASE_URL must (begin with https:\/\/|be of the form)/,
    );
    await demo(url);
    const { code, errors } = await adminIn({ SEATLEASE_DATA: folder }, ...LIST);
    expect([code, errors]).toEqual([2, expect.stringContaining('demo.json must ')]);
  });

  test.each([
    'seatlease',
    'https://',
    'https://ada:secret@seatlease.example',
    'https://seatlease.example/api',
    'https://seatlease.example?x',
  ])('must not be %s, which is not an origin', async (url) => {
    const message = await errorsOf(url, ...LIST);
    expect(message).toBe('SEATLEASE_URL must be of the form https://host.');
  });

  test.each(['https://127.0.0.1', 'http://127.0.0.1', 'http://localhost', 'http://[::1]'])(
    'can be %s',
    async (origin) => {
      const url = `${origin}:${await freePort()}`;
      expect(await errorsOf(`${url}/`, ...LIST)).toContain(`${url}.`);
    },
  );

  test.each([
    'key-with-a\nline-break-of-32-characters',
    'key with spaces in it, of 32 characters',
    'clé-de-32-caractères-ou-plus-0123',
  ])('never gets a key with invalid characters (%#), and the key is not printed', async (key) => {
    const { code, errors } = await adminIn({ SEATLEASE_URL: suite.url, OPERATOR_KEY: key }, ...LIST);
    expect([code, errors]).toEqual([2, expect.stringContaining('OPERATOR_KEY contains a space')]);
  });
});

const AT = '2027-01-15T08:00:00.000Z';

const PLAN = (userId: string) => ({
  confirmation_token: 'token-that-confirms',
  expires_at: AT,
  user_id: userId,
  tenants_that_go: [],
});

function receipt(completedAt: string | null, unreadable = 0) {
  const erased = Object.fromEntries(
    [
      'sessions',
      'session_histories',
      'audit_events',
      'memberships',
      'invitations',
      'sign_ins',
      'tenants',
      'users',
    ].map((what) => [what, 4]),
  );
  const times = { requested_at: AT, completed_at: completedAt };
  return { erasure_id: 'era_0123456789abcdef', ...times, erased, unreadable };
}

function problem(code: string, detail?: string) {
  return { type: 'urn:x', title: 'What went wrong.', status: 0, code, detail, request_id: 'r1' };
}

/** Closed after each test. */
const servers: { close(): void }[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

async function opened(respond: (response: ServerResponse, request: IncomingMessage) => void) {
  const server = await cannedServer(respond);
  servers.push(server);
  return server;
}

/** The URL of a server that answers each request with a status and JSON. */
async function answering(
  answer: (request: IncomingMessage) => readonly [status: number, json: unknown],
): Promise<string> {
  const { url } = await opened((response, request) => {
    const [status, json] = answer(request);
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(json));
  });
  return url;
}
