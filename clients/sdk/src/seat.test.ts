import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { Seatlease } from './client.ts';
import type { SeatleaseOptions } from './options.ts';
import type { Seat } from './seat.ts';
import { CannedServer, problem, SESSION } from './testing/canned.ts';
import { TestClock } from './testing/clock.ts';
import { type TestMachine, testMachine, testPlatform } from './testing/platform.ts';

const KEY = { url: 'https://licenses.example.com', licenseKey: 'slk_07_aaaaaaaaaaaaaaaa_secret' };
const DAY_MS = 86_400_000;
/** By then the lease of 360 s is believed in no more: a margin is left for clocks of unequal speed. */
const BELIEVED_MS = 360_000 * 0.995;

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
  const told: string[] = [];
  for (const name of ['revived', 'lost', 'offline', 'online'] as const) {
    seatlease.on(name, (event) => void told.push('reason' in event ? `${name}: ${event.reason}` : name));
  }
  const seat = await clock.until(seatlease.acquire());
  return { platform, network: platform.transport, seatlease, seat, told };
}

const standing = ({ state, mayRun, holdsLease }: Seat) => ({ state, mayRun, holdsLease });
const ONLINE = { state: 'online', mayRun: true, holdsLease: true };
const OFFLINE = { state: 'offline', mayRun: true, holdsLease: true };
const EXPIRED = { state: 'expired', mayRun: false, holdsLease: false };
const RELEASED = { state: 'released', mayRun: false, holdsLease: false };

