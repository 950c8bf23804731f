import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { Seatlease } from './client.ts';
import type { SeatleaseOptions } from './options.ts';
import type { Seat } from './seat.ts';
import { CannedServer, problem, SESSION } from './testing/canned.ts';
import { TestClock } from './testing/clock.ts';
import { type TestMachine, testMachine, testPlatform } from './testing/platform.ts';

const KEY = { url: 'https://licenses.example.com', licenseKey: 'slk_07_aaaaaaaaaaaaaaaa_secret' };
const DAY_MS = 86_400_000;
/** How long the client counts on a lease of 360 s: less, because clocks run at different speeds. */
const USABLE_LEASE_MS = 360_000 * 0.995;

let clock: TestClock;
let machine: TestMachine;
let server: CannedServer;
beforeEach(() => {
  clock = new TestClock();
  machine = testMachine('laptop', clock);
  server = new CannedServer(clock);
  vi.spyOn(Math, 'random').mockReturnValue(0.5);
});
afterEach(() => void vi.restoreAllMocks());

async function seated(options: Partial<SeatleaseOptions> = {}, processId = 'process-1') {
  const platform = testPlatform(server.answer, machine, processId);
  const seatlease = new Seatlease({ ...KEY, ...options }, platform);
  const events: string[] = [];
  for (const name of ['revived', 'lost', 'offline', 'online'] as const) {
    seatlease.on(name, (event) => void events.push('reason' in event ? `${name}: ${event.reason}` : name));
  }
  const seat = await clock.until(seatlease.acquire());
  return { platform, network: platform.transport, seatlease, seat, events };
}

const stateOf = ({ state, mayRun, holdsLease }: Seat) => ({ state, mayRun, holdsLease });
const ONLINE = { state: 'online', mayRun: true, holdsLease: true };
const OFFLINE = { state: 'offline', mayRun: true, holdsLease: true };
const EXPIRED = { state: 'expired', mayRun: false, holdsLease: false };
const RELEASED = { state: 'released', mayRun: false, holdsLease: false };

