import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openTestSuite, type Reply, type TestLicense, type TestSuite } from '../testing/suite.ts';
import {
  acceptInvitations,
  join as joinTenant,
  requestTokens,
  signIn,
  type TestUser,
} from '../testing/users.ts';

let suite: TestSuite;
beforeAll(async () => {
  suite = await openTestSuite();
});
afterAll(() => suite.close());

const code = (reply: Reply): string => `${reply.status} ${reply.body?.code}`;

/** A tenant with a license that counts by user, an owner, an admin and a member. */
interface Team {
  readonly license: TestLicense;
  readonly path: string;
  readonly owner: TestUser;
  readonly admin: TestUser;
  readonly member: TestUser;
}

let teams = 0;
async function openTeam(): Promise<Team> {
  teams += 1;
  const license = await suite.createLicense({ max: 5, unit: 'user' });
  const path = `/api/v1/tenants/${license.tenantId}`;
  const join = async (role: string): Promise<TestUser> => {
    const email = `${role}${teams}@acme.example`;
    return joinTenant(suite, license.tenantId, email, role, { name: `The ${role}` });
  };
  return {
    license,
    path,
    owner: await join('owner'),
    admin: await join('admin'),
    member: await join('member'),
  };
}

const rolesIn = async ({ path }: Team): Promise<Record<string, string>> => {
  const { members } = (await suite.operate('GET', `${path}/members`)).body;
  return Object.fromEntries(
    members.map(({ user_id, role }: { user_id: string; role: string }) => [user_id, role]),
  );
};

describe('managing a tenant', () => {
  test('makes its creator the owner; a tenant that an operator creates has no owner', async () => {
    const ada = await signIn(suite, 'ada@example.com');
    const created = await ada.call('POST', '/api/v1/tenants', { name: 'Analytical Engines' });
    expect(created.status).toBe(201);
    expect(created.body).toMatchObject({
      name: 'Analytical Engines',
      owner_id: ada.userId,
      join_domain: null,
      pending_domain: null,
      transfer: null,
    });
    expect((await ada.call('GET', `/api/v1/tenants/${created.body.tenant_id}`)).body).toEqual(created.body);

    const byOperator = await suite.operate('POST', '/api/v1/tenants', { name: 'Customer' });
    expect(byOperator.body.owner_id).toBeNull();
  });

  test('lists their own tenants to users, and all tenants in pages to operators', async () => {
    const team = await openTeam();
    const { tenants } = (await team.member.call('GET', '/api/v1/tenants')).body;
    expect(tenants.map(({ tenant_id }: { tenant_id: string }) => tenant_id).sort()).toEqual(
      [...team.member.tenants.keys()].sort(),
    );

    const first = (await suite.operate('GET', '/api/v1/tenants?limit=2')).body;
    expect(first.tenants).toHaveLength(2);
    const second = (await suite.operate('GET', `/api/v1/tenants?limit=2&cursor=${first.next_cursor}`)).body;
    expect(second.tenants[0].tenant_id).not.toBe(first.tenants[0].tenant_id);
  });

  test('lets owners rename the tenant, and refuses admins', async () => {
    const team = await openTeam();
    expect(code(await team.admin.call('PATCH', team.path, { name: 'Mine' }))).toBe('403 FORBIDDEN');
    const renamed = await team.owner.call('PATCH', team.path, { name: 'Ours' });
    expect([renamed.status, renamed.body.name]).toEqual([200, 'Ours']);
    expect((await team.member.call('GET', team.path)).body.name).toBe('Ours');
  });

  test('lists members with names and roles to admins only', async () => {
    const team = await openTeam();
    const { members } = (await team.admin.call('GET', `${team.path}/members`)).body;
    expect(members).toEqual(
      [team.owner, team.admin, team.member].map(({ userId, email }, i) => ({
        user_id: userId,
        email,
        name: `The ${['owner', 'admin', 'member'][i]}`,
        role: ['owner', 'admin', 'member'][i],
        joined_at: expect.any(String),
      })),
    );
    expect(code(await team.member.call('GET', `${team.path}/members`))).toBe('403 FORBIDDEN');
  });

  test('lets owners change roles, which applies at once', async () => {
    const team = await openTeam();
    expect(code(await team.member.call('GET', `${team.path}/members`))).toBe('403 FORBIDDEN');
    const change = (role: string): Promise<Reply> =>
      team.owner.call('PATCH', `${team.path}/members/${team.member.userId}`, { role });
    expect((await change('admin')).status).toBe(204);
    expect((await team.member.call('GET', `${team.path}/members`)).status).toBe(200);
    await change('member');
    expect(code(await team.member.call('GET', `${team.path}/members`))).toBe('403 FORBIDDEN');
  });

  test('lists invitations until they are accepted or withdrawn', async () => {
    const team = await openTeam();
    const invited = await team.admin.call('POST', `${team.path}/invitations`, {
      email: 'New@Acme.example',
      role: 'member',
    });
    expect(invited.body).toMatchObject({ email: 'new@acme.example', role: 'member' });
    expect(Date.parse(invited.body.expires_at) - Date.parse(invited.body.invited_at)).toBe(
      14 * 24 * 3600_000,
    );
    expect((await team.owner.call('GET', `${team.path}/invitations`)).body.invitations).toEqual([
      invited.body,
    ]);
    for (const _ of ['first', 'again']) {
      const path = `${team.path}/invitations/${invited.body.invitation_id}`;
      expect((await team.admin.call('DELETE', path)).status).toBe(204);
    }
    expect((await team.owner.call('GET', `${team.path}/invitations`)).body.invitations).toEqual([]);
  });

  test('does not withdraw an invitation of another tenant', async () => {
    const [team, other] = [await openTeam(), await openTeam()];
    const { invitation_id } = (
      await other.admin.call('POST', `${other.path}/invitations`, { email: 'x@example.com', role: 'member' })
    ).body;
    expect((await team.owner.call('DELETE', `${team.path}/invitations/${invitation_id}`)).status).toBe(204);
    expect((await other.admin.call('GET', `${other.path}/invitations`)).body.invitations).toHaveLength(1);
  });
});

