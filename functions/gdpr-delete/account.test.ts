import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { licenseOfKey } from '../../shared/domain/ids.ts';
import { INVITATIONS, SESSION_HISTORIES, USERS } from '../../shared/ports/collections.ts';
import { eachKnownSession } from '../../shared/ports/seat-maintenance.ts';
import { type ClockedSuite, openClockedSuite } from '../testing/clocked-suite.ts';
import { addMember } from '../testing/memberships.ts';
import type { Reply, TestSuite } from '../testing/suite.ts';
import { signIn, type TestUser } from '../testing/users.ts';

/** What belongs to a person is found by their account, by former addresses and memberships too, never by an address alone. */

const ERASE = '/api/v1/gdpr/delete';
const MINUTE_MS = 60_000;
const LASTING = { max: 50, ttl_seconds: 86_400, heartbeat_seconds: 3_600 };

let clocked: ClockedSuite;
let suite: TestSuite;
beforeAll(async () => {
  clocked = await openClockedSuite();
  suite = clocked.suite;
});
afterAll(() => clocked.close());

let number = 0;
/** Of Ada's account; the next account with her former address is Bob's. */
let subject: string;
let email: string;
let newEmail: string;
let shopId: string;
/** Keys of the shop's licenses. */
let machines: string;
let users: string;
beforeEach(async () => {
  number += 1;
  subject = `1000${number}`;
  email = `ada${number}@shop.example`;
  newEmail = `lovelace${number}@shop.example`;
  shopId = (await suite.operate('POST', '/api/v1/tenants', { name: 'The shop' })).body.tenant_id;
  const keyOf = async (terms: object) =>
    (await suite.operate('POST', '/api/v1/licenses', { tenant_id: shopId, ...LASTING, ...terms })).body
      .license_key;
  machines = await keyOf({ borrow: { max_days: 7 } });
  users = await keyOf({ unit: 'user' });
});

/** Signs in, joins the shop at the first time, and passes a minute. */
async function enter(address: string, account: string): Promise<TestUser> {
  const person = await signIn(suite, address, { subject: account });
  await addMember(shopId, person.userId, 'member', suite.deps);
  clocked.moveClock(MINUTE_MS);
  return signIn(suite, address, { subject: account });
}

/** A program of the vendor's app takes a seat with a license key, and names its user. Returns the session's id. */
async function start(key: string, userId: string, fingerprint: string, more: object = {}): Promise<string> {
  const body = { fingerprint, user_id: userId, instance_id: `${fingerprint} ${clocked.nowMs()}`, ...more };
  const reply = await suite.call('POST', '/api/v1/licenses/acquire', {
    authorization: `License ${key}`,
    body,
  });
  expect(reply.status, reply.text).toBeLessThan(300);
  clocked.moveClock(1_000);
  return reply.body.session_id;
}

const leaveShop = async (person: TestUser) => {
  const reply = await person.call('DELETE', `/api/v1/tenants/${shopId}/members/${person.userId}`);
  expect(reply.status, reply.text).toBe(204);
};

async function exportOf(person: TestUser) {
  const { body, text, status } = await person.call('GET', '/api/v1/gdpr/export');
  expect(status, text).toBe(200);
  const ids = (rows: { session_id: string }[]) => rows.map(({ session_id }) => session_id).toSorted();
  // An export is an event of its own, which the next one contains.
  const events = body.audit_events.filter(({ type }: { type: string }) => type !== 'data.exported');
  return {
    ...body,
    audit_events: events,
    ids: { sessions: ids(body.sessions), histories: ids(body.session_histories) },
  };
}

async function erase(person: TestUser): Promise<Reply> {
  const { confirmation_token } = (await person.call('POST', ERASE, {})).body;
  const receipt = await person.call('DELETE', ERASE, { confirmation_token });
  expect([receipt.status, receipt.body.completed_at], receipt.text).toEqual([200, expect.any(String)]);
  return receipt;
}

async function living(): Promise<string[]> {
  const ids: string[] = [];
  for (const key of [machines, users])
    for await (const { sessionId } of eachKnownSession(suite.deps.seatMaintenance, licenseOfKey(key) ?? ''))
      ids.push(sessionId);
  return ids.toSorted();
}

