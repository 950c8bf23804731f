import * as fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Erasure, type ErasurePlan, isWithdrawn } from '../../shared/domain/erasure.ts';
import { newPersonalId } from '../../shared/domain/ids.ts';
import { TENANTS, USERS } from '../../shared/ports/collections.ts';
import type { Deps } from '../../shared/ports/deps.ts';
import {
  CODES_OF_USER,
  MEMBERS_OF_TENANT,
  MEMBERSHIPS_OF_USER,
  SIGN_INS_OF_USER,
} from '../../shared/ports/queries.ts';
import { runs } from '../../shared/testing/runs.ts';
import { planForTenant, planForUser, startErasure } from '../../shared/use-cases/erasure/begin.ts';
import { runErasure } from '../../shared/use-cases/erasure/erase.ts';
import { type ClockedSuite, openClockedSuite } from '../testing/clocked-suite.ts';
import { addMember, handOver, leave } from '../testing/memberships.ts';
import { signIn, type TestUser } from '../testing/users.ts';

/**
 * Erasures of users and tenants, step by step, while members join, leave and become owners in between. Whatever the
 * order, no open tenant is without its owner, and nobody who was erased is a member or signed in.
 */

let clocked: ClockedSuite;
let deps: Deps;
beforeAll(async () => {
  clocked = await openClockedSuite();
  deps = clocked.suite.deps;
});
afterAll(() => clocked.close());

const KINDS = [
  'plan',
  'planTenant',
  'mark',
  'step',
  'join',
  'handOver',
  'leave',
  'create',
  'signIn',
] as const;
type Kind = (typeof KINDS)[number];
interface Act {
  readonly kind: Kind;
  readonly user: number;
  readonly tenant: number;
}

/** Steps are drawn more often: an erasure takes a dozen. */
const act: fc.Arbitrary<Act> = fc.record({
  kind: fc.oneof(
    { weight: 3, arbitrary: fc.constantFrom(...KINDS) },
    { weight: 2, arbitrary: fc.constantFrom<Kind>('plan', 'mark', 'step', 'handOver', 'join') },
  ),
  user: fc.nat(2),
  tenant: fc.nat(5),
});

interface Planned {
  readonly erasureId: string;
  readonly plan: ErasurePlan;
  readonly ownerId: string | undefined;
}

/** How often each thing happened, to show that the test reaches it. */
const reached = { begun: 0, refused: 0, withdrawn: 0, completed: 0 };

class World {
  readonly users: TestUser[] = [];
  /** Also of users who signed in again after they were erased. */
  readonly userIds = new Set<string>();
  readonly tenantIds: string[] = [];
  readonly planned: Planned[] = [];
  readonly running: Erasure[] = [];

  async open(): Promise<void> {
    for (let n = 0; n < 3; n += 1) await this.#signIn(n, `${newPersonalId('usr')}@example.com`);
    for (const { userId } of this.users.slice(1))
      await addMember(this.tenantIds[0] ?? '', userId, 'member', deps);
  }

  async #signIn(n: number, email: string): Promise<void> {
    // Refused while the user is being erased.
    const user = await signIn(clocked.suite, email).catch(() => undefined);
    if (!user) return;
    this.users[n] = user;
    this.userIds.add(user.userId);
    for (const tenantId of user.tenants.keys())
      if (!this.tenantIds.includes(tenantId)) this.tenantIds.push(tenantId);
  }

  async perform({ kind, user: n, tenant }: Act): Promise<void> {
    const user = this.users[n];
    const tenantId = this.tenantIds[tenant % this.tenantIds.length] ?? '';
    if (!user) return;
    const { userId } = user;
    switch (kind) {
      case 'plan': {
        const plan = await planForUser(userId, deps.records);
        if (typeof plan === 'object' && 'goingIds' in plan) this.#plan(plan, userId);
        return;
      }
      case 'planTenant': {
        const owner = (await deps.records.get(TENANTS, tenantId))?.ownerId;
        if (owner) this.#plan(planForTenant(tenantId), owner);
        return;
      }
      case 'mark': {
        const planned = this.planned.shift();
        if (!planned) return;
        const { erasureId, plan, ownerId } = planned;
        const by = { actor: { kind: 'user', id: ownerId ?? null } } as const;
        const begun = await startErasure(erasureId, plan, { ownerId, by }, deps);
        reached['because' in begun ? 'refused' : 'begun'] += 1;
        if (!('because' in begun)) this.running.push(begun);
        return;
      }
      case 'step': {
        const next = this.running.shift();
        if (next) await this.#step(next);
        return;
      }
      case 'join':
        await addMember(tenantId, userId, 'member', deps);
        return;
      case 'handOver':
        await handOver(tenantId, userId, deps);
        return;
      case 'leave':
        await leave(tenantId, userId, deps);
        return;
      case 'create': {
        const { status, body } = await user.call('POST', '/api/v1/tenants', { name: 'Another' });
        if (status === 201) this.tenantIds.push(body.tenant_id);
        return;
      }
      case 'signIn':
        return this.#signIn(n, user.email);
    }
  }

  #plan(plan: ErasurePlan, ownerId: string): void {
    this.planned.push({ erasureId: newPersonalId('era'), plan, ownerId });
  }

  /** One step of an erasure. */
  async #step(erasure: Erasure): Promise<void> {
    let steps = 0;
    const next = await runErasure(erasure, deps, () => steps++ > 0);
    if (isWithdrawn(next)) reached.withdrawn += 1;
    else if (next.completedAtMs === null) this.running.push(next);
    else reached.completed += 1;
  }

  async finish(): Promise<void> {
    for (let next = this.running.shift(); next; next = this.running.shift()) await this.#step(next);
  }

  async check(): Promise<void> {
    const { records } = deps;
    for (const tenantId of this.tenantIds) {
      const tenant = await records.get(TENANTS, tenantId);
      if (tenant?.closedAtMs !== null) continue;
      const { documents } = await records.query(MEMBERS_OF_TENANT, { tenantId }, { limit: 100 });
      const owners = documents.filter(({ role }) => role === 'owner').map(({ userId }) => userId);
      expect(owners).toEqual([tenant.ownerId]);
      expect(await records.get(USERS, tenant.ownerId ?? '-')).toBeDefined();
    }
    for (const userId of this.userIds) {
      if (await records.get(USERS, userId)) continue;
      for (const query of [MEMBERSHIPS_OF_USER, CODES_OF_USER, SIGN_INS_OF_USER])
        expect((await records.query<unknown>(query, { userId }, { limit: 1 })).documents).toEqual([]);
    }
  }

  async checkMarks(): Promise<void> {
    const users = await Promise.all([...this.userIds].map((userId) => deps.records.get(USERS, userId)));
    const tenants = await Promise.all(this.tenantIds.map((tenantId) => deps.records.get(TENANTS, tenantId)));
    for (const marked of [...users, ...tenants]) if (marked) expect(marked.erasureId).toBeNull();
  }
}

test('no order of joining, leaving, handing over and erasing leaves a tenant without its owner, or an erased member', {
  timeout: 300_000,
}, async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(act, { minLength: 20, maxLength: 60, size: 'max' }), async (acts) => {
      const world = new World();
      await world.open();
      for (const next of acts) {
        await world.perform(next);
        await world.check();
      }
      await world.finish();
      await world.check();
      await world.checkMarks();
    }),
    { seed: 7, numRuns: runs(20, 1_000) },
  );
  for (const count of Object.values(reached)) expect(count, JSON.stringify(reached)).toBeGreaterThan(0);
});