describe('seats of users', () => {
  const acquire = (person: TestUser, team: Team, fingerprint = 'laptop'): Promise<Reply> =>
    person.call('POST', '/api/v1/licenses/acquire', { fingerprint, license_id: team.license.licenseId });
  const beat = (person: TestUser, sessionId: string): Promise<Reply> =>
    person.call('PUT', '/api/v1/licenses/heartbeat', { session_id: sessionId });

  test('counts one seat for a user on all their machines, and one for every member', async () => {
    const team = await openTeam();
    const first = await acquire(team.member, team, 'laptop');
    const second = await acquire(team.member, team, 'desktop');
    expect([first.status, second.status]).toEqual([201, 200]);
    expect(second.body.seats).toEqual({ active: 1, max: 5 });
    const other = await acquire(team.admin, team);
    expect(other.body.seats).toEqual({ active: 2, max: 5 });
    const { sessions } = (
      await team.admin.call('GET', `/api/v1/sessions?license_id=${team.license.licenseId}`)
    ).body;
    expect(sessions.map(({ user_id }: { user_id: string }) => user_id).sort()).toEqual(
      [team.member.userId, team.member.userId, team.admin.userId].sort(),
    );
  });

  test('acquires, extends, signs and releases a seat with an access token', async () => {
    const team = await openTeam();
    const { session_id } = (await acquire(team.member, team)).body;
    expect((await beat(team.member, session_id)).body.status).toBe('heartbeat_acknowledged');
    const signed = await team.member.call('POST', '/api/v1/licenses/sign', { session_id });
    expect(signed.body.license_data).toMatchObject({ license_id: team.license.licenseId });
    expect((await team.member.call('POST', '/api/v1/licenses/release', { session_id })).status).toBe(204);
    expect(code(await beat(team.member, session_id))).toBe('404 SESSION_NOT_FOUND');
  });

  test('refuses to extend, sign or release the seat of another member; admins can evict it', async () => {
    const team = await openTeam();
    const { session_id } = (await acquire(team.member, team)).body;
    expect(code(await beat(team.admin, session_id))).toBe('404 SESSION_NOT_FOUND');
    expect(code(await team.admin.call('POST', '/api/v1/licenses/sign', { session_id }))).toBe(
      '404 SESSION_NOT_FOUND',
    );
    await team.admin.call('POST', '/api/v1/licenses/release', { session_id });
    expect((await beat(team.member, session_id)).status).toBe(200);
    const { session_id: admins } = (await acquire(team.admin, team)).body;
    await team.member.call('DELETE', `/api/v1/licenses/sessions/${admins}`);
    expect((await beat(team.admin, admins)).status).toBe(200);

    expect((await team.admin.call('DELETE', `/api/v1/licenses/sessions/${session_id}`)).status).toBe(204);
    expect(code(await beat(team.member, session_id))).toBe('404 SESSION_NOT_FOUND');
  });

  test('extends and grants no seat for a removed member, although their access token is still valid', async () => {
    const team = await openTeam();
    const { session_id } = (await acquire(team.member, team)).body;
    const removed = await team.admin.call('DELETE', `${team.path}/members/${team.member.userId}`);
    expect(removed.status).toBe(204);
    expect(code(await beat(team.member, session_id))).toBe('404 LICENSE_NOT_FOUND');
    expect(code(await acquire(team.member, team))).toBe('404 LICENSE_NOT_FOUND');
    expect(code(await team.member.call('GET', team.path))).toBe('404 TENANT_NOT_FOUND');

    await team.admin.call('POST', `${team.path}/invitations`, { email: team.member.email, role: 'member' });
    const back = await acceptInvitations(suite, team.member);
    expect((await acquire(back, team)).status).toBe(200);
  });

  test('lets members leave; an owner must transfer the ownership first', async () => {
    const team = await openTeam();
    expect((await team.member.call('DELETE', `${team.path}/members/${team.member.userId}`)).status).toBe(204);
    expect(code(await team.owner.call('DELETE', `${team.path}/members/${team.owner.userId}`))).toBe(
      '409 OWNER_MUST_STAY',
    );
    await team.owner.call('POST', `${team.path}/transfer`, { user_id: team.admin.userId });
    await team.admin.call('POST', `${team.path}/transfer/accept`);
    expect((await team.owner.call('DELETE', `${team.path}/members/${team.owner.userId}`)).status).toBe(204);
    expect(await rolesIn(team)).toEqual({ [team.admin.userId]: 'owner' });
  });

  test('removes no member while the seat store is unavailable', async () => {
    const { Unavailable } = await import('../../shared/errors.ts');
    let areSeatsDown = false;
    const ownSuite = await openTestSuite({}, (deps) => ({
      ...deps,
      seatMaintenance: {
        ...deps.seatMaintenance,
        bar: (...args) => {
          if (areSeatsDown) throw new Unavailable('seats', 'unavailable in this test');
          return deps.seatMaintenance.bar(...args);
        },
      },
    }));
    const { tenantId } = await ownSuite.createLicense();
    const person = await joinTenant(ownSuite, tenantId, 'm@example.com', 'member');
    areSeatsDown = true;
    const removed = await ownSuite.operate('DELETE', `/api/v1/tenants/${tenantId}/members/${person.userId}`);
    expect(code(removed)).toBe('503 SEATS_UNAVAILABLE');
    expect((await person.call('GET', `/api/v1/tenants/${tenantId}`)).status).toBe(200);
    await ownSuite.close();
  });

  test('requires license_id with an access token, and accepts the user’s own user_id', async () => {
    const team = await openTeam();
    const unnamed = await team.member.call('POST', '/api/v1/licenses/acquire', { fingerprint: 'f' });
    expect(code(unnamed)).toBe('400 VALIDATION_FAILED');
    const own = { fingerprint: 'f', license_id: team.license.licenseId, user_id: team.member.userId };
    expect((await team.member.call('POST', '/api/v1/licenses/acquire', own)).status).toBe(201);
  });
});

