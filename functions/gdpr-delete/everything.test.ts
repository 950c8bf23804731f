import * as fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { showsUser } from '../../shared/domain/audit-chain.ts';
import { licenseOfKey } from '../../shared/domain/ids.ts';
import { AUDIT, INVITATIONS, LOANS, SESSION_HISTORIES } from '../../shared/ports/collections.ts';
import { eachKnownSession } from '../../shared/ports/seat-maintenance.ts';
import { runs } from '../../shared/testing/runs.ts';
import { type ClockedSuite, openClockedSuite } from '../testing/clocked-suite.ts';
import { addMember } from '../testing/memberships.ts';
import type { TestSuite } from '../testing/suite.ts';
import { signIn, type TestUser } from '../testing/users.ts';

/**
 * Three accounts share two addresses one after the other, in two tenants that they join and leave. What the export of one
 * shows is what belongs to the account; after its erasure it is gone, and the exports of the others are unchanged.
 */

let clocked: ClockedSuite;
let suite: TestSuite;
beforeAll(async () => {
  clocked = await openClockedSuite();
  suite = clocked.suite;
});
afterAll(() => clocked.close());

const LASTING = { max: 90, ttl_seconds: 86_400, heartbeat_seconds: 3_600, requests_per_minute: 100_000 };
const person = fc.nat(2);
const address = fc.nat(1);
const act = fc.oneof(
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('signIn' as const), person, address }) },
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant('start' as const),
      license: fc.nat(2),
      /** Named by the vendor's app, or signed in. */
      by: fc.oneof(fc.record({ address }), fc.record({ id: person }), fc.record({ signedIn: person })),
      machine: fc.nat(3),
      isLoan: fc.boolean(),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('release' as const), session: fc.nat(20) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('leave' as const), person }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('invite' as const), address }) },
);
type Act = typeof act extends fc.Arbitrary<infer A> ? A : never;

let number = 0;
/** How many sessions were exported, erased, and belonged to others. */
const seen = { exported: 0, others: 0, ownedByNobody: 0 };

class World {
  readonly #number = ++number;
  readonly #people: (TestUser | undefined)[] = [];
  /** Who has each address now, as far as sign-ins show. */
  readonly #ownerOf: (number | undefined)[] = [];
  readonly #tenantIds: string[] = [];
  readonly #keys: string[] = [];
  readonly sessions: {
    readonly id: string;
    readonly key: string;
    readonly owner: number | undefined;
    /** Once it ended on a machine, nothing says any more whose it was, unless a living session has the same holder. */
    isFound: boolean;
  }[] = [];

  async open(): Promise<void> {
    for (const terms of [{ borrow: { max_days: 7 } }, { unit: 'user', borrow: { max_days: 7 } }, {}]) {
      if (this.#tenantIds.length < 2)
        this.#tenantIds.push(
          (await suite.operate('POST', '/api/v1/tenants', { name: 'A shop' })).body.tenant_id,
        );
      const tenant_id = this.#tenantIds.at(-1);
      const created = await suite.operate('POST', '/api/v1/licenses', { tenant_id, ...LASTING, ...terms });
      this.#keys.push(created.body.license_key);
    }
    for (const n of [0, 1, 2]) await this.#signIn(n, `home-${n}-${this.#number}@example.com`);
  }

