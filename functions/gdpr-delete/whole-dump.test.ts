import { afterAll, beforeAll, expect, test } from 'vitest';
import { addressListId } from '../../shared/domain/open-invitations.ts';
import { TENANTS, USERS } from '../../shared/ports/collections.ts';
import { eachDocument } from '../../shared/ports/each-document.ts';
import { EVENTS_BY_RECORDING } from '../../shared/ports/queries.ts';
import { verifyChain } from '../../shared/use-cases/verify-chain.ts';
import { findWords } from '../testing/find-text.ts';
import { type InspectableSuite, openInspectableSuite } from '../testing/inspectable-suite.ts';
import type { Reply } from '../testing/suite.ts';
import { acceptInvitations, accountOf, decideOnDevice, signIn, type TestUser } from '../testing/users.ts';

/** Ada is an operator, owns a tenant, and has offers of all kinds. The tests build on each other. */

const ADA = { email: 'ada@lovelace.example', name: 'Ada Lovelace' };
const HOUR_MS = 3_600_000;

let inspectable: InspectableSuite;
let ada: TestUser;
let bob: TestUser;
let shopId: string;
let words: Record<string, string>;
let token: string;
let child: string;
let invitedAgain: Reply;

beforeAll(async () => {
  inspectable = await openInspectableSuite((deps) => ({ ...deps, operators: { emails: [ADA.email] } }));
  const { suite, moveClock } = inspectable;
  const signInAda = () => signIn(suite, ADA.email, { name: ADA.name });
  bob = await signIn(suite, 'bob@shop.example');
  const other = await signIn(suite, 'carl@other.example');
  const third = await signIn(suite, 'dan@third.example');
  const [labOfBob = '', ofOther = '', ofThird = ''] = [bob, other, third].map(
    ({ tenants }) => [...tenants.keys()][0],
  );
  shopId = labOfBob;
  const invite = (by: TestUser, tenantId: string, email: string, role = 'member') =>
    ok(by.call('POST', `/api/v1/tenants/${tenantId}/invitations`, { email, role }));
  ada = await signInAda();
  moveClock(1000);
  await invite(bob, shopId, ADA.email, 'admin');
  ada = await acceptInvitations(suite, ada);
  const declined = (await invite(other, ofOther, ADA.email)).body.invitation_id;
  await ok(ada.call('POST', `/api/v1/invitations/${declined}/decline`));
  await invite(third, ofThird, ADA.email);
  await invite(ada, shopId, 'zed@zed.example');
  await ok(bob.call('POST', `/api/v1/tenants/${shopId}/transfer`, { user_id: ada.userId }));

  const device = await ok(
    suite.call('POST', '/auth/device', { body: new URLSearchParams({ client_id: 'seatlease-sdk' }) }),
  );
  await decideOnDevice(suite, device.body.user_code, accountOf(ADA.email, { name: ADA.name }), 'allow');

  const create = (authorization: string, name: string) =>
    ok(
      suite.call('POST', '/api/v1/operator-tokens', {
        authorization,
        body: { name, scopes: ['all'] },
        headers: { 'idempotency-key': `key-of-${ADA.email}` },
      }),
    );
  token = `Operator ${(await create(ada.authorization, `Laptop of ${ADA.name}`)).body.operator_token}`;
  child = `Operator ${(await create(token, 'Nightly')).body.operator_token}`;
  await ok(suite.call('POST', '/api/v1/tenants', { authorization: token, body: { name: 'By a token' } }));
  const license = await ok(
    ada.call(
      'POST',
      '/api/v1/licenses',
      { tenant_id: shopId, max: 5 },
      { 'idempotency-key': `license-of-${ADA.email}` },
    ),
  );
  const seat = { fingerprint: 'laptop', license_id: license.body.license_id, hostname: 'host-of-ada' };
  await ok(ada.call('POST', '/api/v1/licenses/acquire', seat));
  await suite.settle();
  const { pseudonymOf, records } = suite.deps;
  const user = await records.get(USERS, ada.userId);
  words = {
    ...ADA,
    userId: ada.userId,
    accountId: user?.accountId ?? '',
    list: addressListId(ADA.email, pseudonymOf),
    hostname: seat.hostname,
  };
});
afterAll(() => inspectable.close());

async function ok(reply: Promise<Reply>): Promise<Reply> {
  const { status, text } = await reply;
  if (status >= 300) throw new Error(`refused: ${status} ${text}`);
  return reply;
}

const dump = async () => [...(await inspectable.records()), ...(await inspectable.redisValues())];
const find = async () => findWords(await dump(), words);

test('before: the scan finds each of her data', async () => {
  const found = await find();
  for (const what of Object.keys(words)) expect(found.join('\n')).toContain(`${what} in `);
});

test('the erasure of an operator revokes the tokens that they created, with those created by these', async () => {
  const { confirmation_token } = (await ok(ada.call('POST', '/api/v1/gdpr/delete', {}))).body;
  const receipt = await ada.call('DELETE', '/api/v1/gdpr/delete', { confirmation_token });
  expect(receipt.status, receipt.text).toBe(200);
  for (const authorization of [token, child])
    expect((await inspectable.suite.call('GET', '/api/v1/tenants', { authorization })).status).toBe(401);
});

test('no record and no Redis value has her ids, her address, her name or a pseudonym of her address', async () => {
  await inspectable.suite.settle();
  inspectable.moveClock(HOUR_MS + 1);
  expect((await inspectable.suite.sweep()).body).toMatchObject({ erased: 1, complete: true });
  expect(await find()).toEqual([]);
});

test('a pending transfer of the ownership to her ends', async () => {
  expect((await inspectable.suite.deps.records.get(TENANTS, shopId))?.transfer).toBeNull();
});

test('inviting the address again shows no id that an event of the log has', async () => {
  const before = await dump();
  bob = await signIn(inspectable.suite, bob.email);
  const path = `/api/v1/tenants/${shopId}/invitations`;
  invitedAgain = await ok(bob.call('POST', path, { email: ADA.email, role: 'member' }));
  expect(findWords(before, { invitation: invitedAgain.body.invitation_id })).toEqual([]);
  const { invitations } = (await bob.call('GET', path)).body;
  expect(invitations).toContainEqual(invitedAgain.body);
});

test('all chains are intact, and each event that a request caused has its actor and its id', async () => {
  await inspectable.suite.sweep();
  const { records } = inspectable.suite.deps;
  const events = await Array.fromAsync(eachDocument(records, EVENTS_BY_RECORDING, {}));
  expect(events.length).toBeGreaterThan(30);
  for (const { type, actor, requestId } of events) {
    expect(actor.kind, type).toMatch(/user|operator|license|system/);
    if (actor.kind !== 'system') expect(requestId, type).toMatch(/\S/);
  }
  for (const tenantId of new Set(events.map((event) => event.tenantId)))
    expect(await verifyChain(records, tenantId), tenantId).toMatchObject({ unsealed: 0, problems: [] });
});
