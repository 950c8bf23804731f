import { afterEach, expect, test, vi } from 'vitest';
import { newSessionId, shardOf } from '../../domain/ids.ts';
import { Unavailable } from '../../errors.ts';
import type { Seats } from '../../ports/seats.ts';
import { BY } from '../../testing/by.ts';
import type { SeatEvent } from '../../testing/contracts/seats/pool.ts';
import { randomOf } from '../../testing/random.ts';
import { describeReal } from '../../testing/real-parts.ts';
import {
  embeddedBackend,
  readOutbox,
  realBackend,
  type SeatsBackend,
  upstashBackend,
} from '../../testing/seats/backend.ts';
import { clusterBackend } from '../../testing/seats/cluster-backend.ts';
import { putNewLicense } from '../../testing/seats/put-license.ts';
import { shardKey } from './lua/keys.ts';
import { openSeats } from './redis-seats.ts';

const CLIENTS = 64;
const HOLDERS = 1_000;
const MAX_SEATS = 100;
/** Each holder's programs. */
const PROGRAMS = 2;
const OPERATIONS = 6_000;
/** Connections that the clients share. */
const ENGINES = 8;
const PATIENCE_MS = 20_000;
const TIMEOUT_MS = 300_000;

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

const ON_EVERY_ENGINE = [
  ['embedded Redis', embeddedBackend],
  ['Redis', realBackend],
  ['Redis behind the REST API of Upstash', upstashBackend],
  ['a cluster', clusterBackend],
] as const;

describeReal('redis-server', 'two programs of each of 1,000 holders', () => {
  test.each(ON_EVERY_ENGINE)(
    'hold exactly 100 seats at any moment on %s, on 64 connections',
    { timeout: TIMEOUT_MS },
    async (_, open) => {
      const backend = await open();
      closers.push(() => backend.close());
      const crowd = await openCrowd(backend);
      await crowd.each(HOLDERS * PROGRAMS, (n) => crowd.acquire(Math.floor(n / PROGRAMS), n % PROGRAMS));
      expect(crowd.holders()).toHaveLength(MAX_SEATS);
      expect(await crowd.countListed()).toBe(MAX_SEATS);

      await crowd.each(OPERATIONS, () => crowd.step());
      await crowd.expectListed();
      const events = await readOutbox(backend.redis, crowd.licenseId);
      expect(mostSeats(events)).toBe(MAX_SEATS);
      expect(events.filter(({ more }) => more.seat === 'freed').length).toBeGreaterThan(MAX_SEATS);
      expect(events.filter(({ more }) => more.seat === 'kept').length).toBeGreaterThan(MAX_SEATS);
    },
  );

  test('never hold more than 100 seats by what the cluster counts, while a primary is killed', {
    timeout: TIMEOUT_MS,
  }, async () => {
    const backend = await clusterBackend();
    closers.push(() => backend.close());
    const crowd = await openCrowd(backend, 1_200);
    await crowd.each(HOLDERS, (n) => crowd.acquire(n, 0));
    const primary = await backend.cluster.primaryOf(shardKey('due', shardOf(crowd.licenseId)));

    let isKilled = false;
    const counts: number[] = [];
    await crowd.each(OPERATIONS, async (n) => {
      if (n === OPERATIONS / 3) {
        isKilled = true;
        await primary.kill('SIGKILL');
      }
      await crowd.step().catch((error: unknown) => {
        if (!isKilled || !(error instanceof Unavailable)) throw error;
      });
      if (n % 50 === 0) counts.push(await crowd.countListed().catch(() => 0));
    });
    // It may have lost what it acknowledged last: tokens are not used here, so such sessions are gone.
    await vi.waitFor(async () => expect(await crowd.countListed()).toBeGreaterThan(0), {
      timeout: 30_000,
      interval: 100,
    });
    await crowd.each(OPERATIONS / 10, () => crowd.step());
    counts.push(await crowd.countListed());
    expect(Math.max(...counts)).toBe(MAX_SEATS);
    expect(counts.filter((count) => count > MAX_SEATS)).toEqual([]);
  });
});

/** The most seats that were held at once, by the events in the order in which they happened. */
function mostSeats(events: readonly SeatEvent[]): number {
  let seats = 0;
  let most = 0;
  for (const { more } of events) {
    seats += more.seat === 'taken' ? 1 : more.seat === 'freed' ? -1 : 0;
    if (more.seat) expect(Number(more.active)).toBe(seats);
    most = Math.max(most, seats);
  }
  return most;
}

