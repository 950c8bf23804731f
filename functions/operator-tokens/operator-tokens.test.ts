import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { hashSecret, newPersonalId, newOperatorToken as newSecret } from '../../shared/domain/ids.ts';
import type { OperatorToken } from '../../shared/domain/operator-token.ts';
import { Unavailable } from '../../shared/errors.ts';
import { OPERATOR_TOKENS, USERS } from '../../shared/ports/collections.ts';
import type { Deps } from '../../shared/ports/deps.ts';
import { eachDocument } from '../../shared/ports/each-document.ts';
import { EVENTS_BY_RECORDING } from '../../shared/ports/queries.ts';
import { createOperatorToken, recordUse } from '../../shared/use-cases/operator-tokens.ts';
import { newMember, newOperatorToken } from '../testing/sample-world.ts';
import { OPERATOR_KEY, openTestSuite, type Reply, type TestSuite } from '../testing/suite.ts';
import { signIn } from '../testing/users.ts';

const PATH = '/api/v1/operator-tokens';
const HOUR_MS = 3600 * 1000;
const DAY_MS = 24 * HOUR_MS;

let suite: TestSuite;
let aheadMs = 0;
let areWritesDown = false;
let isKeyOn = true;
const passTime = (ms: number): void => {
  aheadMs += ms;
};

beforeAll(async () => {
  suite = await openTestSuite({ OPERATOR_EMAILS: 'olga@vendor.example' }, (deps): Deps => {
    const { records, clock, isOperatorKey } = deps;
    const transact: typeof records.transact = (work) => {
      if (areWritesDown) throw new Unavailable('records', 'no writes');
      return records.transact(work);
    };
    return {
      ...deps,
      clock: { nowMs: () => clock.nowMs() + aheadMs },
      records: { ...records, get: records.get.bind(records), query: records.query.bind(records), transact },
      isOperatorKey: (presented) => isKeyOn && (isOperatorKey?.(presented) ?? false),
    };
  });
});
beforeEach(() => {
  aheadMs = 0;
  areWritesDown = false;
  isKeyOn = true;
});
afterAll(() => suite.close());

const create = (body: object, authorization = `Operator ${OPERATOR_KEY}`): Promise<Reply> =>
  suite.call('POST', PATH, { authorization, body: { name: 'CI', ...body } });
const listTenants = (authorization: string): Promise<Reply> =>
  suite.call('GET', '/api/v1/tenants', { authorization });
const readToken = async (tokenId: string) => (await suite.operate('GET', `${PATH}/${tokenId}`)).body;
const revoke = (tokenId: string, authorization = `Operator ${OPERATOR_KEY}`): Promise<Reply> =>
  suite.call('DELETE', `${PATH}/${tokenId}`, { authorization });

async function eventsOf(subject: string) {
  const all = await Array.fromAsync(eachDocument(suite.deps.records, EVENTS_BY_RECORDING, {}));
  return all.filter((event) => event.subject === subject);
}

test('returns a token once, and stores only its hash', async () => {
  const { status, body } = await create({ scopes: ['licenses:read'], expires_in_days: 7 });
  expect(status).toBe(201);
  const { operator_token, ...view } = body;
  expect(operator_token).toMatch(new RegExp(`^slo_${view.token_id.slice(4)}_`));
  expect(view).toEqual({
    token_id: expect.stringMatching(/^opt_/),
    name: 'CI',
    scopes: ['licenses:read'],
    status: 'expiring',
    created_at: expect.any(String),
    created_by: { type: 'operator', id: 'bootstrap' },
    expires_at: new Date(Date.parse(view.created_at) + 7 * DAY_MS).toISOString(),
    last_used_at: null,
    revoked_at: null,
  });
  expect(await readToken(view.token_id)).toEqual(view);
  const stored = await suite.deps.records.get(OPERATOR_TOKENS, view.token_id);
  expect(stored?.hash).toBe(hashSecret(operator_token));
  expect(JSON.stringify(stored)).not.toContain(operator_token);
});

test('expires after 90 days unless the request says otherwise, and within a year', async () => {
  const { body } = await create({ scopes: ['all'] });
  expect(Date.parse(body.expires_at) - Date.parse(body.created_at)).toBe(90 * DAY_MS);
  expect(body.status).toBe('active');
  for (const expires_in_days of [0, 366, 1.5, null])
    expect((await create({ scopes: ['all'], expires_in_days })).status, `${expires_in_days}`).toBe(400);
});

