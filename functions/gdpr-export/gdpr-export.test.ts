import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { licenseOfKey } from '../../shared/domain/ids.ts';
import { type InspectableSuite, openInspectableSuite } from '../testing/inspectable-suite.ts';
import { ADA, findAda, makePersonalWorld, type PersonalWorld } from '../testing/personal-world.ts';
import type { Reply } from '../testing/suite.ts';
import { openRowLimit } from './row-limit.ts';

let inspectable: InspectableSuite;
let world: PersonalWorld;
let mine: Reply;
beforeAll(async () => {
  inspectable = await openInspectableSuite();
  world = await makePersonalWorld(inspectable);
  mine = await world.ada.call('GET', '/api/v1/gdpr/export');
});
afterAll(() => inspectable.close());

const tenantExport = (authorization: string, tenantId: string, query = ''): Promise<Reply> =>
  inspectable.suite.call('GET', `/api/v1/gdpr/export/tenants/${tenantId}${query}`, { authorization });

describe('the export of a user', () => {
  test('is one file, with only the user id in its name', () => {
    expect(mine.status, mine.text).toBe(200);
    expect(mine.headers.get('content-disposition')).toBe(
      `attachment; filename="seatlease-${world.ada.userId}.json"`,
    );
    expect(mine.headers.get('cache-control')).toBe('private, no-store');
    expect(mine.body).toMatchObject({
      complete: true,
      exported_at: new Date(inspectable.nowMs()).toISOString(),
    });
  });

  test('says that it is not complete if a session cannot be read', async () => {
    const { seatMaintenance } = inspectable.suite.deps;
    vi.spyOn(seatMaintenance, 'readFacts').mockResolvedValueOnce({ sessions: [], unreadable: ['ses_newer'] });
    const whole = await world.ada.call('GET', '/api/v1/gdpr/export');
    expect([whole.status, whole.body.complete]).toEqual([200, false]);
    const because = expect.stringContaining('ses_newer');
    expect(inspectable.suite.logged.at(-1)).toMatchObject({ severity: 'ERROR', unreadable: 1, because });
  });

  test('contains account, memberships and sign-ins', () => {
    expect(mine.body.person).toMatchObject({ user_id: world.ada.userId, email: ADA.email, name: ADA.name });
    const tenants = mine.body.memberships.map(({ tenant_id, tenant_name, role }: Record<string, string>) => [
      tenant_id,
      tenant_name,
      role,
    ]);
    expect(tenants.toSorted()).toEqual(
      [
        [world.labId, `The lab of ${ADA.name}`, 'owner'],
        [world.shopId, 'The shop', 'admin'],
      ].toSorted(),
    );
    expect(mine.body.sign_ins).toHaveLength(3);
    expect(mine.body.sign_ins[0]).toEqual({
      sign_in_id: expect.stringMatching(/^sin_/),
      created_at: expect.any(String),
      last_used_at: expect.any(String),
      expires_at: expect.any(String),
      ended: null,
    });
  });

  test('contains every session with its client data, by user id or e-mail address, and whether it is borrowed', () => {
    const exported: { fingerprint: string; kind: string }[] = mine.body.sessions;
    const byMachine = exported.map(({ fingerprint, kind }) => [
      fingerprint.replace(`${ADA.fingerprint}-`, ''),
      kind,
    ]);
    expect(byMachine.toSorted()).toEqual([
      ['4', 'program'],
      ['5', 'program'],
      ['6', 'program'],
      ['7', 'loan'],
      ['8', 'program'],
      ['9', 'program'],
    ]);
    expect(mine.body.sessions[0]).toMatchObject({
      hostname: expect.stringContaining(ADA.hostname),
      holder: expect.any(String),
      license_id: expect.stringMatching(/^lic_/),
    });
  });

  test('contains the seats that the user has borrowed', () => {
    const borrowed = mine.body.sessions.find(({ kind }: { kind: string }) => kind === 'loan');
    expect(mine.body.loans).toEqual([
      {
        session_id: borrowed.session_id,
        license_id: borrowed.license_id,
        holder: borrowed.holder,
        machine: borrowed.holder,
        acquired_at: new Date(inspectable.nowMs()).toISOString(),
        borrowed_until: new Date(inspectable.nowMs() + 3 * 86_400_000).toISOString(),
      },
    ]);
  });

  test('contains the histories of all sessions, including ended ones, and every event with a pseudonym or the id of the user', () => {
    // Machines 1 and 4 to 8. The event of machine 9 has not arrived.
    expect(mine.body.session_histories).toHaveLength(6);
    expect(mine.body.session_histories.map(({ end_reason }: { end_reason: string }) => end_reason)).toContain(
      'released',
    );
    expect(mine.body.audit_events).toHaveLength(20);
    const own = new Set([...world.holders, world.ada.userId]);
    for (const { holder } of mine.body.session_histories) expect([...world.holders]).toContain(holder);
    for (const { holder, actor, subject } of mine.body.audit_events)
      expect([holder, actor.id, subject].some((id) => own.has(id))).toBe(true);
  });

  test('contains the trial', () => {
    expect(mine.body.trial).toEqual({ began_at: expect.any(String), license_id: world.trialId });
  });

  test('contains no data of other users, and no secrets', () => {
    expect(mine.text).not.toMatch(/bob|carl|dora|eve@/i);
    expect(mine.text).not.toMatch(/hash|token|secret|account/i);
    expect(findAda([['export', mine.text]], 'the account')).not.toContain('subject in export');
  });

  test('contains only histories and events of the period, if one is requested', async () => {
    const sevenMinutesAgo = new Date(inspectable.nowMs() - 420_000).toISOString();
    const aMinuteAgo = new Date(inspectable.nowMs() - 60_000).toISOString();
    const [early, late] = await Promise.all(
      [`?from=${sevenMinutesAgo}&to=${aMinuteAgo}`, `?from=${aMinuteAgo}`].map((query) =>
        world.ada.call('GET', `/api/v1/gdpr/export${query}`),
      ),
    );
    expect(early?.body.session_histories).toHaveLength(1);
    expect(late?.body.session_histories).toHaveLength(5);
    // An export is an event of its own, which the next one contains.
    const ofSeats = (reply: Reply | undefined) =>
      reply?.body.audit_events.filter(({ type }: { type: string }) => type !== 'data.exported').length;
    expect(ofSeats(early) + ofSeats(late)).toBe(ofSeats(mine));
    expect(
      (await world.ada.call('GET', `/api/v1/gdpr/export?from=${aMinuteAgo}&to=${sevenMinutesAgo}`)).status,
    ).toBe(400);
  });

  test('is refused to all callers other than the signed-in user', async () => {
    for (const authorization of ['Operator x', `License ${world.keys.lab}`])
      expect((await inspectable.suite.call('GET', '/api/v1/gdpr/export', { authorization })).status).not.toBe(
        200,
      );
    expect((await inspectable.suite.operate('GET', '/api/v1/gdpr/export')).body.code).toBe('FORBIDDEN');
  });
});

