import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { barId } from '../../shared/domain/bar.ts';
import { newPersonalId, newTenantId } from '../../shared/domain/ids.ts';
import { addressListId } from '../../shared/domain/open-invitations.ts';
import { membershipId, newTenant } from '../../shared/domain/users.ts';
import {
  BARS,
  INVITATIONS,
  MEMBERSHIPS,
  OPEN_INVITATIONS,
  TENANTS,
  USERS,
} from '../../shared/ports/collections.ts';
import { acceptInvitation } from '../../shared/use-cases/invitations.ts';
import { openTestSuite, type Reply, type TestSuite } from '../testing/suite.ts';
import { acceptInvitations, join, signIn, type TestUser } from '../testing/users.ts';

let suite: TestSuite;
beforeAll(async () => {
  suite = await openTestSuite();
});
afterAll(() => suite.close());
afterEach(() => {
  vi.useRealTimers();
});

const code = (reply: Reply): string => `${reply.status} ${reply.body?.code ?? ''}`;
const DAY_MS = 24 * 3_600_000;
let count = 0;

/** A tenant with an owner and an admin. */
async function openTeam() {
  count += 1;
  const owner = await signIn(suite, `owner${count}@acme.example`, { name: `Owner ${count}` });
  const [tenantId = ''] = owner.tenants.keys();
  await owner.call('PATCH', `/api/v1/tenants/${tenantId}`, { name: `Acme ${count}` });
  const admin = await join(suite, tenantId, `admin${count}@acme.example`, 'admin');
  const path = `/api/v1/tenants/${tenantId}`;
  const invite = (by: TestUser, email: string, role = 'member'): Promise<Reply> =>
    by.call('POST', `${path}/invitations`, { email, role });
  return { tenantId, owner, admin, path, invite };
}

const offersTo = async (user: TestUser) => (await user.call('GET', '/api/v1/invitations')).body.invitations;
const accept = (user: TestUser, id: string): Promise<Reply> =>
  user.call('POST', `/api/v1/invitations/${id}/accept`);
const decline = (user: TestUser, id: string): Promise<Reply> =>
  user.call('POST', `/api/v1/invitations/${id}/decline`);
const roleIn = async (user: TestUser, tenantId: string): Promise<string | undefined> => {
  const { tenants } = (await user.call('GET', '/api/v1/users/me')).body;
  return tenants.find((tenant: { tenant_id: string }) => tenant.tenant_id === tenantId)?.role;
};
async function eventsOf(tenantId: string, type: string) {
  return (await suite.operate('GET', `/api/v1/audit?tenant_id=${tenantId}&type=${type}`)).body.events;
}