test.each([[[]], [['licenses']], [['licenses:admin']], [['acquire:write']], [['*']], [undefined]])(
  'refuses the scopes %j',
  async (scopes) => {
    expect((await create({ scopes })).body).toMatchObject({ status: 400, code: 'VALIDATION_FAILED' });
  },
);

test('lists tokens with their status, newest first', async () => {
  const first = await newOperatorToken(suite, ['read']);
  const second = await newOperatorToken(suite, ['read']);
  await revoke(first.tokenId);
  const { body } = await suite.operate('GET', `${PATH}?limit=2`);
  expect(body.operator_tokens).toMatchObject([
    { token_id: second.tokenId, status: 'active' },
    { token_id: first.tokenId, status: 'revoked' },
  ]);
  expect(JSON.stringify(body)).not.toContain('hash');
  passTime(90 * DAY_MS);
  expect(await readToken(second.tokenId)).toMatchObject({ status: 'expired' });
});

test('answers unknown ids with 404', async () => {
  for (const method of ['GET', 'DELETE'])
    expect((await suite.operate(method, `${PATH}/${newPersonalId('opt')}`)).body).toMatchObject({
      status: 404,
      code: 'OPERATOR_TOKEN_NOT_FOUND',
    });
});

test('refuses revoked, expired, unknown and malformed tokens alike', async () => {
  const revoked = await newOperatorToken(suite, ['all']);
  await revoke(revoked.tokenId);
  const expired = await newOperatorToken(suite, ['all']);
  const stored = await suite.deps.records.get(OPERATOR_TOKENS, expired.tokenId);
  await suite.deps.records.transact(async (transaction) =>
    transaction.set(OPERATOR_TOKENS, expired.tokenId, {
      ...(stored as OperatorToken),
      expiresAtMs: suite.deps.clock.nowMs(),
    }),
  );
  const known = await newOperatorToken(suite, ['all']);
  const replies = await Promise.all(
    [
      revoked.authorization,
      expired.authorization,
      `Operator ${newSecret(newPersonalId('opt'))}`,
      `Operator ${newSecret(known.tokenId)}`,
      `${known.authorization}x`,
      'Operator slo_',
    ].map(listTenants),
  );
  const answers = replies.map(({ status, headers, body: { request_id: _, ...body } }) => ({
    status,
    body,
    challenge: headers.get('www-authenticate'),
  }));
  expect(answers[0]).toMatchObject({ status: 401, body: { code: 'CREDENTIALS_INVALID' } });
  for (const answer of answers) expect(answer).toEqual(answers[0]);
  const reasons = suite.logged.slice(-6).map(({ because }) => because);
  expect(reasons).toContain(`${revoked.tokenId} is revoked`);
  expect(reasons).toContain(`${expired.tokenId} is expired`);
});

test('refuses a revoked token at once', async () => {
  const { tokenId, authorization } = await newOperatorToken(suite, ['tenants:read']);
  expect((await listTenants(authorization)).status).toBe(200);
  expect((await revoke(tokenId)).status).toBe(204);
  expect((await listTenants(authorization)).status).toBe(401);
});

test('works while the operator key is switched off', async () => {
  const { authorization } = await newOperatorToken(suite, ['tenants:read']);
  isKeyOn = false;
  expect((await listTenants(`Operator ${OPERATOR_KEY}`)).status).toBe(401);
  expect((await listTenants(authorization)).status).toBe(200);
});

describe('scopes', () => {
  test('a token does only what its scopes allow, and the refusal names the missing one', async () => {
    const { authorization } = await newOperatorToken(suite, ['tenants:read']);
    expect((await listTenants(authorization)).status).toBe(200);
    const body = { name: 'Acme' };
    expect((await suite.call('POST', '/api/v1/tenants', { authorization, body })).body).toMatchObject({
      status: 403,
      code: 'INSUFFICIENT_SCOPE',
      detail: 'The token lacks the scope "tenants:write".',
      scopes: ['tenants:write'],
    });
    expect((await suite.call('GET', '/api/v1/licenses', { authorization })).body.scopes).toEqual([
      'licenses:read',
    ]);
  });

  test('read allows to read everything and to change nothing', async () => {
    const { authorization } = await newOperatorToken(suite, ['read']);
    for (const path of ['/api/v1/licenses', '/api/v1/users', PATH, '/api/v1/audit', '/health?deep=1'])
      expect((await suite.call('GET', path, { authorization })).status, path).not.toBe(403);
    expect((await suite.call('POST', '/api/v1/licenses', { authorization, body: { max: 1 } })).status).toBe(
      403,
    );
  });
});