async function holdersOf(sessionIds: readonly string[]): Promise<(string | null | undefined)[]> {
  const histories = await Promise.all(sessionIds.map((id) => suite.deps.records.get(SESSION_HISTORIES, id)));
  return histories.map((history) => history?.holder);
}

describe('a person whose address changed', () => {
  test('exports and erases also what was named by the former address, living sessions among it', async () => {
    await enter(email, subject);
    const former = [
      await start(machines, email, 'laptop'),
      await start(users, email.toUpperCase(), 'desktop'),
    ];
    const ended = await start(users, email, 'tablet');
    await suite.call('POST', '/api/v1/licenses/release', {
      authorization: `License ${users}`,
      body: { session_id: ended },
    });
    const ada = await enter(newEmail, subject);
    const recent = await start(machines, newEmail, 'phone');
    await suite.settle();

    const { person, ids } = await exportOf(ada);
    const until = expect.any(String);
    expect(person.emails).toMatchObject([
      { email, until },
      { email: newEmail, until: null },
    ]);
    expect(ids.sessions).toEqual([...former, recent].toSorted());
    expect(ids.histories).toEqual([...former, ended, recent].toSorted());

    expect((await erase(ada)).body.erased).toMatchObject({ sessions: 3, session_histories: 4, users: 1 });
    expect(await living()).toEqual([]);
    expect(await holdersOf([...former, ended, recent])).toEqual([null, null, null, null]);
  });

  test('has one period for each address, also after changing it back', async () => {
    const [first] = [await enter(email, subject)];
    await enter(newEmail, subject);
    await enter(email, subject);
    const { addresses } = (await suite.deps.records.get(USERS, first.userId)) ?? {};
    expect(addresses?.map((period) => [period.email, period.untilMs !== null])).toEqual([
      [email, true],
      [newEmail, true],
      [email, false],
    ]);
  });
});

describe('a person who left a tenant', () => {
  test('exports and erases what is left there, also borrowed seats and sessions that still run', async () => {
    const ada = await enter(email, subject);
    const kept = [await start(machines, email, 'laptop'), await start(users, ada.userId, 'desktop')];
    const loan = await start(machines, email, 'field laptop', { borrow_days: 3 });
    await suite.settle();
    await leaveShop(ada);
    const again = await signIn(suite, email, { subject });

    const { ids, loans, former_memberships, memberships } = await exportOf(again);
    expect(ids.sessions).toEqual([...kept, loan].toSorted());
    expect(loans).toMatchObject([{ session_id: loan }]);
    expect(former_memberships).toEqual([
      { tenant_id: shopId, joined_at: expect.any(String), left_at: new Date(clocked.nowMs()).toISOString() },
    ]);
    expect(memberships.map(({ tenant_id }: { tenant_id: string }) => tenant_id)).not.toContain(shopId);

    await erase(again);
    expect(await living()).toEqual([]);
    expect(await holdersOf([...kept, loan])).toEqual([null, null, null]);
  });

  test('is listed in the tenant’s export until they are erased', async () => {
    const ada = await enter(email, subject);
    await leaveShop(ada);
    const formerMembers = async () =>
      (await suite.operate('GET', `/api/v1/gdpr/export/tenants/${shopId}`)).body.former_members;
    expect(await formerMembers()).toMatchObject([{ user_id: ada.userId }]);
    await erase(await signIn(suite, email, { subject }));
    expect(await formerMembers()).toEqual([]);
  });
});