describe('heartbeats', () => {
  test.each([
    ['a tenth', 1, 270_000],
    ['nothing', 0, 300_000],
  ])(
    'come before the server expects them by up to %s, and carry the newest token',
    async (_, random, everyMs) => {
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
      expect(standing(seat)).toEqual(ONLINE);
    },
  );

  test('follow the server when it asks for others', async () => {
    const { network } = await seated();
    server.heartbeat = () => {
      const at = clock.now().wallMs;
      const inSeconds = (seconds: number) => new Date(at + seconds * 1000).toISOString();
      const times = { ttl_extended_to: 60, expires_at: inSeconds(60), next_heartbeat_due: inSeconds(20) };
      return { status: 200, body: server.beat(times) };
    };
    await clock.advance(286_000 + 60_000);
    expect(network.count('/heartbeat')).toBe(4);
  });

  test('a day of them costs as many requests as the interval says', async () => {
    const { network, told } = await seated();
    await clock.advance(DAY_MS);
    expect(network.count('/heartbeat')).toBe(Math.floor(DAY_MS / 285_000));
    expect(told).toEqual([]);
  });

  test('three are tried before the lease ends, and the third that is missed is told', async () => {
    const { network, seat, told } = await seated();
    const tries: number[] = [];
    seat.on('offline', () => void tries.push(network.count('/heartbeat')));
    network.weather = 'hung';
    await clock.advance(BELIEVED_MS - 1);
    expect(standing(seat)).toEqual(OFFLINE);
    expect(told).toEqual(['offline']);
    expect(tries).toEqual([3]);
    await clock.advance(1);
    expect(standing(seat)).toEqual(EXPIRED);
    await clock.advance(1);
    expect(told).toEqual(['offline', 'lost: expired']);
  });

  test.each([
    ['no answer', undefined],
    ['a server error', problem(503, 'SEATS_UNAVAILABLE')],
    ['too many requests', problem(429, 'RATE_LIMITED')],
    ['garbage', { status: 200, body: '{' }],
    ['the beat of another session', { status: 200, body: { ...{ session_id: 'ses_other' } } }],
    ['a no that is not the license server’s', { status: 404, body: '<h1>Not found</h1>' }],
    ['a no to something else', problem(400, 'INVALID_JSON')],
  ])('one that is missed by %s is made up for', async (_, said) => {
    const { network, seat, told } = await seated();
    if (said) server.heartbeat = () => said;
    else network.weather = 'cut';
    await clock.advance(310_000);
    expect(network.count('/heartbeat')).toBe(2);
    expect(standing(seat)).toEqual(ONLINE);
    server.heartbeat = () => ({ status: 200, body: server.beat() });
    network.weather = 'on';
    await clock.advance(120_000);
    expect(standing(seat)).toEqual(ONLINE);
    expect(told).toEqual([]);
  });

  test('a server that wants to be left alone for longer than the lease is asked again only shortly before its end', async () => {
    const { network } = await seated();
    server.heartbeat = () => ({ ...problem(429, 'RATE_LIMITED'), headers: { 'retry-after': '600' } });
    await clock.advance(330_000);
    expect(network.count('/heartbeat')).toBe(1);
    await clock.advance(BELIEVED_MS - 330_000);
    expect(network.count('/heartbeat')).toBeGreaterThan(1);
  });

  test('while the server is away it is asked less and less often, and then once an interval', async () => {
    const { network } = await seated();
    network.weather = 'cut';
    await clock.advance(DAY_MS);
    const tries = network.count('/heartbeat');
    expect(tries).toBeGreaterThan(DAY_MS / 300_000);
    // Half an interval on average, as each waits for up to one.
    expect(tries).toBeLessThan((2 * DAY_MS) / 300_000 + 20);
  });

  test.each([
    'SESSION_NOT_FOUND',
    'LICENSE_SUSPENDED',
    'LICENSE_EXPIRED',
    'LICENSE_NOT_FOUND',
    'CREDENTIALS_INVALID',
  ])('%s ends it for good', async (code) => {
    const { network, seat, told, platform } = await seated();
    server.heartbeat = () => problem(code === 'CREDENTIALS_INVALID' ? 401 : 404, code);
    await clock.advance(3600_000);
    expect(network.count('/heartbeat')).toBe(1);
    expect(standing(seat)).toEqual(EXPIRED);
    expect(told).toEqual([`lost: ${code}`]);
    expect(platform.atEnd.size).toBe(0);
    await seat.release();
    expect(network.count('/release')).toBe(0);
  });

  test('a server that comes back brings the seat back', async () => {
    const { network, seat, told } = await seated();
    network.weather = 'cut';
    await clock.advance(3600_000);
    network.weather = 'on';
    let beats = 0;
    server.heartbeat = () => ({ status: 200, body: server.beat(beats++ === 0 ? { revived: true } : {}) });
    await clock.advance(300_000);
    expect(told).toEqual(['offline', 'lost: expired', 'revived', 'online']);
    expect(standing(seat)).toEqual(ONLINE);
  });

  test('come in time in a page that nobody looks at, whose timers come once a minute', async () => {
    vi.mocked(Math.random).mockReturnValue(0);
    clock.timersEveryMs = 60_000;
    // So that a beat is due right after a timer came.
    await clock.advance(1_000);
    const { network, seat, told } = await seated();
    await clock.advance(3600_000);
    expect(standing(seat)).toEqual(ONLINE);
    expect(told).toEqual([]);
    expect(network.count('/heartbeat')).toBeLessThan(18);
  });

  test('a listener that throws is reported, and stops nothing', async () => {
    const { platform, network, seat, told } = await seated();
    const mistake = new Error('a mistake of the host program');
    seat.on('offline', () => {
      throw mistake;
    });
    seat.on('offline', async () => {
      throw mistake;
    });
    const off = seat.on('offline', () => void told.push('never'));
    off();
    network.weather = 'cut';
    await clock.advance(BELIEVED_MS - 1);
    network.weather = 'on';
    await clock.advance(300_000);
    expect(platform.reported).toEqual([mistake, mistake]);
    expect(told).toContain('online');
    expect(told).not.toContain('never');
    expect(standing(seat)).toEqual(ONLINE);
  });
});