describe('a token that creates and revokes tokens', () => {
  const MANAGER = ['operator-tokens:write', 'operator-tokens:read', 'licenses:read'];

  test('needs the scope for it', async () => {
    const { authorization, tokenId } = await newOperatorToken(suite, ['licenses:write']);
    expect((await create({ scopes: ['licenses:write'] }, authorization)).body.scopes).toEqual([
      'operator-tokens:write',
    ]);
    expect((await revoke(tokenId, authorization)).status).toBe(403);
  });

  test('passes on only scopes of its own', async () => {
    const { authorization } = await newOperatorToken(suite, MANAGER);
    expect((await create({ scopes: ['licenses:read'] }, authorization)).status).toBe(201);
    for (const scope of ['licenses:write', 'read', 'all'])
      expect((await create({ scopes: ['licenses:read', scope] }, authorization)).body).toMatchObject({
        code: 'INSUFFICIENT_SCOPE',
        scopes: [scope],
      });
    const reader = await newOperatorToken(suite, ['read', 'operator-tokens:write']);
    expect((await create({ scopes: ['audit:read', 'read'] }, reader.authorization)).status).toBe(201);
    expect((await create({ scopes: ['audit:write'] }, reader.authorization)).status).toBe(403);
  });

  test('creates none that expires after it', async () => {
    const { body: manager } = await create({ scopes: MANAGER, expires_in_days: 20 });
    const authorization = `Operator ${manager.operator_token}`;
    const usual = await create({ scopes: ['licenses:read'] }, authorization);
    expect(usual.body).toMatchObject({
      expires_at: manager.expires_at,
      created_by: { type: 'operator', id: manager.token_id },
    });
    const later = await create({ scopes: ['licenses:read'], expires_in_days: 21 }, authorization);
    expect(later.body).toMatchObject({ status: 400, errors: [{ at: '/expires_in_days' }] });
  });

  test('revokes none that can do more', async () => {
    const { authorization } = await newOperatorToken(suite, MANAGER);
    const stronger = await newOperatorToken(suite, ['licenses:write']);
    const weaker = await newOperatorToken(suite, ['licenses:read']);
    expect((await revoke(stronger.tokenId, authorization)).body).toMatchObject({
      code: 'INSUFFICIENT_SCOPE',
      scopes: ['licenses:write'],
    });
    expect((await listTenants(stronger.authorization)).body.code).toBe('INSUFFICIENT_SCOPE');
    expect((await revoke(weaker.tokenId, authorization)).status).toBe(204);
  });

  test('is revoked together with those that were created with it, directly or not', async () => {
    const stolen = await newOperatorToken(suite, ['all']);
    const child = (await create({ scopes: ['all'] }, stolen.authorization)).body;
    const grandchild = (await create({ scopes: ['all'] }, `Operator ${child.operator_token}`)).body;
    const other = await newOperatorToken(suite, ['all']);
    await revoke(stolen.tokenId);
    for (const { operator_token } of [child, grandchild])
      expect((await listTenants(`Operator ${operator_token}`)).status).toBe(401);
    expect((await listTenants(other.authorization)).status).toBe(200);
  });

  test('leaves no living token behind when it creates some while it is revoked', async () => {
    const { tokenId, authorization } = await newOperatorToken(suite, ['all']);
    const creating = Array.from({ length: 20 }, () => create({ scopes: ['all'] }, authorization));
    const [, ...replies] = await Promise.all([revoke(tokenId), ...creating]);
    const created = replies.filter(({ status }) => status === 201);
    for (const { body } of created)
      expect((await readToken(body.token_id)).status, body.token_id).toBe('revoked');
    for (const { status } of replies) expect([201, 401]).toContain(status);
  });

  test('creates nothing once it is revoked, even in a call that began before', async () => {
    const { tokenId } = await newOperatorToken(suite, ['all']);
    const creator = (await suite.deps.records.get(OPERATOR_TOKENS, tokenId)) as OperatorToken;
    await revoke(tokenId);
    const by = { actor: { kind: 'operator', id: tokenId } } as const;
    const child = { ...creator, tokenId: newPersonalId('opt'), createdBy: by.actor };
    expect(await createOperatorToken(child, null, tokenId, by, suite.deps)).toBe('CREATOR_REVOKED');
    expect(await suite.deps.records.get(OPERATOR_TOKENS, child.tokenId)).toBeUndefined();
  });

  test('misses no token that its creator creates while they are being erased', async () => {
    const { tokenId } = await newOperatorToken(suite, ['all']);
    const known = await suite.deps.records.get(OPERATOR_TOKENS, tokenId);
    const person = await signIn(suite, 'olga@vendor.example');
    const user = await suite.deps.records.get(USERS, person.userId);
    if (!known || !user) throw new Error('no records');
    const by = { actor: { kind: 'operator', id: person.userId } } as const;
    const make = (id: string) =>
      createOperatorToken({ ...known, tokenId: id, createdBy: by.actor }, null, undefined, by, suite.deps);
    expect(await make(newPersonalId('opt'))).toBeNull();
    const write = (erasureId: string | null) =>
      suite.deps.records.transact(async (transaction) =>
        transaction.set(USERS, person.userId, { ...user, erasureId }),
      );
    await write(newPersonalId('era'));
    const late = newPersonalId('opt');
    expect(await make(late)).toBe('CREATOR_REVOKED');
    expect(await suite.deps.records.get(OPERATOR_TOKENS, late)).toBeUndefined();
    await write(null);
  });

  test('revokes the rest when an interrupted revocation is repeated', async () => {
    const { tokenId, authorization } = await newOperatorToken(suite, ['all']);
    const child = (await create({ scopes: ['all'] }, authorization)).body;
    const parent = await suite.deps.records.get(OPERATOR_TOKENS, tokenId);
    await suite.deps.records.transact(async (transaction) =>
      transaction.set(OPERATOR_TOKENS, tokenId, { ...(parent as OperatorToken), revokedAtMs: 1 }),
    );
    expect((await revoke(tokenId)).status).toBe(204);
    expect(await readToken(child.token_id)).toMatchObject({ status: 'revoked' });
    expect(await eventsOf(tokenId)).toHaveLength(1);
  });
});