describe('heartbeats', () => {
  test.each([
    ['a tenth of the interval before', 1, 270_000],
    ['exactly when', 0, 300_000],
  ])('are sent %s they are due, with the newest token', async (_, random, everyMs) => {
    vi.mocked(Math.random).mockReturnValue(random);
    const { network, seat } = await seated();
    await clock.advance(everyMs - 1);
    expect(network.count('/heartbeat')).toBe(0);
    await clock.advance(1);
    expect(network.count('/heartbeat')).toBe(1);
    await clock.advance(everyMs);
    expect(network.sent.slice(1).map(({ method, body }) => [method, JSON.parse(body ?? '')])).toEqual([
      ['PUT', { session_id: SESSION, session_token: 'token-of-grant' }],
      ['PUT', { session_id: SESSION, session_token: 'token-of-beat' }],
    ]);
    expect(stateOf(seat)).toEqual(ONLINE);
  });

  test('use a new interval that the server sends', async () => {
    const { network } = await seated();
    server.heartbeat = () => {
      const at = clock.now().wallMs;
      const inSeconds = (seconds: number) => new Date(at + seconds * 1000).toISOString();
      const times = { ttl_extended_to: 60, expires_at: inSeconds(60), next_heartbeat_due: inSeconds(20) };
      return { status: 200, body: server.heartbeatAnswer(times) };
    };
    await clock.advance(286_000 + 60_000);
    expect(network.count('/heartbeat')).toBe(4);
  });

  test('cost one request per interval over a day', async () => {
    const { network, events } = await seated();
    await clock.advance(DAY_MS);
    expect(network.count('/heartbeat')).toBe(Math.floor(DAY_MS / 285_000));
    expect(events).toEqual([]);
  });

  test('are tried three times before the lease ends, and the third failure emits "offline"', async () => {
    const { network, seat, events } = await seated();
    const tries: number[] = [];
    seat.on('offline', () => void tries.push(network.count('/heartbeat')));
    network.condition = 'hung';
    await clock.advance(USABLE_LEASE_MS - 1);
    expect(stateOf(seat)).toEqual(OFFLINE);
    expect(events).toEqual(['offline']);
    expect(tries).toEqual([3]);
    await clock.advance(1);
    expect(stateOf(seat)).toEqual(EXPIRED);
    await clock.advance(1);
    expect(events).toEqual(['offline', 'lost: expired']);
  });

  test.each([
    ['no answer', undefined],
    ['a server error', problem(503, 'SEATS_UNAVAILABLE')],
    ['too many requests', problem(429, 'RATE_LIMITED')],
    ["Google's 429 while no instance is free", { status: 429, body: '<html>Rate exceeded.</html>' }],
    ["Google's 503", { status: 503, body: '<html>Service Unavailable</html>' }],
    ["Hosting's 504 after a minute", { status: 504, body: 'Timed out waiting for function to respond.' }],
    ['garbage', { status: 200, body: '{' }],
    ['the heartbeat of another session', { status: 200, body: { ...{ session_id: 'ses_other' } } }],
    ['the refusal of another server', { status: 404, body: '<h1>Not found</h1>' }],
    ['a refusal that does not end the session', problem(400, 'INVALID_JSON')],
  ])('are retried after %s', async (_, answer) => {
    const { network, seat, events } = await seated();
    if (answer) server.heartbeat = () => answer;
    else network.condition = 'cut';
    await clock.advance(310_000);
    expect(network.count('/heartbeat')).toBe(2);
    expect(stateOf(seat)).toEqual(ONLINE);
    server.heartbeat = () => ({ status: 200, body: server.heartbeatAnswer() });
    network.condition = 'on';
    await clock.advance(120_000);
    expect(stateOf(seat)).toEqual(ONLINE);
    expect(events).toEqual([]);
  });

  test('are retried shortly before the lease ends when the server asks for a longer pause', async () => {
    const { network } = await seated();
    server.heartbeat = () => ({ ...problem(429, 'RATE_LIMITED'), headers: { 'retry-after': '600' } });
    await clock.advance(330_000);
    expect(network.count('/heartbeat')).toBe(1);
    await clock.advance(USABLE_LEASE_MS - 330_000);
    expect(network.count('/heartbeat')).toBeGreaterThan(1);
  });

  test('are sent less and less often while the server is unavailable, and then once an interval', async () => {
    const { network } = await seated();
    network.condition = 'cut';
    await clock.advance(DAY_MS);
    const tries = network.count('/heartbeat');
    expect(tries).toBeGreaterThan(DAY_MS / 300_000);
    // On average half an interval, because each pause is random up to one interval.
    expect(tries).toBeLessThan((2 * DAY_MS) / 300_000 + 20);
  });

  test.each(['LICENSE_SUSPENDED', 'LICENSE_EXPIRED', 'LICENSE_NOT_FOUND', 'CREDENTIALS_INVALID'])(
    'end permanently after %s',
    async (code) => {
      const { network, seat, events, platform } = await seated();
      server.heartbeat = () => problem(code === 'CREDENTIALS_INVALID' ? 401 : 404, code);
      await clock.advance(3600_000);
      expect(network.count('/heartbeat')).toBe(1);
      expect(stateOf(seat)).toEqual(EXPIRED);
      expect(events).toEqual([`lost: ${code}`]);
      expect(platform.atEnd.size).toBe(0);
      await seat.release();
      expect(network.count('/release')).toBe(0);
    },
  );

  test.each(['released', 'evicted'])('end permanently after the session was %s', async (ended) => {
    const { network, seat, events } = await seated();
    server.heartbeat = () => problem(404, 'SESSION_NOT_FOUND', { ended });
    await clock.advance(3600_000);
    expect(network.count('/heartbeat')).toBe(1);
    expect(stateOf(seat)).toEqual(EXPIRED);
    expect(events).toEqual(['lost: SESSION_NOT_FOUND']);
  });

  test.each([
    ['expired', { ended: 'expired' }],
    ['is unknown', { ended: 'unknown' }],
    ['ended in a way that this version does not know', { ended: 'merged' }],
    ['ended, the server does not say how', {}],
  ])('are followed by a new acquire under the same name after the session %s', async (_, members) => {
    const { network, seat, events } = await seated();
    server.heartbeat = () =>
      network.count('/acquire') === 1
        ? problem(404, 'SESSION_NOT_FOUND', members)
        : { status: 200, body: server.heartbeatAnswer() };
    await clock.advance(3600_000);
    expect(stateOf(seat)).toEqual(ONLINE);
    expect(events).toEqual(['revived']);
    const acquires = network.sent.filter(({ url }) => url.endsWith('/acquire'));
    expect(acquires).toHaveLength(2);
    const names = acquires.map(({ body = '' }) => JSON.parse(body).instance_id);
    expect(names[0]).toBe(names[1]);
  });

  test('end permanently if the seat cannot be acquired anew', async () => {
    const { network, seat, events } = await seated();
    server.heartbeat = () => problem(404, 'SESSION_NOT_FOUND', { ended: 'expired' });
    server.acquire = () => problem(409, 'SEATS_EXHAUSTED', { active: 3, max: 3, retry_after: 40 });
    await clock.advance(3600_000);
    expect(stateOf(seat)).toEqual(EXPIRED);
    expect(events).toEqual(['lost: SEATS_EXHAUSTED']);
    expect(network.count('/acquire')).toBe(2);
    await seat.release();
    expect(network.count('/release')).toBe(0);
  });

  test('revive the seat when the server is available again', async () => {
    const { network, seat, events } = await seated();
    network.condition = 'cut';
    await clock.advance(3600_000);
    network.condition = 'on';
    let beats = 0;
    server.heartbeat = () => ({
      status: 200,
      body: server.heartbeatAnswer(beats++ === 0 ? { revived: true } : {}),
    });
    await clock.advance(300_000);
    expect(events).toEqual(['offline', 'lost: expired', 'revived', 'online']);
    expect(stateOf(seat)).toEqual(ONLINE);
  });

  test('are sent in time in a hidden browser tab, whose timers fire once a minute', async () => {
    vi.mocked(Math.random).mockReturnValue(0);
    clock.timersEveryMs = 60_000;
    // A heartbeat is then due right after a timer has fired.
    await clock.advance(1_000);
    const { network, seat, events } = await seated();
    await clock.advance(3600_000);
    expect(stateOf(seat)).toEqual(ONLINE);
    expect(events).toEqual([]);
    expect(network.count('/heartbeat')).toBeLessThan(18);
  });

  test('continue when a listener throws, and the error is reported', async () => {
    const { platform, network, seat, events } = await seated();
    const mistake = new Error('a mistake of the host program');
    seat.on('offline', () => {
      throw mistake;
    });
    seat.on('offline', async () => {
      throw mistake;
    });
    const off = seat.on('offline', () => void events.push('never'));
    off();
    network.condition = 'cut';
    await clock.advance(USABLE_LEASE_MS - 1);
    network.condition = 'on';
    await clock.advance(300_000);
    expect(platform.reported).toEqual([mistake, mistake]);
    expect(events).toContain('online');
    expect(events).not.toContain('never');
    expect(stateOf(seat)).toEqual(ONLINE);
  });
});

