import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { TENANTS, USERS } from '../../shared/ports/collections.ts';
import { openTestSuite, type Reply, type TestSuite } from '../testing/suite.ts';
import { join, signIn, type TestUser } from '../testing/users.ts';
import { acceptOwnership } from './ownership.ts';

let suite: TestSuite;
beforeAll(async () => {
  suite = await openTestSuite();
});
afterAll(() => suite.close());
afterEach(() => {
  vi.useRealTimers();
});

const code = (reply: Reply): string => `${reply.status} ${reply.body?.code ?? ''}`;

let count = 0;
async function openTeam() {
  count += 1;
  const owner = await signIn(suite, `owner${count}@acme.example`);
  const [tenantId = ''] = owner.tenants.keys();
  const path = `/api/v1/tenants/${tenantId}`;
  const admin = await join(suite, tenantId, `admin${count}@acme.example`, 'admin');
  const member = await join(suite, tenantId, `member${count}@acme.example`, 'member');
  const offer = (to: TestUser, by = owner): Promise<Reply> =>
    by.call('POST', `${path}/transfer`, { user_id: to.userId });
  const offerAsOperator = (to: TestUser): Promise<Reply> =>
    suite.operate('POST', `${path}/transfer`, { user_id: to.userId });
  const answer = (by: TestUser, how: 'accept' | 'decline'): Promise<Reply> =>
    by.call('POST', `${path}/transfer/${how}`);
  return { tenantId, path, owner, admin, member, offer, offerAsOperator, answer };
}
type Team = Awaited<ReturnType<typeof openTeam>>;

async function rolesIn({ path, owner, admin, member }: Team): Promise<(string | undefined)[]> {
  const { members } = (await suite.operate('GET', `${path}/members`)).body;
  return [owner, admin, member].map(
    ({ userId }) => members.find(({ user_id }: { user_id: string }) => user_id === userId)?.role,
  );
}
const ownerOf = async ({ path }: Team): Promise<string> => (await suite.operate('GET', path)).body.owner_id;
const pendingIn = async ({ path }: Team) => (await suite.operate('GET', path)).body.transfer;