describe('the last use', () => {
  test('is recorded at most once an hour, by 20 calls at once too', async () => {
    const { tokenId, authorization } = await newOperatorToken(suite, ['tenants:read']);
    const used = async (): Promise<number> => Date.parse((await readToken(tokenId)).last_used_at);
    await Promise.all(Array.from({ length: 20 }, () => listTenants(authorization)));
    const first = await used();
    passTime(HOUR_MS - 60_000);
    await listTenants(authorization);
    expect(await used()).toBe(first);
    passTime(61_000);
    await listTenants(authorization);
    expect(await used()).toBeGreaterThanOrEqual(first + HOUR_MS);
  });

  test('is recorded by the first of several instances that read the token before', async () => {
    const { tokenId } = await newOperatorToken(suite, ['tenants:read']);
    const before = (await suite.deps.records.get(OPERATOR_TOKENS, tokenId)) as OperatorToken;
    const firstMs = before.createdAtMs + 1_000;
    for (const atMs of [firstMs, firstMs + 1_000]) await recordUse(before, suite.deps.records, atMs);
    expect(Date.parse((await readToken(tokenId)).last_used_at)).toBe(firstMs);
  });

  test('that cannot be recorded fails no request', async () => {
    const { tokenId, authorization } = await newOperatorToken(suite, ['tenants:read']);
    areWritesDown = true;
    expect((await listTenants(authorization)).status).toBe(200);
    expect(suite.logged.at(-1)).toMatchObject({
      severity: 'WARNING',
      because: expect.stringContaining('last use not recorded'),
    });
    areWritesDown = false;
    await listTenants(authorization);
    expect((await readToken(tokenId)).last_used_at).not.toBeNull();
  });

  test('does not bring a revoked token back', async () => {
    const { tokenId } = await newOperatorToken(suite, ['tenants:read']);
    const before = (await suite.deps.records.get(OPERATOR_TOKENS, tokenId)) as OperatorToken;
    await revoke(tokenId);
    await recordUse(before, suite.deps.records, suite.deps.clock.nowMs());
    expect(await readToken(tokenId)).toMatchObject({ status: 'revoked' });
  });
});