describe('belief', () => {
  test('counts from when the request was sent, not from when its answer came', async () => {
    const platform = testPlatform(server.answer, machine);
    platform.transport.weather = 9_000;
    const seat = await clock.until(new Seatlease(KEY, platform).acquire());
    platform.transport.weather = 'cut';
    await clock.advance(BELIEVED_MS - 9_000 - 1);
    expect(seat.holdsLease).toBe(true);
    await clock.advance(1);
    expect(seat.holdsLease).toBe(false);
  });

  test('ends in a machine’s sleep, before anything else is done', async () => {
    const { seat, told } = await seated();
    await clock.sleep(BELIEVED_MS + 1);
    expect(standing(seat)).toEqual(EXPIRED);
    expect(told).toEqual([]);
  });

  test('ends by the monotonic clock when the other is set back', async () => {
    const { seat, network } = await seated();
    network.weather = 'cut';
    await clock.shift(-DAY_MS);
    await clock.advance(BELIEVED_MS);
    expect(standing(seat)).toEqual(EXPIRED);
  });

  test('is not brought back by a clock that is set back after a sleep', async () => {
    const { seat, network } = await seated();
    network.weather = 'cut';
    await clock.sleep(200_000);
    expect(seat.holdsLease).toBe(true);
    await clock.shift(-200_000);
    await clock.advance(159_000);
    expect(seat.holdsLease).toBe(false);
  });

  test('a machine that wakes up asks the server at once', async () => {
    const { network, seat, told } = await seated();
    await clock.sleep(3600_000);
    server.heartbeat = () => ({ status: 200, body: server.beat({ revived: true }) });
    await clock.advance(20_000);
    expect(network.count('/heartbeat')).toBe(1);
    expect(standing(seat)).toEqual(ONLINE);
    expect(told).toEqual(['lost: expired', 'revived', 'online']);
  });

  test('many looks at it make no time pass', async () => {
    const { seat } = await seated();
    for (let n = 0; n < 1000; n += 1) {
      await clock.advance(0.5);
      expect(seat.holdsLease).toBe(true);
    }
    await clock.advance(284_000);
    expect(seat.state).toBe('online');
  });

  test('reaches no further than a license that is about to end', async () => {
    server.acquire = () => {
      const expires_at = new Date(clock.now().wallMs + 20_000).toISOString();
      return { status: 201, body: server.grant({ ttl: 20, expires_at, next_heartbeat_due: expires_at }) };
    };
    const { seat, network } = await seated();
    network.weather = 'cut';
    await clock.advance(19_800);
    expect(seat.holdsLease).toBe(true);
    await clock.advance(200);
    expect(seat.holdsLease).toBe(false);
    expect(network.count('/heartbeat')).toBeGreaterThanOrEqual(1);
  });
});