describe('a transfer of the ownership', () => {
  test('is an offer: the owner stays the owner until the member accepts', async () => {
    const team = await openTeam();
    const { owner, member, offer, answer } = team;
    const offered = await offer(member);
    expect([offered.status, offered.body.owner_id, offered.body.transfer.user_id]).toEqual([
      200,
      owner.userId,
      member.userId,
    ]);
    expect(await rolesIn(team)).toEqual(['owner', 'admin', 'member']);
    const offersTo = async (user: TestUser) => (await user.call('GET', '/api/v1/invitations')).body.transfers;
    const { offered_at, expires_at } = offered.body.transfer;
    const named = { tenant_id: team.tenantId, tenant_name: offered.body.name };
    expect(await offersTo(member)).toEqual([{ ...named, offered_at, expires_at }]);
    expect([...(await offersTo(owner)), ...(await offersTo(team.admin))]).toEqual([]);
    const accepted = await answer(member, 'accept');
    expect(accepted.body).toMatchObject({ owner_id: member.userId, transfer: null });
    expect(await rolesIn(team)).toEqual(['admin', 'admin', 'owner']);
    expect(code(await owner.call('PATCH', team.path, { name: 'Back' }))).toBe('403 FORBIDDEN');
    expect(code(await answer(member, 'accept'))).toBe('404 TRANSFER_NOT_FOUND');
  });

  test('is recorded: who offered it to whom, and both changes of role', async () => {
    const team = await openTeam();
    const { owner, admin, member, offer, answer, tenantId } = team;
    await offer(admin);
    await answer(admin, 'decline');
    await offer(member);
    await answer(member, 'accept');
    const events = async (type: string) =>
      (await suite.operate('GET', `/api/v1/audit?tenant_id=${tenantId}&type=${type}`)).body.events;
    const byMember = { type: 'user', id: member.userId };
    expect(await events('ownership.declined')).toMatchObject([{ subject: admin.userId }]);
    expect(await events('ownership.offered')).toHaveLength(2);
    expect(await events('ownership.transferred')).toMatchObject([
      { actor: byMember, subject: member.userId, role: 'owner', previous_role: 'member' },
    ]);
    expect(await events('member.role_changed')).toMatchObject([
      { actor: byMember, subject: owner.userId, role: 'admin', previous_role: 'owner' },
    ]);
  });

  test('is deleted when the member declines, or the owner withdraws', async () => {
    const team = await openTeam();
    const { owner, member, offer, answer, path } = team;
    await offer(member);
    expect((await answer(member, 'decline')).status).toBe(204);
    expect(await pendingIn(team)).toBeNull();
    await offer(member);
    for (const _ of ['first', 'again'])
      expect((await owner.call('DELETE', `${path}/transfer`)).status).toBe(204);
    expect(code(await answer(member, 'accept'))).toBe('404 TRANSFER_NOT_FOUND');
    expect(await rolesIn(team)).toEqual(['owner', 'admin', 'member']);
  });

  test('can be accepted only by the member to whom it was offered last', async () => {
    const team = await openTeam();
    const { owner, admin, member, offer, answer } = team;
    await offer(admin);
    await offer(member);
    for (const user of [owner, admin])
      for (const how of ['accept', 'decline'] as const)
        expect(code(await answer(user, how))).toBe('404 TRANSFER_NOT_FOUND');
    expect((await answer(member, 'accept')).status).toBe(200);
  });

  test('is refused to the owner, to strangers, and by anyone but the owner', async () => {
    const { owner, admin, member, offer } = await openTeam();
    const stranger = await signIn(suite, `stranger${count}@example.com`);
    expect(code(await offer(owner))).toBe('409 ALREADY_OWNER');
    expect(code(await offer(stranger))).toBe('404 USER_NOT_FOUND');
    expect(code(await offer(member, admin))).toBe('403 FORBIDDEN');
    expect(code(await offer(stranger, stranger))).toBe('404 TENANT_NOT_FOUND');
  });

  test('expires after 14 days', async () => {
    const team = await openTeam();
    const nowMs = Date.now();
    vi.useFakeTimers({ toFake: ['Date'], now: nowMs });
    await team.offer(team.member);
    vi.setSystemTime(nowMs + 14 * 24 * 3_600_000);
    const member = await signIn(suite, team.member.email);
    expect(code(await team.answer(member, 'accept'))).toBe('404 TRANSFER_NOT_FOUND');
    expect(await pendingIn(team)).toBeNull();
  });

  test('by an operator needs the member alone; its owner can neither withdraw nor replace it', async () => {
    const team = await openTeam();
    const { owner, admin, member, offer, offerAsOperator, answer, path } = team;
    await offer(admin);
    expect((await offerAsOperator(member)).status).toBe(200);
    expect(code(await owner.call('DELETE', `${path}/transfer`))).toBe('403 FORBIDDEN');
    expect(code(await offer(admin))).toBe('403 FORBIDDEN');
    expect((await answer(member, 'accept')).status).toBe(200);
    expect(await rolesIn(team)).toEqual(['admin', 'admin', 'owner']);
  });

  test('by an operator is not ended by the owner or an admin, who cannot remove the member', async () => {
    const team = await openTeam();
    const { owner, admin, member, offerAsOperator, answer, path } = team;
    await offerAsOperator(member);
    const remove = (by: TestUser) => by.call('DELETE', `${path}/members/${member.userId}`);
    for (const by of [owner, admin]) expect(code(await remove(by))).toBe('403 FORBIDDEN');
    expect(await pendingIn(team)).toMatchObject({ user_id: member.userId });
    await answer(member, 'decline');
    expect((await remove(owner)).status).toBe(204);
  });

  test('ends with the membership of the member', async () => {
    const team = await openTeam();
    const { member, offer, answer, path } = team;
    await offer(member);
    await member.call('DELETE', `${path}/members/${member.userId}`);
    expect(await pendingIn(team)).toBeNull();
    expect(code(await answer(member, 'accept'))).toBe('404 TENANT_NOT_FOUND');
    expect(await rolesIn(team)).toEqual(['owner', 'admin', undefined]);
  });

  test.each(['tenant', 'user'] as const)(
    'is neither offered nor accepted once the %s is being erased',
    async (what) => {
      const team = await openTeam();
      const { tenantId, owner, member, offer } = team;
      await offer(member);
      const erasureId = 'era_0000000000000000';
      await suite.deps.records.transact(async (transaction) => {
        const tenant = await transaction.get(TENANTS, tenantId);
        const user = await transaction.get(USERS, member.userId);
        if (what === 'tenant' && tenant) transaction.set(TENANTS, tenantId, { ...tenant, erasureId });
        if (what === 'user' && user) transaction.set(USERS, member.userId, { ...user, erasureId });
      });
      const refusals = {
        tenant: ['409 TENANT_CLOSED', 'TENANT_CLOSED'],
        user: ['404 USER_NOT_FOUND', 'TRANSFER_NOT_FOUND'],
      };
      // Not over HTTP: the credentials of a user who is being erased are refused before.
      const by = { actor: { kind: 'user', id: member.userId } } as const;
      const accepted = await acceptOwnership(tenantId, member.userId, by, suite.deps);
      expect([code(await offer(member)), accepted]).toEqual(refusals[what]);
      expect(await ownerOf(team)).toBe(owner.userId);
    },
  );

  test('leaves exactly one owner, whoever accepts, leaves or is removed at once', async () => {
    for (let round = 0; round < 5; round += 1) {
      const team = await openTeam();
      const { owner, admin, member, offer, answer, path } = team;
      await offer(member);
      await Promise.all([
        answer(member, 'accept'),
        offer(admin),
        answer(admin, 'accept'),
        owner.call('DELETE', `${path}/members/${member.userId}`),
        member.call('DELETE', `${path}/members/${member.userId}`),
      ]);
      const roles = await rolesIn(team);
      expect(roles.filter((role) => role === 'owner')).toHaveLength(1);
      const at = [owner, admin, member][roles.indexOf('owner')];
      expect(await ownerOf(team)).toBe(at?.userId);
    }
  });
});
