import { afterAll, beforeAll, expect, test } from 'vitest';
import { USERS } from '../../shared/ports/collections.ts';
import { openTestSuite, type TestSuite } from '../testing/suite.ts';
import { signIn } from '../testing/users.ts';

let suite: TestSuite;
beforeAll(async () => {
  suite = await openTestSuite();
});
afterAll(() => suite.close());

test('returns a signed-in user with their role in each tenant', async () => {
  const ada = await signIn(suite, 'ada@example.com', { name: 'Ada Lovelace' });
  await ada.call('POST', '/api/v1/tenants', { name: 'Second' });
  const { body } = await ada.call('GET', '/api/v1/users/me');
  expect(body).toMatchObject({
    user_id: ada.userId,
    email: 'ada@example.com',
    name: 'Ada Lovelace',
    is_operator: false,
  });
  expect(body.tenants).toHaveLength(2);
  expect(body.tenants[1]).toMatchObject({ name: 'Second', role: 'owner' });
  expect(JSON.stringify(body)).not.toContain('account');
});

test('lists users to operators in pages, newest first, and finds them by address in any case', async () => {
  const first = await signIn(suite, 'first@example.com');
  const second = await signIn(suite, 'second@example.com');
  const page = (await suite.operate('GET', '/api/v1/users?limit=1')).body;
  expect(page.users).toMatchObject([{ user_id: second.userId, email: 'second@example.com' }]);
  const next = (await suite.operate('GET', `/api/v1/users?limit=1&cursor=${page.next_cursor}`)).body;
  expect(next.users).toMatchObject([{ user_id: first.userId }]);
  const found = (await suite.operate('GET', '/api/v1/users?email=FIRST@example.com')).body;
  expect(found.users).toMatchObject([{ user_id: first.userId }]);
  expect((await suite.operate('GET', '/api/v1/users?email=nobody@example.com')).body.users).toEqual([]);
});

test('refuses the token of an erased user', async () => {
  const user = await signIn(suite, 'gone@example.com');
  await suite.deps.records.transact(async (transaction) => transaction.delete(USERS, user.userId));
  expect((await user.call('GET', '/api/v1/users/me')).status).toBe(401);
});