interface Program {
  readonly holder: string;
  readonly sessionId: string;
}

async function openCrowd(backend: SeatsBackend, timeoutMs = PATIENCE_MS) {
  await backend.setClock(Date.now());
  const engines = Array.from({ length: ENGINES }, () => backend.openEngine(timeoutMs));
  closers.push(() => {
    for (const engine of engines) engine.close();
  });
  const pool: Seats[] = engines.map((engine) => openSeats(engine, backend.includes));
  const [first] = pool;
  if (!first) throw new TypeError('There are engines.');
  const { licenseId } = await putNewLicense(first, {
    max: MAX_SEATS,
    requestsPerMinute: 1_000_000,
    unit: 'machine',
  });
  const proof = { kind: 'trusted' } as const;
  const held = new Map<string, Program>();
  const busy = new Set<string>();
  const nameOf = (holder: number, program: number): string => `${holder} ${program}`;
  const random = randomOf(20_261_129, 'crowd');
  let next = 0;
  const seatsOf = (): Seats => pool[next++ % pool.length] ?? first;

  const crowd = {
    licenseId,
    holders: () => [...new Set([...held.values()].map(({ holder }) => holder))],

    /** Calls `work` for each number, on as many connections as there are clients. */
    async each(count: number, work: (n: number) => Promise<unknown>): Promise<void> {
      let n = 0;
      const client = async (): Promise<void> => {
        while (n < count) await work(n++);
      };
      await Promise.all(Array.from({ length: CLIENTS }, client));
    },

    async acquire(holderNumber: number, programNumber: number): Promise<void> {
      const holder = `holder-${holderNumber}`;
      const name = nameOf(holderNumber, programNumber);
      const verdict = await seatsOf().acquire({
        licenseId,
        proof,
        by: BY,
        holders: { machine: holder },
        machine: holder,
        kind: 'instance',
        sessionId: held.get(name)?.sessionId ?? newSessionId(licenseId),
        facts: { fingerprint: holder },
      });
      if ('session' in verdict) {
        expect(verdict.active).toBeLessThanOrEqual(MAX_SEATS);
        held.set(name, { holder, sessionId: verdict.session.sessionId });
      } else {
        expect(verdict).toMatchObject({ verdict: 'FULL', active: MAX_SEATS });
      }
    },

    /** One of the programs that may hold a seat acquires, sends a heartbeat or ends. */
    async step(): Promise<void> {
      const [holderNumber, programNumber] = [
        random.between(0, MAX_SEATS * 2 - 1),
        random.between(0, PROGRAMS - 1),
      ];
      const name = nameOf(holderNumber, programNumber);
      // A program sends one request at a time.
      if (busy.has(name)) return;
      busy.add(name);
      try {
        await crowd.live(holderNumber, programNumber);
      } finally {
        busy.delete(name);
      }
    },

    async live(holderNumber: number, programNumber: number): Promise<void> {
      const name = nameOf(holderNumber, programNumber);
      const program = held.get(name);
      if (!program) return crowd.acquire(holderNumber, programNumber);
      const { sessionId } = program;
      if (random.chance(0.5)) {
        const sessions = [{ sessionId }];
        await seatsOf().heartbeat({ licenseId, proof, sessions, toldVersion: 0 });
        return;
      }
      held.delete(name);
      await seatsOf().release({ licenseId, proof, by: BY, sessionId });
    },

    async countListed(): Promise<number> {
      const listed = await first.listSeats(licenseId, { limit: 0 });
      return listed.verdict === 'OK' ? listed.active : 0;
    },

    /** The store lists exactly the programs that hold a seat, each on its holder's seat. */
    async expectListed(): Promise<void> {
      const programs: string[] = [];
      for (let after: { holder: string; expiresAtMs: number } | undefined; ; ) {
        const page = await first.listSeats(licenseId, { limit: 100, after });
        if (page.verdict !== 'OK') throw new Error(page.verdict);
        for (const { holder, sessions } of page.seats)
          programs.push(...sessions.map(({ sessionId }) => `${holder} ${sessionId}`));
        if (!page.next) break;
        after = page.next;
      }
      const known = [...held.values()].map(({ holder, sessionId }) => `${holder} ${sessionId}`);
      expect(programs.toSorted()).toEqual(known.toSorted());
    },
  };
  return crowd;
}