describe('an invitation', () => {
  test('names the tenant, the role and who invited, and changes nothing until it is accepted', async () => {
    const { tenantId, owner, invite } = await openTeam();
    const invited = (await invite(owner, 'New@Example.com', 'admin')).body;
    const person = await signIn(suite, 'new@example.com');
    expect(await offersTo(person)).toEqual([
      {
        invitation_id: invited.invitation_id,
        tenant_id: tenantId,
        tenant_name: `Acme ${count}`,
        role: 'admin',
        invited_by: { name: `Owner ${count}`, email: owner.email },
        invited_at: invited.invited_at,
        expires_at: invited.expires_at,
      },
    ]);
    expect(await roleIn(person, tenantId)).toBeUndefined();
    expect((await person.call('GET', `/api/v1/tenants/${tenantId}`)).status).toBe(404);

    const joined = await accept(person, invited.invitation_id);
    expect([joined.status, joined.body]).toEqual([200, { tenant_id: tenantId, role: 'admin' }]);
    expect(await roleIn(person, tenantId)).toBe('admin');
    expect(await offersTo(person)).toEqual([]);
    expect(code(await accept(person, invited.invitation_id))).toBe('404 INVITATION_NOT_FOUND');
    const actor = { type: 'user', id: person.userId };
    expect(await eventsOf(tenantId, 'invitation.accepted')).toContainEqual(
      expect.objectContaining({ actor, subject: invited.invitation_id, role: 'admin' }),
    );
    expect(await eventsOf(tenantId, 'member.joined')).toContainEqual(
      expect.objectContaining({ actor, subject: person.userId, role: 'admin' }),
    );
  });

  test('lets a buyer who was invited by a stranger pay for no tenant but the one they name', async () => {
    const { owner, invite } = await openTeam();
    await invite(owner, 'employee@corp2.example', 'admin');
    const person = await signIn(suite, 'employee@corp2.example');
    const refused = [
      await person.call('POST', '/api/v1/checkout/create-session', { plan: 'pro', seats: 2 }),
      await person.call('POST', '/api/v1/checkout/create-portal-session', {}),
      await person.call('POST', '/api/v1/licenses/trial/activate', { fingerprint: 'f' }),
    ];
    for (const reply of refused) {
      expect(code(reply)).toBe('400 VALIDATION_FAILED');
      expect(reply.text).toContain('/tenant_id');
    }
  });

  test('is deleted when it is declined, and can be made again', async () => {
    const { tenantId, owner, path, invite } = await openTeam();
    const person = await signIn(suite, `shy${count}@example.com`);
    const { invitation_id } = (await invite(owner, person.email)).body;
    expect((await decline(person, invitation_id)).status).toBe(204);
    expect(await offersTo(person)).toEqual([]);
    expect((await owner.call('GET', `${path}/invitations`)).body.invitations).toEqual([]);
    expect(code(await decline(person, invitation_id))).toBe('404 INVITATION_NOT_FOUND');
    expect(await eventsOf(tenantId, 'invitation.declined')).toHaveLength(1);
    expect((await invite(owner, person.email)).body.invitation_id).not.toBe(invitation_id);
    expect(await offersTo(person)).toHaveLength(1);
  });

  test('of another user is answered like an unknown one', async () => {
    const { owner, invite } = await openTeam();
    const { invitation_id } = (await invite(owner, 'someone@example.com')).body;
    const other = await signIn(suite, 'another@example.com');
    for (const act of [accept, decline]) {
      const [existing, unknown] = [
        await act(other, invitation_id),
        await act(other, 'inv_0000000000000000'),
      ].map(({ status, body: { request_id: _, ...body } }) => ({ status, body }));
      expect(existing).toEqual(unknown);
      expect(existing?.status).toBe(404);
    }
    expect(await suite.deps.records.get(INVITATIONS, invitation_id)).toBeDefined();
  });

  test('is for the address that the user has now: after a change, neither listed nor accepted', async () => {
    const { owner, invite } = await openTeam();
    const before = await signIn(suite, `before${count}@example.com`, { subject: `subject ${count}` });
    const { invitation_id } = (await invite(owner, before.email)).body;
    const after = await signIn(suite, `after${count}@example.com`, { subject: `subject ${count}` });
    expect(after.userId).toBe(before.userId);
    expect(await offersTo(after)).toEqual([]);
    expect(code(await accept(after, invitation_id))).toBe('404 INVITATION_NOT_FOUND');
  });

  test('can be accepted until 14 days have passed', async () => {
    const { owner, tenantId, invite } = await openTeam();
    const people = [
      await signIn(suite, `e${count}@example.com`),
      await signIn(suite, `l${count}@example.com`),
    ];
    const nowMs = Date.now();
    vi.useFakeTimers({ toFake: ['Date'], now: nowMs });
    const ids: string[] = [];
    for (const { email } of people) ids.push((await invite(owner, email)).body.invitation_id);
    vi.setSystemTime(nowMs + 14 * DAY_MS - 1);
    const [early, late] = await Promise.all(people.map(({ email }) => signIn(suite, email)));
    if (!early || !late) throw new Error('no users');
    expect((await accept(early, String(ids[0]))).status).toBe(200);
    vi.setSystemTime(nowMs + 14 * DAY_MS);
    expect(await offersTo(late)).toEqual([]);
    expect(code(await accept(late, String(ids[1])))).toBe('404 INVITATION_NOT_FOUND');
    expect(await roleIn(late, tenantId)).toBeUndefined();
  });

  test('to the same address replaces role and expiry, in either order and whoever invites', async () => {
    const { owner, admin, path, invite } = await openTeam();
    const person = await signIn(suite, `twice${count}@example.com`);
    const first = (await invite(owner, person.email, 'admin')).body;
    const second = (await invite(admin, person.email, 'member')).body;
    expect(second.invitation_id).toBe(first.invitation_id);
    expect((await owner.call('GET', `${path}/invitations`)).body.invitations).toEqual([second]);
    expect(await offersTo(person)).toMatchObject([{ role: 'member' }]);
    await Promise.all(['admin', 'member', 'admin'].map((role) => invite(owner, person.email, role)));
    expect(await offersTo(person)).toHaveLength(1);
  });

  test('never makes an owner a member, nor an admin: a member keeps their role', async () => {
    const { tenantId, owner, admin, invite } = await openTeam();
    const { invitation_id } = (await invite(admin, owner.email, 'member')).body;
    expect((await accept(owner, invitation_id)).body).toEqual({ tenant_id: tenantId, role: 'owner' });
    expect(await roleIn(owner, tenantId)).toBe('owner');
    expect(await eventsOf(tenantId, 'member.joined')).toHaveLength(2);
  });

  test('to own a tenant is for one: the second who accepts is refused, also at the same time', async () => {
    const { tenantId } = await suite.createLicense();
    const path = `/api/v1/tenants/${tenantId}/invitations`;
    const ids: string[] = [];
    const people: TestUser[] = [];
    for (const n of [1, 2, 3]) {
      people.push(await signIn(suite, `heir${n}@example.com`));
      ids.push(
        (await suite.operate('POST', path, { email: `heir${n}@example.com`, role: 'owner' })).body
          .invitation_id,
      );
    }
    const replies = await Promise.all(people.map((person, n) => accept(person, String(ids[n]))));
    expect(replies.map(code).sort()).toEqual(['200 ', '409 TENANT_HAS_OWNER', '409 TENANT_HAS_OWNER']);
    const roles = await Promise.all(people.map((person) => roleIn(person, tenantId)));
    expect(roles.filter((role) => role !== undefined)).toEqual(['owner']);
    const winner = people[replies.findIndex(({ status }) => status === 200)];
    expect((await suite.deps.records.get(TENANTS, tenantId))?.ownerId).toBe(winner?.userId);
  });

  test.each(['tenant', 'user'] as const)('cannot be accepted once the %s is being erased', async (what) => {
    const { tenantId, owner, invite } = await openTeam();
    const person = await signIn(suite, `erased${count}@example.com`);
    const { invitation_id } = (await invite(owner, person.email)).body;
    const erasureId = 'era_0000000000000000';
    await suite.deps.records.transact(async (transaction) => {
      const tenant = await transaction.get(TENANTS, tenantId);
      const user = await transaction.get(USERS, person.userId);
      if (what === 'tenant' && tenant) transaction.set(TENANTS, tenantId, { ...tenant, erasureId });
      if (what === 'user' && user) transaction.set(USERS, person.userId, { ...user, erasureId });
    });
    // Not over HTTP: the credentials of a user who is being erased are refused before.
    const by = { actor: { kind: 'user', id: person.userId } } as const;
    const accepted = await acceptInvitation(invitation_id, person.userId, by, suite.deps);
    expect(accepted).toBe('INVITATION_NOT_FOUND');
    if (what === 'tenant') expect(await offersTo(person)).toEqual([]);
    const id = membershipId(tenantId, person.userId);
    expect(await suite.deps.records.get(MEMBERSHIPS, id)).toBeUndefined();
  });
});

