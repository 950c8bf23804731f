import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { Unavailable } from '../../shared/errors.ts';
import { DOMAIN_CLAIMS, TENANTS } from '../../shared/ports/collections.ts';
import { openTestSuite, type Reply, type TestSuite } from '../testing/suite.ts';
import { signIn, type TestUser } from '../testing/users.ts';

let suite: TestSuite;
/** TXT records by name; `undefined`: the servers do not answer. */
let zone: Record<string, string[]> | undefined;
beforeAll(async () => {
  suite = await openTestSuite({}, (deps) => ({
    ...deps,
    dns: {
      async texts(name) {
        if (!zone) throw new Unavailable('dns', 'no answer in this test');
        return zone[name] ?? [];
      },
    },
  }));
});
afterAll(() => suite.close());
beforeEach(() => {
  zone = {};
});

const code = (reply: Reply): string => `${reply.status} ${reply.body?.code ?? ''}`;

let count = 0;
/** An owner of a tenant, who works at `hostedDomain`. */
async function newOwner(hostedDomain: string | null) {
  count += 1;
  const owner = await signIn(suite, `owner${count}@example.com`, { hostedDomain });
  const [tenantId = ''] = owner.tenants.keys();
  const path = `/api/v1/tenants/${tenantId}`;
  const claim = (domain: string): Promise<Reply> => owner.call('PUT', `${path}/domain`, { domain });
  const verify = (): Promise<Reply> => owner.call('POST', `${path}/domain/verify`);
  return { owner, tenantId, path, claim, verify };
}

/** Claims a domain and publishes the record. */
async function publish(claim: (domain: string) => Promise<Reply>, domain: string): Promise<void> {
  const { record_name, record_value } = (await claim(domain)).body.pending_domain;
  zone = { ...zone, [record_name]: ['v=spf1 -all', ...(zone?.[record_name] ?? []), record_value] };
}

const tenantsOf = ({ tenants }: TestUser): string[] => [...tenants.keys()];
const newEmployee = (domain: string): Promise<TestUser> => {
  count += 1;
  return signIn(suite, `employee${count}@${domain}`, { hostedDomain: domain });
};
async function eventsOf(tenantId: string, type: string) {
  return (await suite.operate('GET', `/api/v1/audit?tenant_id=${tenantId}&type=${type}`)).body.events;
}

