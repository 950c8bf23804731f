import { isOperator, type User } from '../../shared/domain/users.ts';
import type { HandlersOf, ReplyOf, RequestOf } from '../../shared/http/contract.ts';
import { timestamp } from '../../shared/http/fields.ts';
import { readPage } from '../../shared/http/page.ts';
import { SIGN_INS, TENANTS, USERS } from '../../shared/ports/collections.ts';
import type { Deps } from '../../shared/ports/deps.ts';
import { ALL_USERS, USERS_BY_EMAIL } from '../../shared/ports/queries.ts';
import type contract from './contract.ts';

async function readMe(
  { caller }: RequestOf<typeof contract, 'me'>,
  { records, operators, clock }: Deps,
): Promise<ReplyOf<typeof contract, 'me'>> {
  const [user, signIn] = await Promise.all([
    records.get(USERS, caller.userId),
    records.get(SIGN_INS, caller.signInId),
  ]);
  if (!user || !signIn) return { problem: 'USER_NOT_FOUND' };
  const tenants = await Promise.all(
    Object.entries(caller.tenants).map(async ([tenantId, role]) => {
      const tenant = await records.get(TENANTS, tenantId);
      return tenant ? [{ tenant_id: tenantId, name: tenant.name, role }] : [];
    }),
  );
  return {
    answer: 'me',
    body: {
      ...viewOf(user),
      is_operator: isOperator(user, signIn.createdAtMs, operators, clock.nowMs()),
      tenants: tenants.flat(),
    },
  };
}

async function listUsers(
  { query, note }: RequestOf<typeof contract, 'list'>,
  { records }: Deps,
): Promise<ReplyOf<typeof contract, 'list'>> {
  const page =
    query.email === undefined
      ? await readPage(records, ALL_USERS, {}, { query, note })
      : await readPage(records, USERS_BY_EMAIL, { email: query.email }, { query, note });
  if ('problem' in page) return page;
  return { answer: 'users', body: { users: page.documents.map(viewOf), next_cursor: page.next_cursor } };
}

function viewOf({ userId, email, name, createdAtMs, lastSignInAtMs }: User) {
  return {
    user_id: userId,
    email,
    name,
    created_at: timestamp(createdAtMs),
    last_sign_in_at: timestamp(lastSignInAtMs),
  };
}

export default { me: readMe, list: listUsers } satisfies HandlersOf<typeof contract>;