describe('removing a member', () => {
  test('withdraws what they offered, under whatever address, and what they were offered', async () => {
    const { tenantId, owner, admin, path, invite } = await openTeam();
    const other = await signIn(suite, `other${count}@example.com`);
    await invite(admin, admin.email, 'admin');
    await invite(admin, other.email, 'admin');
    await invite(owner, `kept${count}@example.com`);
    await owner.call('POST', `${path}/transfer`, { user_id: admin.userId });
    expect((await owner.call('DELETE', `${path}/members/${admin.userId}`)).status).toBe(204);

    const back = await acceptInvitations(suite, await signIn(suite, admin.email));
    expect(back.tenants.has(tenantId)).toBe(false);
    const elsewhere = await acceptInvitations(suite, await signIn(suite, other.email));
    expect(elsewhere.tenants.has(tenantId)).toBe(false);
    const { invitations } = (await owner.call('GET', `${path}/invitations`)).body;
    expect(invitations.map(({ email }: { email: string }) => email)).toEqual([`kept${count}@example.com`]);
    expect((await owner.call('GET', path)).body.transfer).toBeNull();
    const actor = { type: 'user', id: owner.userId };
    expect(await eventsOf(tenantId, 'invitation.withdrawn')).toEqual([
      expect.objectContaining({ actor }),
      expect.objectContaining({ actor }),
    ]);
    expect(await eventsOf(tenantId, 'member.removed')).toEqual([
      expect.objectContaining({ actor, subject: admin.userId, previous_role: 'admin' }),
    ]);
    expect(await eventsOf(tenantId, 'ownership.withdrawn')).toHaveLength(1);
  });

  test('bars no one who is not a member', async () => {
    const { tenantId, owner, path } = await openTeam();
    const userId = 'usr_0000000000000000';
    expect((await owner.call('DELETE', `${path}/members/${userId}`)).status).toBe(204);
    expect(await suite.deps.records.get(BARS, barId({ tenantId, userId }))).toBeUndefined();
  });

  test('leaves no invitation by them, however it races with their invitations', async () => {
    const { owner, admin, path, invite } = await openTeam();
    const emails = Array.from({ length: 8 }, (_, n) => `race${count}-${n}@example.com`);
    await Promise.all([
      ...emails.slice(0, 4).map((email) => invite(admin, email)),
      owner.call('DELETE', `${path}/members/${admin.userId}`),
      ...emails.slice(4).map((email) => invite(admin, email)),
    ]);
    expect((await owner.call('GET', `${path}/invitations`)).body.invitations).toEqual([]);
  });

  test('is like making an admin a member: their invitations end, in either case', async () => {
    const { owner, admin, path, invite } = await openTeam();
    await invite(admin, `friend${count}@example.com`, 'admin');
    await owner.call('PATCH', `${path}/members/${admin.userId}`, { role: 'member' });
    expect((await owner.call('GET', `${path}/invitations`)).body.invitations).toEqual([]);
    expect(code(await invite(admin, `friend${count}@example.com`))).toBe('403 FORBIDDEN');
  });
});