describe('an address that was passed on to another person', () => {
  /** Ada uses her address, then loses it to Bob, who uses it too: on the same seats, if they are counted by user. */
  async function passOn() {
    const before = await start(users, email, 'machine of a predecessor');
    await enter(email, subject);
    const adas = [await start(machines, email, 'laptop'), await start(users, email, 'desktop')];
    const adasLoan = await start(machines, email, 'field laptop', { borrow_days: 7 });
    const signed = { authorization: `License ${users}`, body: { session_id: adas[1] } };
    expect((await suite.call('POST', '/api/v1/licenses/sign', signed)).status).toBe(200);
    await suite.operate('POST', `/api/v1/tenants/${shopId}/invitations`, { email, role: 'admin' });
    const [invitation] = (await suite.operate('GET', `/api/v1/tenants/${shopId}/invitations`)).body
      .invitations;
    // What the new owner of the address does before their first sign-in belongs to nobody.
    clocked.moveClock(MINUTE_MS);
    const bob = await enter(email, `2000${number}`);
    const bobs = [await start(machines, email, 'laptop of Bob'), await start(users, email, 'desktop of Bob')];
    await suite.settle();
    const ada = await signIn(suite, newEmail, { subject });
    return { ada, bob, before, adas: [...adas, adasLoan], bobs, invitationId: invitation?.invitation_id };
  }

  test('shows each of them only what began with their own account', async () => {
    const { ada, bob, adas, bobs } = await passOn();
    const [ofAda, ofBob] = [await exportOf(ada), await exportOf(bob)];
    expect(ofAda.ids).toEqual({ sessions: adas.toSorted(), histories: adas.toSorted() });
    expect(ofBob.ids).toEqual({ sessions: bobs.toSorted(), histories: bobs.toSorted() });
    expect(ofBob.loans).toEqual([]);
    const events = ({ audit_events }: typeof ofAda) =>
      audit_events.flatMap(({ session_id }: { session_id: string | null }) => session_id ?? []);
    expect(new Set(events(ofAda))).toEqual(new Set(adas));
    expect(new Set(events(ofBob))).toEqual(new Set(bobs));
  });

  test('erases with the new owner nothing of the former ones', async () => {
    const { ada, bob, before, adas, bobs } = await passOn();
    const exported = await exportOf(ada);
    await erase(bob);
    expect(await living()).toEqual([before, ...adas].toSorted());
    expect(await holdersOf(bobs)).toEqual([null, null]);
    expect(await holdersOf([before, ...adas])).toEqual(Array(4).fill(expect.any(String)));
    expect({ ...(await exportOf(ada)), exported_at: '' }).toEqual({ ...exported, exported_at: '' });
    const kept = { authorization: `License ${users}`, body: { session_id: adas[1] } };
    const signedAgain = await suite.call('POST', '/api/v1/licenses/sign', kept);
    expect(signedAgain.status, signedAgain.text).toBe(200);
  });

  test('erases with the former owner nothing of the new one, in the second round neither', async () => {
    const { ada, bob, before, adas, bobs } = await passOn();
    const exported = await exportOf(bob);
    await erase(ada);
    clocked.moveClock(60 * MINUTE_MS);
    expect((await suite.sweep()).body).toMatchObject({ complete: true });
    expect(await living()).toEqual([before, ...bobs].toSorted());
    expect(await holdersOf(adas)).toEqual([null, null, null]);
    const again = await signIn(suite, email, { subject: `2000${number}` });
    const { ids } = await exportOf(again);
    expect(ids).toEqual(exported.ids);
    expect(bob.userId).toBe(again.userId);
  });

  test('keeps invitations to the address from before the account', async () => {
    // Of another tenant: a tenant has one invitation for an address.
    const { tenantId } = await suite.createLicense();
    const invited = await suite.operate('POST', `/api/v1/tenants/${tenantId}/invitations`, {
      email: newEmail,
      role: 'admin',
    });
    const { invitation_id } = invited.body;
    clocked.moveClock(1);
    const ada = await signIn(suite, newEmail, { subject });
    clocked.moveClock(1);
    const later = (
      await suite.operate('POST', `/api/v1/tenants/${shopId}/invitations`, {
        email: newEmail,
        role: 'member',
      })
    ).body.invitation_id;
    expect((await exportOf(ada)).invitations).toMatchObject([{ invitation_id: later }]);
    await erase(ada);
    expect(await suite.deps.records.get(INVITATIONS, invitation_id)).toBeDefined();
    expect(await suite.deps.records.get(INVITATIONS, later)).toBeUndefined();
  });
});

test('an export is an event of the person, or of the tenant', async () => {
  const ada = await enter(email, subject);
  await exportOf(ada);
  clocked.moveClock(1);
  await suite.operate('GET', `/api/v1/gdpr/export/tenants/${shopId}`);
  const { events } = (await suite.operate('GET', '/api/v1/audit?type=data.exported')).body;
  expect(events.slice(0, 2)).toMatchObject([
    { type: 'data.exported', tenant_id: shopId, actor: { type: 'operator' }, subject: null },
    { type: 'data.exported', tenant_id: 'vendor', actor: { type: 'user', id: ada.userId }, subject: null },
  ]);
  expect(events[0].request_id).toMatch(/./);
});