describe('the lease', () => {
  test('counts from when the request was sent, not from when its answer arrived', async () => {
    const platform = testPlatform(server.answer, machine);
    platform.transport.condition = 9_000;
    const seat = await clock.until(new Seatlease(KEY, platform).acquire());
    platform.transport.condition = 'cut';
    await clock.advance(USABLE_LEASE_MS - 9_000 - 1);
    expect(seat.holdsLease).toBe(true);
    await clock.advance(1);
    expect(seat.holdsLease).toBe(false);
  });

  test('ends while the machine sleeps, before any timer fires', async () => {
    const { seat, events } = await seated();
    await clock.sleep(USABLE_LEASE_MS + 1);
    expect(stateOf(seat)).toEqual(EXPIRED);
    expect(events).toEqual([]);
  });

  test('ends by the monotonic clock when the wall clock is set back', async () => {
    const { seat, network } = await seated();
    network.condition = 'cut';
    await clock.shift(-DAY_MS);
    await clock.advance(USABLE_LEASE_MS);
    expect(stateOf(seat)).toEqual(EXPIRED);
  });

  test('is not extended by a clock that is set back after a sleep', async () => {
    const { seat, network } = await seated();
    network.condition = 'cut';
    await clock.sleep(200_000);
    expect(seat.holdsLease).toBe(true);
    await clock.shift(-200_000);
    await clock.advance(159_000);
    expect(seat.holdsLease).toBe(false);
  });

  test('is renewed at once when the machine wakes up', async () => {
    const { network, seat, events } = await seated();
    await clock.sleep(3600_000);
    server.heartbeat = () => ({ status: 200, body: server.heartbeatAnswer({ revived: true }) });
    await clock.advance(20_000);
    expect(network.count('/heartbeat')).toBe(1);
    expect(stateOf(seat)).toEqual(ONLINE);
    expect(events).toEqual(['lost: expired', 'revived', 'online']);
  });

  test('is not shortened by many reads of the clocks', async () => {
    const { seat } = await seated();
    for (let n = 0; n < 1000; n += 1) {
      await clock.advance(0.5);
      expect(seat.holdsLease).toBe(true);
    }
    await clock.advance(284_000);
    expect(seat.state).toBe('online');
  });

  test('ends with a license that is about to expire', async () => {
    server.acquire = () => {
      const expires_at = new Date(clock.now().wallMs + 20_000).toISOString();
      return { status: 201, body: server.grant({ ttl: 20, expires_at, next_heartbeat_due: expires_at }) };
    };
    const { seat, network } = await seated();
    network.condition = 'cut';
    await clock.advance(19_800);
    expect(seat.holdsLease).toBe(true);
    await clock.advance(200);
    expect(seat.holdsLease).toBe(false);
    expect(network.count('/heartbeat')).toBeGreaterThanOrEqual(1);
  });
});