  #emailOf(n: number): string {
    return `address-${n}-${this.#number}@shop.example`;
  }

  async #signIn(n: number, email: string): Promise<void> {
    const user = await signIn(suite, email, { subject: `${n}00${this.#number}` });
    this.#people[n] = user;
    for (const tenantId of this.#tenantIds) await addMember(tenantId, user.userId, 'member', suite.deps);
    this.#people[n] = await signIn(suite, email, { subject: `${n}00${this.#number}` });
  }

  async perform(next: Act): Promise<void> {
    clocked.moveClock(1_000);
    switch (next.kind) {
      case 'signIn': {
        const had = this.#ownerOf.indexOf(next.person);
        if (had >= 0) this.#ownerOf[had] = undefined;
        this.#ownerOf[next.address] = next.person;
        await this.#signIn(next.person, this.#emailOf(next.address));
        break;
      }
      case 'start':
        await this.#start(next);
        break;
      case 'release': {
        const session = this.sessions[next.session % Math.max(1, this.sessions.length)];
        const options = { authorization: `License ${session?.key}`, body: { session_id: session?.id } };
        if (!session) break;
        await suite.call('POST', '/api/v1/licenses/release', options);
        if (session.key !== this.#keys[1]) session.isFound = false;
        break;
      }
      case 'leave': {
        const user = this.#people[next.person];
        const path = `/api/v1/tenants/${this.#tenantIds[0]}/members/${user?.userId}`;
        await user?.call('DELETE', path);
        break;
      }
      case 'invite':
        await suite.operate('POST', `/api/v1/tenants/${this.#tenantIds[1]}/invitations`, {
          email: this.#emailOf(next.address),
          role: 'member',
        });
    }
    clocked.moveClock(1_000);
  }

  async #start({ license, by, machine, isLoan }: Extract<Act, { kind: 'start' }>): Promise<void> {
    const key = this.#keys[license] ?? '';
    const n = 'id' in by ? by.id : 'signedIn' in by ? by.signedIn : undefined;
    const user = n === undefined ? undefined : this.#people[n];
    const owner = 'address' in by ? this.#ownerOf[by.address] : n;
    const authorization = 'signedIn' in by ? (user?.authorization ?? '') : `License ${key}`;
    const name = 'address' in by ? this.#emailOf(by.address) : user?.userId;
    const body = {
      // Whoever extends a loan on its machine takes it over.
      fingerprint: isLoan ? `laptop-${this.sessions.length}` : `machine-${machine}`,
      instance_id: `instance ${this.sessions.length}`,
      ...('signedIn' in by ? { license_id: licenseOfKey(key) } : { user_id: name }),
      ...(isLoan && license < 2 ? { borrow_days: 2 } : {}),
    };
    const reply = await suite.call('POST', '/api/v1/licenses/acquire', { authorization, body });
    // Refused to a member who left.
    const id = reply.body.session_id;
    if (reply.status < 300) this.sessions.push({ id, key, owner, isFound: true });
  }

  /** The export of a user, without the fields that differ each time. */
  async exportOf(n: number) {
    const user = this.#people[n];
    const reply = await user?.call('GET', '/api/v1/gdpr/export');
    expect(reply?.status, reply?.text).toBe(200);
    const { exported_at: _, ...rest } = reply?.body ?? {};
    const ids = [...rest.sessions, ...rest.session_histories].map(({ session_id }) => String(session_id));
    // An export is an event of its own, which the next one contains.
    const events = rest.audit_events.filter(({ type }: { type: string }) => type !== 'data.exported');
    return { rest: { ...rest, audit_events: events }, ids: new Set(ids), userId: String(user?.userId) };
  }

  async erase(n: number): Promise<void> {
    const user = this.#people[n];
    const asked = await user?.call('POST', '/api/v1/gdpr/delete', {});
    const confirmation_token = asked?.body.confirmation_token;
    const receipt = await user?.call('DELETE', '/api/v1/gdpr/delete', { confirmation_token });
    expect(receipt?.body.completed_at, receipt?.text).toEqual(expect.any(String));
  }

  async living(): Promise<Set<string>> {
    const living = new Set<string>();
    for (const key of this.#keys)
      for await (const { sessionId } of eachKnownSession(suite.deps.seatMaintenance, licenseOfKey(key) ?? ''))
        living.add(sessionId);
    return living;
  }
}

test('the erasure of a person removes what their export shows, and nothing of others', {
  timeout: 300_000,
}, async () => {
  const { records } = suite.deps;
  await fc.assert(
    fc.asyncProperty(fc.array(act, { minLength: 8, maxLength: 25, size: 'max' }), person, async (acts, n) => {
      const world = new World();
      await world.open();
      for (const next of acts) await world.perform(next);
      await suite.settle();
      const exports = await Promise.all([0, 1, 2].map((one) => world.exportOf(one)));
      for (const [one, { ids }] of exports.entries()) {
        const own = world.sessions.filter(({ owner }) => owner === one);
        for (const id of ids) expect(own.map((session) => session.id)).toContain(id);
        for (const { id, isFound } of own) if (isFound) expect(ids).toContain(id);
      }
      seen.exported += exports[n]?.ids.size ?? 0;
      seen.others += world.sessions.filter(({ owner }) => owner !== n && owner !== undefined).length;
      seen.ownedByNobody += world.sessions.filter(({ owner }) => owner === undefined).length;

      const before = await world.living();
      await world.erase(n);
      const shown = exports[n]?.rest;
      const after = await world.living();
      for (const id of exports[n]?.ids ?? []) expect(after).not.toContain(id);
      for (const id of before) if (!exports[n]?.ids.has(id)) expect(after).toContain(id);
      for (const { session_id } of shown.session_histories)
        expect((await records.get(SESSION_HISTORIES, session_id))?.holder).toBeNull();
      for (const { event_id } of shown.audit_events) {
        const event = await records.get(AUDIT, event_id);
        expect(event?.detail.holder).toBeUndefined();
        expect(event && showsUser(event, exports[n]?.userId ?? '')).toBe(false);
      }
      for (const { session_id } of shown.loans) expect(await records.get(LOANS, session_id)).toBeUndefined();
      for (const { invitation_id } of shown.invitations)
        expect(await records.get(INVITATIONS, invitation_id)).toBeUndefined();
      for (const other of [0, 1, 2])
        if (other !== n) expect((await world.exportOf(other)).rest).toEqual(exports[other]?.rest);
    }),
    { seed: 7, numRuns: runs(5, 200) },
  );
  for (const count of Object.values(seen)) expect(count, JSON.stringify(seen)).toBeGreaterThan(0);
});
