import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { newPersonalId, newSessionId } from '../../domain/ids.ts';
import type { Session } from '../../domain/session.ts';
import type { Seats } from '../../ports/seats.ts';
import { BY } from '../../testing/by.ts';
import { newEntitlement } from '../../testing/contracts/seats/pool.ts';
import { describeReal } from '../../testing/real-parts.ts';
import { realBackend, type SeatsBackend } from '../../testing/seats/backend.ts';
import { monitorRedis, type RedisMonitor } from '../../testing/seats/monitor.ts';
import { respRequester } from '../../testing/servers/resp-requester.ts';
import { openSeats } from './redis-seats.ts';

/**
 * Commands that Redis runs for a call, as MONITOR shows them: the EVALSHA, and those of its script. Upstash's and
 * Memorystore's prices and a Redis' capacity follow them, so each number is a budget: raise it only with a reason.
 */
describeReal('redis-server', 'the commands of a call', () => {
  let backend: SeatsBackend;
  let monitor: RedisMonitor;
  let seats: Seats;

  beforeAll(async () => {
    backend = await realBackend();
    await backend.setClock(Date.now());
    monitor = await monitorRedis(backend);
    seats = openSeats(respRequester(backend.redis), backend.includes);
  });
  afterAll(async () => {
    await monitor.close();
    await backend.close();
  });

  let nowMs = Date.now();
  async function pass(ms: number): Promise<void> {
    nowMs += ms;
    await backend.setClock(nowMs);
  }

  /** A license of `max` seats, and calls with its key or as a signed-in user. */
  async function openLicense(max: number, by: 'key' | 'person' = 'key') {
    const entitlement = newEntitlement({ max, borrowMaxDays: 7 });
    const { licenseId, tenantId, keyHash } = entitlement;
    await seats.restore({ entitlement, loans: [], bars: [] });
    const userId = newPersonalId('usr');
    const proof =
      by === 'key'
        ? ({ kind: 'license-key', keyHash } as const)
        : ({ kind: 'user', userId, tenantIds: [tenantId] } as const);
    const requestOf = (holder: string, sessionId = newSessionId(licenseId)) => ({
      licenseId,
      proof,
      by: BY,
      holders: { machine: holder },
      machine: holder,
      sessionId,
      facts: { fingerprint: 'f', userId },
    });
    const calls = {
      acquire: (holder: string, sessionId?: string) =>
        seats.acquire({ ...requestOf(holder, sessionId), kind: 'instance' }),
      acquireUnnamed: (holder: string) => seats.acquire({ ...requestOf(holder), kind: 'machine' }),
      borrow: (holder: string) => seats.borrow({ ...requestOf(holder), days: 7 }),
      async seat(holder: string): Promise<Session> {
        const granted = await calls.acquire(holder);
        if (!('session' in granted)) throw new Error(granted.verdict);
        return granted.session;
      },
      beat: (...sessions: readonly Session[]) =>
        seats.heartbeat({ licenseId, proof, sessions, toldVersion: entitlement.version }),
      revive: (session: Session) =>
        seats.revive({
          licenseId,
          proof,
          by: BY,
          sessions: [{ sessionId: session.sessionId, proven: session, isCleared: true }],
        }),
      read: ({ sessionId }: Session) => seats.readSession({ licenseId, proof, sessionId }),
      release: ({ sessionId }: Session) => seats.release({ licenseId, proof, by: BY, sessionId }),
      put: async (version: number, newMax: number) => ({
        verdict: await seats.putLicense({ ...entitlement, version, max: newMax }),
      }),
    };
    return calls;
  }

  /** The number of commands of one call, whose script Redis knows, and its verdict. */
  async function costOf(call: () => Promise<{ verdict: string }>): Promise<[string, number]> {
    await monitor.read();
    const { verdict } = await call();
    const commands = await monitor.read();
    return [verdict, commands.length];
  }

  beforeAll(async () => {
    // Loads each script.
    const license = await openLicense(5);
    const session = await license.seat('a');
    await license.borrow('b');
    await license.beat(session);
    await license.revive(session);
    await license.read(session);
    await license.release(session);
    await license.put(2, 1);
  });

  describe.each([
    { by: 'key', more: 0 },
    { by: 'person', more: 1 },
  ] as const)('with a $by', ({ by, more }) => {
    test('for a new seat are 11, again 8, and to join it 11', async () => {
      const { acquire, acquireUnnamed, seat } = await openLicense(3, by);
      expect(await costOf(() => acquire('a'))).toEqual(['GRANTED', 11 + more]);
      expect(await costOf(() => acquire('a'))).toEqual(['JOINED', 11 + more]);
      const { sessionId } = await seat('c');
      expect(await costOf(() => acquire('c', sessionId))).toEqual(['RENEWED', 8 + more]);
      expect(await costOf(() => acquireUnnamed('b'))).toEqual(['GRANTED', 11 + more]);
      expect(await costOf(() => acquireUnnamed('b'))).toEqual(['RENEWED', 9 + more]);
    });

    test('for a full pool are 7, and 9 for the first of a minute', async () => {
      const { acquire, seat } = await openLicense(1, by);
      await seat('a');
      expect(await costOf(() => acquire('b'))).toEqual(['FULL', 8 + more]);
      expect(await costOf(() => acquire('b'))).toEqual(['FULL', 7 + more]);
      // It also reports the minute before.
      await pass(60_000);
      expect(await costOf(() => acquire('b'))).toEqual(['FULL', 9 + more]);
    });

    test('for a heartbeat are 6, and 7 for one that is early; for twenty, 6', async () => {
      const { seat, beat } = await openLicense(20, by);
      const sessions: Session[] = [];
      for (let n = 0; n < 20; n += 1) sessions.push(await seat(`machine-${n}`));
      const [session] = sessions;
      if (!session) throw new Error('no session');
      await pass(300_000);
      expect(await costOf(() => beat(session))).toEqual(['OK', 6 + more]);
      expect(await costOf(() => beat(session))).toEqual(['OK', 7 + more]);
      expect(await costOf(() => beat(...sessions))).toEqual(['OK', 6 + more]);
    });

    test('for a release of the last session of a seat are 10, and where others stay 12', async () => {
      const { seat, release } = await openLicense(2, by);
      const [one, two] = [await seat('a'), await seat('a')];
      expect(await costOf(() => release(one))).toEqual(['ENDED', 12 + more]);
      expect(await costOf(() => release(two))).toEqual(['ENDED', 10 + more]);
    });
  });

  test('for a new version of a license are 4, 6 with fewer seats, and more only if seats must end', async () => {
    const { seat, put } = await openLicense(5);
    for (const holder of ['a', 'b', 'c']) await seat(holder);
    expect(await costOf(() => put(2, 6))).toEqual(['STORED', 4]);
    expect(await costOf(() => put(3, 3))).toEqual(['STORED', 6]);
    // One reads every seat.
    expect(await costOf(() => put(4, 2))).toEqual(['STORED', 19]);
  });

  test('are these for what is rarer', async () => {
    const { acquire, borrow, seat, revive, read, release } = await openLicense(3);
    const session = await seat('a');
    expect(await costOf(() => read(session))).toEqual(['OK', 5]);
    expect(await costOf(() => borrow('b'))).toEqual(['GRANTED', 12]);
    await pass(360_000);
    expect(await costOf(() => revive(session))).toEqual(['OK', 19]);
    expect(await costOf(() => release({ ...session, sessionId: '' }))).toEqual(['UNKNOWN_SESSION', 5]);
    expect(await costOf(() => acquire('a', session.sessionId))).toEqual(['RENEWED', 8]);
  });
});
