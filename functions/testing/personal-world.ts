import { licenseOfKey } from '../../shared/domain/ids.ts';
import {
  ACCOUNTS,
  LICENSES,
  METERED_DAYS,
  SESSION_HISTORIES,
  USERS,
} from '../../shared/ports/collections.ts';
import { eachKnownSession } from '../../shared/ports/seat-maintenance.ts';
import { findWords } from './find-text.ts';
import type { InspectableSuite } from './inspectable-suite.ts';
import type { Reply, TestSuite } from './suite.ts';
import { acceptInvitations, signIn, type TestUser } from './users.ts';

/** Ada's personal data, as it is in requests. No data of another user contains any of it. */
export const ADA = {
  email: 'ada.lovelace@example.com',
  name: 'Ada Lovelace',
  hostname: 'host-of-ada',
  fingerprint: 'machine-of-ada',
  address: '203.0.113.77',
  subject: '104729104729104729',
} as const;

/** Ada owns the lab, which is erased with her. Bob owns the shop, of which Ada and Carl are members. */
export interface PersonalWorld {
  readonly ada: TestUser;
  readonly bob: TestUser;
  readonly carl: TestUser;
  readonly labId: string;
  readonly shopId: string;
  readonly licenseIds: readonly string[];
  /** Also in the lab: Ada's trial license, and a license that she bought, with its subscription. */
  readonly trialId: string;
  readonly boughtId: string;
  readonly subscriptionId: string;
  /** Keys of the shop's licenses that count seats by machine and by user, and of the lab's. */
  readonly keys: { readonly machines: string; readonly users: string; readonly lab: string };
  /**
   * Every pseudonym that counted a seat of Ada or a seat in her tenant, except that of machine 2: nothing says any more
   * whose seat it was.
   */
  readonly holders: ReadonlySet<string>;
  /** Signs Ada in again. */
  signInAda(): Promise<TestUser>;
}

const TTL_MS = 360_000;

/** Creates the users, a trial, a purchase, and seats of all kinds. The events of the last seat are not recorded. */
export async function makePersonalWorld(
  inspectable: Pick<InspectableSuite, 'suite' | 'moveClock'>,
): Promise<PersonalWorld> {
  const { suite, moveClock } = inspectable;
  const holders = new Set<string>();
  const signInAda = () => signIn(suite, ADA.email, { name: ADA.name, subject: ADA.subject });
  const first = await signInAda();
  const bob = await signIn(suite, 'bob@shop.example', { name: 'Bob Babbage' });
  const [labId = '', shopId = ''] = [first, bob].map(({ tenants }) => [...tenants.keys()][0]);
  await expectOk(first.call('PATCH', `/api/v1/tenants/${labId}`, { name: `The lab of ${ADA.name}` }));
  await expectOk(bob.call('PATCH', `/api/v1/tenants/${shopId}`, { name: 'The shop' }));
  const invite = (by: TestUser, tenantId: string, email: string, role: string) =>
    expectOk(by.call('POST', `/api/v1/tenants/${tenantId}/invitations`, { email, role }));
  await invite(bob, shopId, ADA.email, 'admin');
  await invite(bob, shopId, 'carl@shop.example', 'member');
  await invite(bob, shopId, 'dora@shop.example', 'member');
  await invite(first, labId, 'eve@example.net', 'member');
  const { trialId, boughtId, subscriptionId } = await tryAndBuy(suite, first, labId);
  const carl = await acceptInvitations(
    suite,
    await signIn(suite, 'carl@shop.example', { name: 'Carl Gauss' }),
  );
  const second = await acceptInvitations(suite, await signInAda());

  const keys = {
    machines: await licenseFor(suite, shopId, { max: 60, borrow: { max_days: 7 } }),
    users: await licenseFor(suite, shopId, { max: 60, unit: 'user' }),
    lab: await licenseFor(suite, labId, { max: 60 }),
  };
  const licenseIds = Object.values(keys).map((key) => licenseOfKey(key) ?? '');
  const usersId = licenseIds[1];
  const take = seatTaker(suite);
  const takenByAda: string[] = [];
  const takeAsAda: typeof take = async (authorization, body) => {
    const taken = await take(authorization, body);
    takenByAda.push(taken.session_id);
    return taken;
  };
  const adasMachine = (n: number | string) => ({
    fingerprint: `${ADA.fingerprint}-${n}`,
    hostname: `${ADA.hostname}-${n}`,
  });

  // Seats that are free again: one was released, and the clients of two crashed. What the clients had sent is deleted.
  const released = await takeAsAda(second.authorization, { ...adasMachine(1), license_id: usersId });
  await expectOk(
    suite.call('POST', '/api/v1/licenses/release', {
      authorization: second.authorization,
      body: { session_id: released.session_id },
    }),
  );
  await take(`License ${keys.machines}`, { ...adasMachine(2), user_id: ADA.email.toUpperCase() });
  await takeAsAda(`License ${keys.lab}`, adasMachine(3));
  await suite.settle();
  moveClock(TTL_MS);
  await suite.settle();

  // Seats that are still held.
  const ada = await signInAda();
  await takeAsAda(ada.authorization, { ...adasMachine(4), license_id: usersId });
  await takeAsAda(`License ${keys.users}`, { ...adasMachine(5), user_id: 'Ada.Lovelace@Example.com' });
  await takeAsAda(`License ${keys.machines}`, { ...adasMachine(6), user_id: ADA.email });
  const borrowed = await takeAsAda(`License ${keys.machines}`, {
    ...adasMachine(7),
    user_id: ADA.email,
    borrow_days: 3,
  });
  await expectOk(
    suite.call('POST', '/api/v1/licenses/sign', {
      authorization: `License ${keys.machines}`,
      body: { session_id: borrowed.session_id },
      headers: FROM_ADA,
    }),
  );
  await takeAsAda(`License ${keys.lab}`, { ...adasMachine(8), user_id: ADA.email });
  await take(`License ${keys.users}`, { fingerprint: 'machine-of-bob', user_id: bob.userId });
  await take(`License ${keys.machines}`, {
    fingerprint: 'machine-of-carl',
    hostname: 'host-of-carl',
    user_id: 'carl@shop.example',
  });
  await take(`License ${keys.machines}`, { fingerprint: 'machine-without-user' });
  await suite.settle();
  // The events of this seat are not recorded yet when Ada is erased.
  await takeAsAda(`License ${keys.machines}`, { ...adasMachine(9), user_id: ADA.email });

  const { seatMaintenance, records } = suite.deps;
  const user = await records.get(USERS, ada.userId);
  if (!user || !(await records.get(ACCOUNTS, user.accountId))) throw new Error('Ada has no record');
  for (const licenseId of licenseIds) {
    for await (const { sessionId, holder } of eachKnownSession(seatMaintenance, licenseId))
      if (takenByAda.includes(sessionId)) holders.add(holder);
  }
  for (const sessionId of takenByAda) {
    const history = await records.get(SESSION_HISTORIES, sessionId);
    if (history?.holder) holders.add(history.holder);
  }
  const bought = { trialId, boughtId, subscriptionId };
  return { ada, bob, carl, labId, shopId, licenseIds, ...bought, keys, holders, signInAda };
}