describe('giving back', () => {
  test('is believed from the call on, done once, and ends the beats', async () => {
    const { seat, network, platform, told } = await seated();
    const released = seat.release();
    expect(standing(seat)).toEqual(RELEASED);
    await Promise.all([released, seat.release()]);
    await seat.release();
    expect(network.count('/release')).toBe(1);
    expect(platform.atEnd.size).toBe(0);
    await clock.advance(DAY_MS);
    expect(network.sent).toHaveLength(2);
    expect(told).toEqual([]);
  });

  test('happens at the end of the block that uses it', async () => {
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
      body: JSON.stringify({ session_id: SESSION, session_token: 'token-of-grant', sent_after_ms: 0 }),
    });
    await end?.inTime();
    expect(platform.atEnd.size).toBe(0);
    expect(network.count('/release')).toBeLessThanOrEqual(1);
  });

  test('a server that hangs is waited for no longer than two seconds, and a program that ends then may still tell it', async () => {
    const { seat, network, platform } = await seated();
    network.weather = 'hung';
    const [end] = platform.atEnd;
    const released = seat.release();
    await clock.advance(1_000);
    expect(end?.afterwards()).toBeDefined();
    await clock.advance(1_001);
    await released;
    expect(standing(seat)).toEqual(RELEASED);
  });

  test('is tried again where the server stumbles', async () => {
    const { seat, network } = await seated();
    server.release = () => (network.count('/release') < 2 ? problem(500, 'INTERNAL') : { status: 204 });
    await clock.until(seat.release());
    expect(network.count('/release')).toBe(2);
  });

  test('stays done though a heartbeat is under way', async () => {
    const { seat, network, told } = await seated();
    network.weather = 5_000;
    await clock.advance(286_000);
    const released = seat.release();
    await clock.advance(10_000);
    await released;
    expect(standing(seat)).toEqual(RELEASED);
    expect(told).toEqual([]);
  });

  test('tells how old its word is, rather too young, so that it ends nothing that was taken since', async () => {
    const { seat, network } = await seated();
    await clock.advance(100_000);
    await seat.release();
    const sent = JSON.parse(network.sent.at(-1)?.body ?? '');
    expect(sent).toEqual({
      session_id: SESSION,
      session_token: 'token-of-grant',
      sent_after_ms: expect.any(Number),
    });
    expect(sent.sent_after_ms).toBeLessThanOrEqual(100_000);
    expect(sent.sent_after_ms).toBeGreaterThan(99_000);
  });

  test('only the last of a machine’s programs does it', async () => {
    const first = await seated({}, 'process-1');
    const second = await seated({}, 'process-2');
    await first.seat.release();
    expect(first.network.count('/release')).toBe(0);
    expect(second.platform.atEnd.size).toBe(1);
    await second.seat.release();
    expect(second.network.count('/release')).toBe(1);
  });

  test('does not end a seat that another program of the machine is just getting', async () => {
    const { seat, network } = await seated({}, 'process-1');
    network.weather = 1_500;
    const released = seat.release();
    const next = seated({}, 'process-2');
    await clock.advance(1_000);
    expect(network.count('/release')).toBe(1);
    await clock.advance(1_000);
    await released;
    expect(standing((await next).seat)).toEqual(ONLINE);
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

  test('needs no heartbeats, outlives the program, and ends with its loan', async () => {
    const { seat, network, platform } = await borrowed();
    expect(seat.borrowedUntil).toBeInstanceOf(Date);
    expect(platform.atEnd.size).toBe(0);
    await clock.advance(2.9 * DAY_MS);
    expect(standing(seat)).toEqual(ONLINE);
    expect(network.count('/heartbeat')).toBe(0);
    await clock.advance(0.1 * DAY_MS);
    expect(standing(seat)).toEqual(EXPIRED);
  });

  test('can be given back early; where the server cannot be told that is said, and can be tried again', async () => {
    const { seat, network } = await borrowed();
    network.weather = 'cut';
    await expect(clock.until(seat.release())).rejects.toMatchObject({ code: 'NO_ANSWER' });
    expect(standing(seat)).toEqual(RELEASED);
    network.weather = 'on';
    await seat.release();
    expect(network.sent.at(-1)?.url).toMatch(/\/release$/);
  });

  test('is the seat that was held, borrowed now: heartbeats end', async () => {
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
    expect(standing(seat)).toEqual(ONLINE);
  });

  test('begins no heartbeats by one that was under way when it was borrowed', async () => {
    server.acquire = (_, { borrow_days }) => ({
      status: 200,
      body: borrow_days ? server.loan(Number(borrow_days)) : server.grant(),
    });
    const { seatlease, network } = await seated();
    network.weather = 9_000;
    await clock.advance(286_000);
    network.weather = 'on';
    await seatlease.acquire({ borrowDays: 2 });
    await clock.advance(DAY_MS);
    expect(network.count('/heartbeat')).toBe(1);
  });

  test('that is refused leaves the held seat as it was', async () => {
    server.acquire = (_, { borrow_days }) =>
      borrow_days
        ? problem(403, 'BORROW_NOT_ALLOWED', { max_days: 0 })
        : { status: 200, body: server.grant() };
    const { seatlease, seat, network } = await seated();
    await expect(seatlease.acquire({ borrowDays: 2 })).rejects.toMatchObject({ code: 'BORROW_NOT_ALLOWED' });
    await clock.advance(300_000);
    expect(network.count('/heartbeat')).toBe(1);
    expect(standing(seat)).toEqual(ONLINE);
  });
});