describe('releasing', () => {
  test('takes effect with the call, is sent once, and ends the heartbeats', async () => {
    const { seat, network, platform, events } = await seated();
    const released = seat.release();
    expect(stateOf(seat)).toEqual(RELEASED);
    await Promise.all([released, seat.release()]);
    await seat.release();
    expect(network.count('/release')).toBe(1);
    expect(platform.atEnd.size).toBe(0);
    await clock.advance(DAY_MS);
    expect(network.sent).toHaveLength(2);
    expect(events).toEqual([]);
  });

  test('happens at the end of an `await using` block', async () => {
    const { seatlease, network } = await seated();
    {
      await using seat = await seatlease.acquire();
      expect(seat.mayRun).toBe(true);
    }
    expect(network.count('/release')).toBe(1);
  });

  test('happens at the end of the program', async () => {
    const { network, platform } = await seated();
    const [end] = platform.atEnd;
    expect(end?.afterwards()).toMatchObject({
      method: 'POST',
      url: `${KEY.url}/api/v1/licenses/release`,
      headers: {
        authorization: 'License slk_07_aaaaaaaaaaaaaaaa_secret',
        'content-type': 'application/json',
      },
      body: JSON.stringify({ session_id: SESSION, session_token: 'token-of-grant' }),
    });
    await end?.inTime();
    expect(platform.atEnd.size).toBe(0);
    expect(network.count('/release')).toBeLessThanOrEqual(1);
  });

  test('waits at most two seconds for a server that hangs, and can still be sent at the program’s end', async () => {
    const { seat, network, platform } = await seated();
    network.condition = 'hung';
    const [end] = platform.atEnd;
    const released = seat.release();
    await clock.advance(1_000);
    expect(end?.afterwards()).toBeDefined();
    await clock.advance(1_001);
    await released;
    expect(stateOf(seat)).toEqual(RELEASED);
  });

  test('is retried after a server error', async () => {
    const { seat, network } = await seated();
    server.release = () => (network.count('/release') < 2 ? problem(500, 'INTERNAL') : { status: 204 });
    await clock.until(seat.release());
    expect(network.count('/release')).toBe(2);
  });

  test('is not undone by a pending heartbeat', async () => {
    const { seat, network, events } = await seated();
    network.condition = 5_000;
    await clock.advance(286_000);
    const released = seat.release();
    await clock.advance(10_000);
    await released;
    expect(stateOf(seat)).toEqual(RELEASED);
    expect(events).toEqual([]);
  });

  test('of one program leaves the others of the machine alone', async () => {
    const first = await seated({}, 'process-1');
    const second = await seated({}, 'process-2');
    await first.seat.release();
    expect(first.network.count('/release')).toBe(1);
    expect(stateOf(second.seat)).toEqual(ONLINE);
    await clock.advance(300_000);
    expect(second.network.count('/heartbeat')).toBe(1);
  });
});