describe('a claim of a domain', () => {
  test('names the TXT record that proves it, and lets no user join before', async () => {
    const { tenantId, claim, verify } = await newOwner('corp.example');
    const claimed = await claim('corp.example');
    expect(claimed.body).toMatchObject({
      join_domain: null,
      pending_domain: {
        domain: 'corp.example',
        record_name: '_seatlease-challenge.corp.example',
        record_value: expect.stringMatching(/^seatlease-domain-verification=[0-9a-z]{32}$/),
      },
    });
    expect((await claim('corp.example')).body).toEqual(claimed.body);
    expect(code(await verify())).toBe('409 DOMAIN_NOT_VERIFIED');
    expect(tenantsOf(await newEmployee('corp.example'))).not.toContain(tenantId);
  });

  test('decides where new users of the domain go once its record is found', async () => {
    const { owner, tenantId, claim, verify } = await newOwner('proved.example');
    await publish(claim, 'proved.example');
    const verified = await verify();
    expect(verified.body).toMatchObject({ join_domain: 'proved.example', pending_domain: null });
    expect((await verify()).status).toBe(200);
    expect([...(await newEmployee('proved.example')).tenants]).toEqual([[tenantId, 'member']]);
    expect(await eventsOf(tenantId, 'domain.claimed')).toMatchObject([
      { actor: { type: 'user', id: owner.userId }, subject: 'proved.example' },
    ]);
  });

  test.each([
    ['that of another tenant', (value: string) => value.replace(/.$/, (last) => (last === '0' ? '1' : '0'))],
    ['only the token', (value: string) => value.replace(/.*=/, '')],
    ['a part of it', (value: string) => value.slice(0, -1)],
    ['more than it', (value: string) => `${value}0`],
  ])('is not proved by a record with %s', async (_, change) => {
    const { claim, verify } = await newOwner(null);
    const domain = `wrong${count}.example`;
    const { record_name, record_value } = (await claim(domain)).body.pending_domain;
    zone = { [record_name]: [change(record_value)], [domain]: [record_value] };
    expect(code(await verify())).toBe('409 DOMAIN_NOT_VERIFIED');
    zone = { [record_name]: [`"${record_value}" `] };
    expect((await verify()).status).toBe(200);
  });

  test('stays as it is while the domain name system does not answer', async () => {
    const { claim, verify, owner, path } = await newOwner(null);
    await publish(claim, 'slow.example');
    const published = zone;
    zone = undefined;
    expect(code(await verify())).toBe('503 DNS_UNAVAILABLE');
    zone = published;
    expect((await owner.call('GET', path)).body.pending_domain.domain).toBe('slow.example');
    expect((await verify()).status).toBe(200);
  });

  test('of a stranger does not prevent another tenant from proving the domain', async () => {
    const stranger = await newOwner(null);
    await stranger.claim('target.example');
    const real = await newOwner('target.example');
    await publish(real.claim, 'target.example');
    expect((await real.verify()).status).toBe(200);
    expect(code(await stranger.verify())).toBe('409 DOMAIN_NOT_VERIFIED');
    expect(tenantsOf(await newEmployee('target.example'))).toEqual([real.tenantId]);
  });

  test('that was proved stays while its record is there, and goes to who proves it after', async () => {
    const [first, second] = [await newOwner(null), await newOwner(null)];
    await publish(first.claim, 'sold.example');
    await first.verify();
    await publish(second.claim, 'sold.example');
    expect(code(await second.verify())).toBe('409 DOMAIN_TAKEN');
    expect(tenantsOf(await newEmployee('sold.example'))).toEqual([first.tenantId]);

    const { record_name, record_value } = (await second.owner.call('GET', second.path)).body.pending_domain;
    zone = { [record_name]: [record_value] };
    expect((await second.verify()).status).toBe(200);
    expect(tenantsOf(await newEmployee('sold.example'))).toEqual([second.tenantId]);
    expect((await first.owner.call('GET', first.path)).body.join_domain).toBeNull();
    // Users of other tenants are not named.
    expect(await eventsOf(first.tenantId, 'domain.released')).toMatchObject([
      { actor: { type: 'system', id: 'tenants' }, subject: 'sold.example' },
    ]);
  });

  test('by an operator needs no record, and is not taken over', async () => {
    const { tenantId, path } = await newOwner(null);
    const approved = await suite.operate('PUT', `${path}/domain`, { domain: 'approved.example' });
    expect(approved.body.join_domain).toBe('approved.example');
    expect(tenantsOf(await newEmployee('approved.example'))).toEqual([tenantId]);
    const other = await newOwner(null);
    await publish(other.claim, 'approved.example');
    expect(code(await other.verify())).toBe('409 DOMAIN_TAKEN');
    const byOperator = await suite.operate('PUT', `${other.path}/domain`, { domain: 'approved.example' });
    expect(code(byOperator)).toBe('409 DOMAIN_TAKEN');
  });

  test('is refused for domains where anyone can get an address, also to operators', async () => {
    const { path, claim } = await newOwner(null);
    expect(code(await claim('gmail.com'))).toBe('409 DOMAIN_PUBLIC');
    expect(code(await suite.operate('PUT', `${path}/domain`, { domain: 'outlook.com' }))).toBe(
      '409 DOMAIN_PUBLIC',
    );
  });

  test.each(['corp', 'Corp.example', 'http://corp.example', '-', 'a..example', `${'a'.repeat(64)}.example`])(
    'of "%s" is refused: it is not a domain',
    async (domain) => {
      const { claim } = await newOwner(null);
      expect(code(await claim(domain))).toBe('400 VALIDATION_FAILED');
    },
  );

  test('ends when it is released, proved or not', async () => {
    const { owner, tenantId, path, claim, verify } = await newOwner(null);
    await claim('released.example');
    expect((await owner.call('DELETE', `${path}/domain`)).status).toBe(204);
    expect(code(await verify())).toBe('409 DOMAIN_NOT_CLAIMED');
    await publish(claim, 'released.example');
    await verify();
    for (const _ of ['first', 'again'])
      expect((await owner.call('DELETE', `${path}/domain`)).status).toBe(204);
    expect(await suite.deps.records.get(DOMAIN_CLAIMS, 'released.example')).toBeUndefined();
    expect(tenantsOf(await newEmployee('released.example'))).not.toContain(tenantId);
    expect(await eventsOf(tenantId, 'domain.released')).toHaveLength(1);
  });

  test('of another domain replaces the first when it is proved, not before', async () => {
    const { tenantId, claim, verify } = await newOwner(null);
    await publish(claim, 'old.example');
    await verify();
    await publish(claim, 'new.example');
    expect(tenantsOf(await newEmployee('old.example'))).toEqual([tenantId]);
    await verify();
    expect(tenantsOf(await newEmployee('new.example'))).toEqual([tenantId]);
    expect(tenantsOf(await newEmployee('old.example'))).not.toContain(tenantId);
  });

  test('is given to one tenant when two prove it at once', async () => {
    const owners = [await newOwner(null), await newOwner(null), await newOwner(null)];
    for (const { claim } of owners) await publish(claim, 'raced.example');
    const replies = await Promise.all(owners.map(({ verify }) => verify()));
    expect(replies.map(code).sort()).toEqual(['200 ', '409 DOMAIN_TAKEN', '409 DOMAIN_TAKEN']);
    const tenants = await Promise.all(
      owners.map(({ tenantId }) => suite.deps.records.get(TENANTS, tenantId)),
    );
    expect(tenants.filter((tenant) => tenant?.joinDomain === 'raced.example')).toHaveLength(1);
  });

  test('needs an owner who is signed in, or an operator', async () => {
    const { path } = await newOwner(null);
    const stranger = await signIn(suite, 'stranger@example.com');
    expect(code(await stranger.call('PUT', `${path}/domain`, { domain: 'x.example' }))).toBe(
      '404 TENANT_NOT_FOUND',
    );
  });
});