/** Starts a trial on one machine, then buys seats for others, with metered usage. */
async function tryAndBuy(suite: TestSuite, person: TestUser, tenantId: string) {
  const { records, clock } = suite.deps;
  const fingerprint = `${ADA.fingerprint}-trial`;
  const request = { tenant_id: tenantId, fingerprint };
  const tried = await expectOk(person.call('POST', '/api/v1/licenses/trial/activate', request));
  const trialId: string = tried.body.license_id;
  const order = { tenant_id: tenantId, plan: 'pro', seats: 2 };
  const page = await expectOk(person.call('POST', '/api/v1/checkout/create-session', order));
  const { checkout_url, license_id: boughtId } = page.body;
  await suite.stripe.pay(checkout_url);
  await suite.stripe.idle();
  const subscriptionId = suite.stripe.subscriptionOf(checkout_url);
  if (subscriptionId === undefined || !(await records.get(LICENSES, boughtId)))
    throw new Error('nothing was bought');
  const dayMs = clock.nowMs() - (clock.nowMs() % 86_400_000);
  const sum = { quantity: 7, records: 2 };
  const used = { licenseId: boughtId, tenantId, meter: 'exports', dayMs, ...sum, states: { sent: sum } };
  await records.create(METERED_DAYS, `${boughtId}:exports:${dayMs}`, used);
  return { trialId, boughtId, subscriptionId };
}

const FROM_ADA = { 'x-forwarded-for': ADA.address };

function seatTaker(suite: TestSuite) {
  return async (authorization: string, body: Record<string, unknown>) => {
    const options = { authorization, body, headers: FROM_ADA };
    return (await expectOk(suite.call('POST', '/api/v1/licenses/acquire', options))).body;
  };
}

async function licenseFor(suite: TestSuite, tenantId: string, terms: object): Promise<string> {
  return (await expectOk(suite.operate('POST', '/api/v1/licenses', { tenant_id: tenantId, ...terms }))).body
    .license_key;
}

async function expectOk(reply: Promise<Reply>): Promise<Reply> {
  const { status, text } = await reply;
  if (status >= 300) throw new Error(`refused: ${status} ${text}`);
  return reply;
}

/** Reports which of Ada's data occur in which of the texts. */
export function findAda(texts: Iterable<readonly [string, string]>, accountId: string): string[] {
  return findWords(texts, { ...ADA, accountId });
}