describe('a borrowed seat', () => {
  beforeEach(() => {
    server.acquire = (_, { borrow_days }) => ({ status: 201, body: server.loan(Number(borrow_days ?? 3)) });
  });

  async function borrowed() {
    const platform = testPlatform(server.answer, machine);
    const seatlease = new Seatlease(KEY, platform);
    const seat = await clock.until(seatlease.acquire({ borrowDays: 3 }));
    return { platform, network: platform.transport, seatlease, seat };
  }

  test('sends no heartbeats, is not released at the program’s end, and ends with its loan', async () => {
    const { seat, network, platform } = await borrowed();
    expect(seat.borrowedUntil).toBeInstanceOf(Date);
    expect(platform.atEnd.size).toBe(0);
    await clock.advance(2.9 * DAY_MS);
    expect(stateOf(seat)).toEqual(ONLINE);
    expect(network.count('/heartbeat')).toBe(0);
    await clock.advance(0.1 * DAY_MS);
    expect(stateOf(seat)).toEqual(EXPIRED);
  });

  test('can be released early; if the server does not answer, release throws and can be called again', async () => {
    const { seat, network } = await borrowed();
    network.condition = 'cut';
    await expect(clock.until(seat.release())).rejects.toMatchObject({ code: 'NO_ANSWER' });
    expect(stateOf(seat)).toEqual(RELEASED);
    network.condition = 'on';
    await seat.release();
    expect(network.sent.at(-1)?.url).toMatch(/\/release$/);
  });

  test('replaces the held seat in place, and ends its heartbeats', async () => {
    server.acquire = (_, { borrow_days }) => ({
      status: 200,
      body: borrow_days ? server.loan(Number(borrow_days)) : server.grant(),
    });
    const { seatlease, seat, network, platform } = await seated();
    await clock.advance(100_000);
    expect(await seatlease.acquire({ borrowDays: 2 })).toBe(seat);
    expect(platform.atEnd.size).toBe(0);
    await clock.advance(DAY_MS);
    expect(network.count('/heartbeat')).toBe(0);
    expect(stateOf(seat)).toEqual(ONLINE);
  });

  test('ends the session with heartbeats that it replaces', async () => {
    const session_id = `${SESSION.slice(0, -4)}loan`;
    server.acquire = (_, { borrow_days }) => ({
      status: 200,
      body: borrow_days ? { ...server.loan(Number(borrow_days)), session_id } : server.grant(),
    });
    const { seatlease, seat, network } = await seated();
    await seatlease.acquire({ borrowDays: 2 });
    await clock.advance(1);
    expect(seat.sessionId).toBe(session_id);
    const releases = network.sent.filter(({ url }) => url.endsWith('/release'));
    expect(releases.map(({ body = '' }) => JSON.parse(body))).toEqual([
      { session_id: SESSION, session_token: 'token-of-grant' },
    ]);
    expect(stateOf(seat)).toEqual(ONLINE);
  });

  test('is not affected by a heartbeat that was pending when it was borrowed', async () => {
    server.acquire = (_, { borrow_days }) => ({
      status: 200,
      body: borrow_days ? server.loan(Number(borrow_days)) : server.grant(),
    });
    const { seatlease, network } = await seated();
    network.condition = 9_000;
    await clock.advance(286_000);
    network.condition = 'on';
    await seatlease.acquire({ borrowDays: 2 });
    await clock.advance(DAY_MS);
    expect(network.count('/heartbeat')).toBe(1);
  });

  test('that is refused leaves the held seat unchanged', async () => {
    server.acquire = (_, { borrow_days }) =>
      borrow_days
        ? problem(403, 'BORROW_NOT_ALLOWED', { max_days: 0 })
        : { status: 200, body: server.grant() };
    const { seatlease, seat, network } = await seated();
    await expect(seatlease.acquire({ borrowDays: 2 })).rejects.toMatchObject({ code: 'BORROW_NOT_ALLOWED' });
    await clock.advance(300_000);
    expect(network.count('/heartbeat')).toBe(1);
    expect(stateOf(seat)).toEqual(ONLINE);
  });
});