/** Written to the records: the API limits how many tenants a caller creates in an hour. */
async function newTenants(howMany: number): Promise<string[]> {
  const ids = Array.from({ length: howMany }, () => newTenantId(2));
  await suite.deps.records.transact(async (transaction) => {
    for (const id of ids) transaction.set(TENANTS, id, newTenant(id, id, null, Date.now()));
  });
  return ids;
}

describe('the number of invitations', () => {
  test('is limited for an address, however many tenants invite at once; ended ones make room', async () => {
    const email = 'popular@example.com';
    const tenants = await newTenants(55);
    const invite = (tenantId: string): Promise<Reply> =>
      suite.operate('POST', `/api/v1/tenants/${tenantId}/invitations`, { email, role: 'member' });
    const replies = await Promise.all(tenants.map(invite));
    const codes = replies.map(code);
    expect(codes.filter((each) => each === '201 ')).toHaveLength(50);
    expect(codes.filter((each) => each === '409 TOO_MANY_INVITATIONS')).toHaveLength(5);
    const person = await signIn(suite, email);
    const offers = await offersTo(person);
    expect(offers).toHaveLength(50);

    const refused = tenants[codes.indexOf('409 TOO_MANY_INVITATIONS')] ?? '';
    expect(code(await invite(offers[0].tenant_id))).toBe('201 ');
    await decline(person, offers[0].invitation_id);
    expect(code(await invite(refused))).toBe('201 ');
    // An invitation that ended without its list, as when its inviter was removed.
    await suite.deps.records.transact(async (transaction) =>
      transaction.delete(INVITATIONS, offers[1].invitation_id),
    );
    expect(code(await invite(offers[0].tenant_id))).toBe('201 ');
    expect(await offersTo(person)).toHaveLength(50);
  });

  test('leaves room for others at an address that one user invites from many tenants', async () => {
    const email = 'flooded@example.com';
    const tenants = await newTenants(50);
    const [flooder, honest] = [await openTeam(), await openTeam()];
    const expiresAtMs = Date.now() + DAY_MS;
    const invitedBy = flooder.owner.userId;
    const invitations = tenants.map((tenantId, n) => ({
      invitationId: newPersonalId('inv'),
      tenantId,
      email,
      role: 'member' as const,
      invitedBy,
      invitedAtMs: n,
      expiresAtMs,
    }));
    const listOf = (listId: string, all: typeof invitations) => ({ listId, invitations: all, expiresAtMs });
    await suite.deps.records.transact(async (transaction) => {
      for (const each of invitations) {
        transaction.set(INVITATIONS, each.invitationId, each);
        transaction.set(OPEN_INVITATIONS, each.tenantId, listOf(each.tenantId, [each]));
      }
      const addressId = addressListId(email, suite.deps.pseudonymOf);
      transaction.set(OPEN_INVITATIONS, addressId, listOf(addressId, invitations));
    });
    expect(code(await flooder.invite(flooder.owner, email))).toBe('409 TOO_MANY_INVITATIONS');
    expect(code(await honest.invite(honest.owner, email))).toBe('201 ');
    expect(code(await flooder.invite(flooder.owner, email))).toBe('409 TOO_MANY_INVITATIONS');
    const [oldest = ''] = tenants;
    expect(await suite.deps.records.get(OPEN_INVITATIONS, oldest)).toBeUndefined();
    expect(await eventsOf(oldest, 'invitation.withdrawn')).toEqual([
      expect.objectContaining({ actor: { type: 'system', id: 'tenants' } }),
    ]);
    const offers: { tenant_id: string }[] = await offersTo(await signIn(suite, email));
    const offering = offers.map(({ tenant_id }) => tenant_id);
    expect(offering).toHaveLength(50);
    expect(offering).toContain(honest.tenantId);
    expect(offering).not.toContain(oldest);
  });

  test('is limited for a tenant', async () => {
    const { tenantId, owner, invite } = await openTeam();
    const expiresAtMs = Date.now() + DAY_MS;
    const invitations = Array.from({ length: 199 }, (_, n) => ({
      invitationId: `inv-${n}`,
      invitedBy: null,
      expiresAtMs,
    }));
    await suite.deps.records.transact(async (transaction) =>
      transaction.set(OPEN_INVITATIONS, tenantId, { listId: tenantId, invitations, expiresAtMs }),
    );
    const replies = await Promise.all([1, 2, 3].map((n) => invite(owner, `n${n}@example.com`)));
    expect(replies.map(code).sort()).toEqual([
      '201 ',
      '409 TOO_MANY_INVITATIONS',
      '409 TOO_MANY_INVITATIONS',
    ]);
    vi.useFakeTimers({ toFake: ['Date'], now: expiresAtMs });
    const later = await signIn(suite, owner.email);
    expect(code(await invite(later, 'n9@example.com'))).toBe('201 ');
  });

  test('does not let a user into more than twenty tenants, also when they accept many at once', async () => {
    const email = 'joiner@example.com';
    const person = await signIn(suite, email);
    for (const tenantId of await newTenants(22))
      await suite.operate('POST', `/api/v1/tenants/${tenantId}/invitations`, { email, role: 'member' });
    const offers: { invitation_id: string; tenant_id: string }[] = await offersTo(person);
    const replies = await Promise.all(offers.map(({ invitation_id }) => accept(person, invitation_id)));
    expect(replies.filter(({ status }) => status === 200)).toHaveLength(19);
    expect(replies.filter(({ body }) => body.code === 'TOO_MANY_TENANTS')).toHaveLength(3);
    expect(await offersTo(person)).toHaveLength(3);
    // Leaving a tenant makes room for another.
    const [joined] = offers.filter((_, n) => replies[n]?.status === 200);
    await person.call('DELETE', `/api/v1/tenants/${joined?.tenant_id}/members/${person.userId}`);
    const [open] = await offersTo(person);
    expect((await accept(person, open.invitation_id)).status).toBe(200);
  });
});