describe('the actor', () => {
  test('of an event is the token, the user or the operator key', async () => {
    const olga = await signIn(suite, 'olga@vendor.example');
    const token = await newOperatorToken(suite, ['all']);
    const byUser = (await create({ scopes: ['read'] }, olga.authorization)).body;
    const byToken = (await create({ scopes: ['read'] }, token.authorization)).body;
    await revoke(byUser.token_id, token.authorization);
    await revoke(byUser.token_id, token.authorization);
    const told = async (subject: string) =>
      (await eventsOf(subject)).map(({ type, tenantId, actor }) => [type, tenantId, actor.kind, actor.id]);
    expect(await told(token.tokenId)).toEqual([
      ['operator_token.created', 'vendor', 'operator', 'bootstrap'],
    ]);
    expect(await told(byToken.token_id)).toEqual([
      ['operator_token.created', 'vendor', 'operator', token.tokenId],
    ]);
    expect((await told(byUser.token_id)).toSorted()).toEqual([
      ['operator_token.created', 'vendor', 'operator', olga.userId],
      ['operator_token.revoked', 'vendor', 'operator', token.tokenId],
    ]);
  });

  test('is named by the log line, and the name of the token by neither log nor audit log', async () => {
    const { body } = await create({ name: 'Zanzibar laptop', scopes: ['tenants:read'] });
    await listTenants(`Operator ${body.operator_token}`);
    expect(suite.logged.at(-1)).toMatchObject({ caller: 'operator', operator_token_id: body.token_id });
    const text = JSON.stringify([suite.logged, await eventsOf(body.token_id)]);
    expect(text).not.toContain('Zanzibar');
    expect(text).not.toContain(body.operator_token);
  });

  test('who asked for an erasure is the only one who can confirm it', async () => {
    const { tenantId } = await suite.createLicense();
    const { userId } = await newMember(suite, tenantId);
    const [one, other] = [
      await newOperatorToken(suite, ['gdpr-delete:write']),
      await newOperatorToken(suite, ['all']),
    ];
    const asked = await suite.call('POST', '/api/v1/gdpr/delete', {
      authorization: one.authorization,
      body: { user_id: userId },
    });
    const confirm = (authorization: string): Promise<Reply> =>
      suite.call('DELETE', '/api/v1/gdpr/delete', {
        authorization,
        body: { confirmation_token: asked.body.confirmation_token },
      });
    for (const authorization of [other.authorization, `Operator ${OPERATOR_KEY}`])
      expect((await confirm(authorization)).body.code).toBe('CONFIRMATION_INVALID');
    expect((await confirm(one.authorization)).status).toBe(200);
  });
});

describe('a sweep', () => {
  const sweepLine = () => suite.logged.findLast((line) => line.function === 'sweep');

  test('warns of tokens that expire within 14 days', async () => {
    const soon = (await create({ scopes: ['read'], expires_in_days: 14 })).body.token_id;
    const revoked = (await create({ scopes: ['read'], expires_in_days: 14 })).body.token_id;
    const later = (await create({ scopes: ['read'], expires_in_days: 15 })).body.token_id;
    await revoke(revoked);
    passTime(HOUR_MS);
    await suite.sweep();
    const { severity, operator_tokens_expiring: expiring = [] } = sweepLine() ?? {};
    expect(severity).toBe('WARNING');
    expect(expiring).toContain(soon);
    for (const other of [revoked, later]) expect(expiring).not.toContain(other);
  });

  test('deletes tokens a retention period after their end', async () => {
    const { tokenId } = await newOperatorToken(suite, ['read']);
    passTime((90 + 365) * DAY_MS + HOUR_MS);
    await suite.sweep();
    expect(await suite.deps.records.get(OPERATOR_TOKENS, tokenId)).toBeUndefined();
  });
});