describe('role escalation by body fields', () => {
  test('is refused for every role and field', async () => {
    const license = await suite.createLicense({ max: 2 });
    const stranger = await signIn(suite, 'stranger@example.com');
    const [owner, admin, member] = [
      await joinTenant(suite, license.tenantId, 'owner@acme.example', 'owner'),
      await joinTenant(suite, license.tenantId, 'admin@acme.example', 'admin'),
      await joinTenant(suite, license.tenantId, 'member@acme.example', 'member'),
    ];
    const tenant = `/api/v1/tenants/${license.tenantId}`;

    const attempts: [TestUser, string, string, unknown, string][] = [
      [admin, 'POST', `${tenant}/invitations`, { email: 'x@example.com', role: 'owner' }, '403 FORBIDDEN'],
      [owner, 'POST', `${tenant}/invitations`, { email: 'x@example.com', role: 'owner' }, '403 FORBIDDEN'],
      [
        admin,
        'POST',
        `${tenant}/invitations`,
        { email: 'x@example.com', role: 'operator' },
        '400 VALIDATION_FAILED',
      ],
      [
        admin,
        'POST',
        `${tenant}/invitations`,
        { email: 'x@example.com', role: 'admin', tenant_id: 'ten_00_0000000000000000' },
        '400 VALIDATION_FAILED',
      ],
      [member, 'POST', `${tenant}/invitations`, { email: 'x@example.com', role: 'member' }, '403 FORBIDDEN'],
      [member, 'PATCH', `${tenant}/members/${member.userId}`, { role: 'admin' }, '403 FORBIDDEN'],
      [admin, 'PATCH', `${tenant}/members/${admin.userId}`, { role: 'owner' }, '400 VALIDATION_FAILED'],
      [admin, 'PATCH', `${tenant}/members/${member.userId}`, { role: 'admin' }, '403 FORBIDDEN'],
      [owner, 'PATCH', `${tenant}/members/${owner.userId}`, { role: 'member' }, '409 OWNER_MUST_STAY'],
      [admin, 'DELETE', `${tenant}/members/${owner.userId}`, undefined, '409 OWNER_MUST_STAY'],
      [member, 'DELETE', `${tenant}/members/${admin.userId}`, undefined, '403 FORBIDDEN'],
      [admin, 'POST', `${tenant}/transfer`, { user_id: admin.userId }, '403 FORBIDDEN'],
      [owner, 'POST', `${tenant}/transfer`, { user_id: stranger.userId }, '404 USER_NOT_FOUND'],
      [owner, 'PATCH', `${tenant}/members/${stranger.userId}`, { role: 'admin' }, '404 USER_NOT_FOUND'],
      [owner, 'PATCH', tenant, { owner_id: member.userId }, '400 VALIDATION_FAILED'],
      [owner, 'PATCH', tenant, { name: 'x', role: 'operator' }, '400 VALIDATION_FAILED'],
      [owner, 'POST', '/api/v1/tenants', { name: 'x', owner_id: member.userId }, '400 VALIDATION_FAILED'],
      [owner, 'PATCH', `/api/v1/licenses/${license.licenseId}`, { max: 100 }, '403 FORBIDDEN'],
      [owner, 'POST', '/api/v1/licenses', { max: 100, tenant_id: license.tenantId }, '403 FORBIDDEN'],
      [
        member,
        'POST',
        '/api/v1/licenses/acquire',
        { fingerprint: 'f', license_id: license.licenseId, user_id: admin.userId },
        '400 VALIDATION_FAILED',
      ],
      [member, 'GET', '/api/v1/users', undefined, '403 FORBIDDEN'],
    ];
    for (const [person, method, path, body, expected] of attempts) {
      const reply = await person.call(method, path, body);
      expect(`${method} ${path} ${JSON.stringify(body)}: ${code(reply)}`).toBe(
        `${method} ${path} ${JSON.stringify(body)}: ${expected}`,
      );
    }
    const granted = { [owner.tenants.keys().next().value ?? '']: 'owner' };
    const tokens = await requestTokens(suite, {
      grant_type: 'refresh_token',
      refresh_token: member.refreshToken,
      tenants: JSON.stringify(granted),
      role: 'owner',
    });
    const roles = tokens.body.tenants.map(({ role }: { role: string }) => role);
    expect(roles).toEqual([...member.tenants.values()]);
    const { members } = (await owner.call('GET', `${tenant}/members`)).body;
    expect(members.map(({ role }: { role: string }) => role)).toEqual(['owner', 'admin', 'member']);
  });
});