describe('the export of a tenant', () => {
  test('contains members, invitations, licenses, sessions, histories and events', async () => {
    const { status, body, text, headers } = await tenantExport(world.bob.authorization, world.shopId);
    expect(status, text).toBe(200);
    expect(headers.get('content-disposition')).toBe(`attachment; filename="seatlease-${world.shopId}.json"`);
    expect(body.tenant).toMatchObject({
      tenant_id: world.shopId,
      name: 'The shop',
      owner_id: world.bob.userId,
    });
    const members = body.members.map(({ email, role }: { email: string; role: string }) => [email, role]);
    expect(members.toSorted()).toEqual([
      [ADA.email, 'admin'],
      ['bob@shop.example', 'owner'],
      ['carl@shop.example', 'member'],
    ]);
    expect(body.invitations).toMatchObject([{ email: 'dora@shop.example', role: 'member' }]);
    const ids = [world.keys.machines, world.keys.users].map(licenseOfKey);
    expect(body.licenses.map(({ license_id }: { license_id: string }) => license_id).toSorted()).toEqual(
      ids.toSorted(),
    );
    expect(body.sessions).toHaveLength(8);
    expect(body.loans).toHaveLength(1);
    expect(body.sessions.map(({ hostname }: { hostname: string }) => hostname)).toContain('host-of-carl');
    expect(body.session_histories).toHaveLength(9);
    expect(body.audit_events.length).toBeGreaterThan(11);
    expect(text).not.toMatch(/hash/i);
  });

  test('contains purchases, trials, billing and metered usage', async () => {
    const { labId, trialId, boughtId, subscriptionId, ada } = world;
    const { body, status, text } = await tenantExport(ada.authorization, labId);
    expect(status, text).toBe(200);
    const license = (id: string) =>
      body.licenses.find(({ license_id }: { license_id: string }) => license_id === id);
    expect(license(trialId)).toMatchObject({ trial: true, subscription_id: null, hold: null });
    const paid = { trial: false, subscription_id: subscriptionId, hold: null, status: 'active', max: 2 };
    expect(license(boughtId)).toMatchObject(paid);
    const customer_id = expect.stringMatching(/^cus_/);
    const created_at = expect.any(String);
    expect(body.billing).toEqual({ customer_id, former_customer_ids: [], created_at });
    expect(body.subscriptions).toEqual([
      {
        subscription_id: subscriptionId,
        customer_id: body.billing.customer_id,
        license_id: boughtId,
        plan: 'pro',
        seats: 2,
        items: [expect.objectContaining({ seats: 2, currency: 'usd', unit_amount: 900 })],
        needs_review: null,
        status: 'active',
        created_at,
        period_end: expect.any(String),
        cancel_at: null,
        ended_at: null,
        unpaid_since: null,
        latest_invoice_id: expect.stringMatching(/^in_/),
        disputes: {},
        refunded_invoice_ids: [],
      },
    ]);
    const day = expect.stringMatching(/T00:00:00\.000Z$/);
    expect(body.metered_days).toEqual([
      { license_id: boughtId, meter: 'exports', day, quantity: 7, records: 2 },
    ]);
    const shop = (await tenantExport(world.bob.authorization, world.shopId)).body;
    expect([shop.billing, shop.subscriptions, shop.metered_days]).toEqual([null, [], []]);
  });

  test('shows a license on hold as suspended, with the reason', async () => {
    const { ada, labId, boughtId, subscriptionId } = world;
    const { stripe } = inspectable.suite;
    await stripe.dispute(stripe.chargeOf(subscriptionId) ?? '');
    await stripe.idle();
    const { licenses, subscriptions } = (await tenantExport(ada.authorization, labId)).body;
    expect(licenses).toContainEqual(
      expect.objectContaining({ license_id: boughtId, status: 'suspended', hold: 'dispute' }),
    );
    expect(Object.values(subscriptions[0].disputes)).toEqual(['needs_response']);
  });

  test('is allowed to operators, refused to lower roles, and hides the tenant from others', async () => {
    const byOperator = await inspectable.suite.operate('GET', `/api/v1/gdpr/export/tenants/${world.shopId}`);
    expect(byOperator.body.members).toHaveLength(3);
    expect((await tenantExport(world.ada.authorization, world.shopId)).body.code).toBe('FORBIDDEN');
    expect((await tenantExport(world.carl.authorization, world.shopId)).body.code).toBe('FORBIDDEN');
    const [foreign, unknown] = [world.labId, 'ten_01_0000000000000000'].map((id) =>
      tenantExport(world.bob.authorization, id),
    );
    for (const reply of [await foreign, await unknown])
      expect([reply?.status, reply?.body.code]).toEqual([404, 'TENANT_NOT_FOUND']);
  });
});

test('stops reading at the row limit, and reports that rows were left out', async () => {
  let read = 0;
  async function* rows() {
    for (;;) {
      read += 1;
      yield read;
    }
  }
  const rowLimit = openRowLimit(5);
  expect(await rowLimit.fill([], rows(), (n) => n)).toEqual([1, 2, 3, 4, 5]);
  expect([read, rowLimit.isExceeded()]).toEqual([6, true]);
  const exact = openRowLimit(2);
  async function* two() {
    yield* ['a', 'b'];
  }
  expect(await exact.fill([], two(), (letter) => letter)).toEqual(['a', 'b']);
  expect(exact.isExceeded()).toBe(false);
});

test('limits the requests of a caller', async () => {
  for (let n = 0; n < 30; n += 1) await world.carl.call('GET', '/api/v1/gdpr/export');
  expect((await world.carl.call('GET', '/api/v1/gdpr/export')).body.code).toBe('RATE_LIMITED');
});
