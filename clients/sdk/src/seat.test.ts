import { createHmac } from 'node:crypto';
import { inspect } from 'node:util';
import { afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { NativeSeatlease as Seatlease } from './native.ts';
import type { SeatleaseOptions } from './options.ts';
import type { Seat } from './seat.ts';
import { type CannedAnswer, CannedServer, LICENSE, problem, SESSION } from './testing/canned.ts';
import { TestClock } from './testing/clock.ts';
import { powerCut, type TestMachine, testMachine, testPlatform } from './testing/platform.ts';
import { TestUnderstudy } from './testing/understudy.ts';
import { testVendor, type Vendor } from './testing/vendor.ts';

const KEY = { url: 'https://licenses.example.com', licenseKey: 'slk_07_aaaaaaaaaaaaaaaa_secret' };
const DAY_MS = 86_400_000;
/** How long the client counts on a lease of 360 s: less, because clocks run at different speeds. */
const USABLE_LEASE_MS = 360_000 * 0.995;

let clock: TestClock;
let machine: TestMachine;
let server: CannedServer;
let vendor: Vendor;
beforeAll(async () => {
  vendor = await testVendor();
});
beforeEach(() => {
  clock = new TestClock();
  machine = testMachine('laptop', clock);
  server = new CannedServer(clock);
  vi.spyOn(Math, 'random').mockReturnValue(0.5);
});
afterEach(() => void vi.restoreAllMocks());

async function seated(options: Partial<SeatleaseOptions> = {}, processId = 'process-1') {
  const understudy = new TestUnderstudy(clock, (request) => platform.transport.answerOf(request));
  const platform = testPlatform(server.answer, machine, processId, { understudy: () => understudy });
  const seatlease = new Seatlease({ ...KEY, ...options }, platform);
  const events: string[] = [];
  for (const name of ['reacquired', 'lost', 'offline', 'online'] as const) {
    seatlease.on(name, (event) => void events.push('reason' in event ? `${name}: ${event.reason}` : name));
  }
  const seat = await clock.until(seatlease.acquire());
  return { platform, network: platform.transport, understudy, seatlease, seat, events };
}

async function signed(days: number, fromMs = server.nowMs()): Promise<CannedAnswer> {
  const issuedAtMs = server.nowMs();
  const license_token = await vendor.sign({
    license_id: LICENSE,
    fingerprint: 'fingerprint of laptop',
    issued_at: new Date(issuedAtMs).toISOString(),
    offline_until: new Date(fromMs + days * DAY_MS).toISOString(),
  });
  return { status: 200, body: { license_token } };
}

/** A seat with an offline grace of a week. */
async function graced() {
  const publicKeys = { keys: [vendor.jwk] };
  server.acquire = () => ({ status: 201, body: server.grant({ offline_grace_days: 7 }) });
  server.sign = () => signed(7);
  const all = await seated({ publicKeys });
  await clock.advance(1);
  expect(all.seat.offlineUntil).toBeInstanceOf(Date);
  return all;
}

const stateOf = ({ state, mayRun, holdsLease }: Seat) => ({ state, mayRun, holdsLease });
const ONLINE = { state: 'online', mayRun: true, holdsLease: true };
const OFFLINE = { state: 'offline', mayRun: true, holdsLease: true };
const IN_GRACE = { state: 'offline', mayRun: true, holdsLease: false };
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

  test('are sent on time also if one becomes due while the program looks at its clocks', async () => {
    clock.readingTakesMs = 0.01;
    for (let readings = 0; readings < 20; readings += 1) {
      clock.timersEarlyMs = readings * clock.readingTakesMs;
      const { transport, ...platform } = testPlatform(server.answer, machine);
      const seat = await clock.until(new Seatlease(KEY, { ...platform, transport }).acquire());
      await clock.advance(286_000);
      expect(transport.count('/heartbeat'), `with timers ${readings} readings early`).toBe(1);
      await seat.release();
    }
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
    ['a refusal that says nothing about the seat', problem(400, 'INVALID_JSON')],
    [
      'the refusal of another request',
      { ...problem(404, 'LICENSE_NOT_FOUND'), headers: { 'x-request-id': 'another' } },
    ],
  ])('are retried after %s', async (_, answer) => {
    const { network, seat, events } = await seated();
    if (answer) server.heartbeat = () => answer;
    else network.condition = 'cut';
    await clock.advance(285_100);
    expect(network.count('/heartbeat')).toBe(1);
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

  test('are sent less and less often while the server is unavailable, and then once in 30 seconds on average', async () => {
    const { network } = await seated();
    network.condition = 'cut';
    await clock.advance(DAY_MS);
    const tries = network.count('/heartbeat');
    expect(tries).toBeGreaterThan(DAY_MS / 31_000);
    expect(tries).toBeLessThan(DAY_MS / 30_000 + 20);
  });

  test.each([
    [404, 'LICENSE_NOT_FOUND'],
    [401, 'CREDENTIALS_INVALID'],
    [400, 'GRANT_INVALID'],
    [403, 'FORBIDDEN'],
  ])('end permanently after %i %s, and the stored license is deleted', async (status, code) => {
    const { network, seat, events, platform } = await graced();
    expect(machine.files.size).toBe(1);
    server.heartbeat = () => problem(status, code);
    await clock.advance(3600_000);
    expect(network.count('/heartbeat')).toBe(1);
    expect(stateOf(seat)).toEqual(EXPIRED);
    expect(events).toEqual([`lost: ${code}`]);
    expect(seat.problem?.code).toBe(code);
    expect(platform.atEnd.size).toBe(0);
    expect(machine.files.size).toBe(0);
    await seat.release();
    expect(network.count('/release')).toBe(0);
  });

  test.each<[string, CannedAnswer | undefined]>([
    ['no answer', undefined],
    ['the page of a proxy', { status: 403, body: '<html>Blocked by policy</html>' }],
    ['500', problem(500, 'INTERNAL')],
    ['503', problem(503, 'SEATS_UNAVAILABLE')],
    ['429', problem(429, 'RATE_LIMITED', { retry_after: 30 })],
    ['dropped credentials', problem(401, 'AUTHENTICATION_REQUIRED')],
    ['400', problem(400, 'VALIDATION_FAILED')],
    ['404 for the address', problem(404, 'NOT_FOUND')],
    ['405', problem(405, 'METHOD_NOT_ALLOWED')],
    ['413', problem(413, 'PAYLOAD_TOO_LARGE')],
    ['415', problem(415, 'UNSUPPORTED_MEDIA_TYPE')],
    ['a code of a later version', problem(418, 'TEAPOT')],
    ['a failure of a later version', problem(507, 'DISK_FULL')],
  ])('end no program with grace for days of %s, and the seat comes back', async (_, answer) => {
    const { network, seat, events } = await graced();
    const { heartbeat } = server;
    if (answer) server.heartbeat = () => answer;
    else network.condition = 'cut';
    await clock.advance(DAY_MS);
    expect(stateOf(seat)).toEqual(IN_GRACE);
    expect(seat.problem).toBeDefined();
    expect(events).toEqual(['offline']);
    server.heartbeat = heartbeat;
    network.condition = 'on';
    await clock.advance(300_000);
    expect(stateOf(seat)).toEqual(ONLINE);
    expect(seat.problem).toBeUndefined();
    expect(events).toEqual(['offline', 'online']);
  });

  test.each([
    [429, 'RATE_LIMITED'],
    [503, 'SEATS_UNAVAILABLE'],
  ])('wait for five minutes of a Retry-After of days after %i %s', async (status, code) => {
    const { network, seat, events } = await seated();
    const { heartbeat } = server;
    server.heartbeat = () => ({ ...problem(status, code), headers: { 'retry-after': '604800' } });
    // The lease of 360 s has ended, and the third try has failed within 10 s.
    await clock.advance(371_000);
    expect(events.at(-1)).toBe('lost: expired');
    await clock.advance(529_000);
    const before = network.count('/heartbeat');
    await clock.advance(3600_000);
    // Every 300 s, and then a random time of at most 60 s.
    expect(network.count('/heartbeat') - before).toBeGreaterThanOrEqual(9);
    expect(network.count('/heartbeat') - before).toBeLessThanOrEqual(12);
    server.heartbeat = heartbeat;
    await clock.advance(361_000);
    expect(stateOf(seat)).toEqual(ONLINE);
  });

  test("ignore the Retry-After of a page that is not the server's", async () => {
    const { seat, events } = await seated();
    const { heartbeat } = server;
    server.heartbeat = () => ({ status: 502, body: '<html>', headers: { 'retry-after': '604800' } });
    await clock.advance(900_000);
    expect(events).toEqual(['offline', 'lost: expired']);
    server.heartbeat = heartbeat;
    await clock.advance(61_000);
    expect(stateOf(seat)).toEqual(ONLINE);
  });

  test('begin with short pauses again when the reason changes', async () => {
    const { network, seat } = await graced();
    const { heartbeat } = server;
    network.condition = 'cut';
    await clock.advance(DAY_MS);
    network.condition = 'on';
    server.heartbeat = () => {
      server.heartbeat = heartbeat;
      return problem(404, 'NOT_FOUND');
    };
    // At most 60 s of the outage, and 30 s of the first `repair`.
    await clock.advance(91_000);
    expect(stateOf(seat)).toEqual(ONLINE);
  });

  test('begin with short pauses again after a good answer', async () => {
    const { network, seat } = await graced();
    network.condition = 'cut';
    await clock.advance(3600_000);
    network.condition = 'on';
    await clock.advance(60_000);
    expect(stateOf(seat)).toEqual(ONLINE);
    const atMs: number[] = [];
    seat.once('offline', () => {
      network.condition = 'on';
      atMs.push(clock.now().monotonicMs);
    });
    seat.once('online', () => void atMs.push(clock.now().monotonicMs));
    network.condition = 'cut';
    await clock.advance(400_000);
    // Of the fourth try on average, and not the 30 s of the outage before.
    const [offlineAtMs = 0, onlineAtMs = 0] = atMs;
    expect(onlineAtMs - offlineAtMs).toBe(2_000);
  });

  test('are sent one at a time, also when the grace ends while an answer is pending', async () => {
    const GRACE_MS = 1260_000;
    server.acquire = () => ({ status: 201, body: server.grant({ offline_grace_days: 1 }) });
    server.sign = () => signed(GRACE_MS / DAY_MS);
    const { network } = await seated({ publicKeys: vendor.pem });
    network.condition = 'hung';
    let inFlight = 0;
    let most = 0;
    const { send } = network;
    network.send = async (...call) => {
      inFlight += 1;
      most = Math.max(most, inFlight);
      return send.apply(network, call).finally(() => {
        inFlight -= 1;
      });
    };
    await clock.advance(GRACE_MS);
    expect([inFlight, most]).toEqual([1, 1]);
  });

  test.each([
    [403, 'LICENSE_SUSPENDED'],
    [403, 'LICENSE_EXPIRED'],
  ])('use what is left of the lease after %i %s, no grace, and get the seat back', async (status, code) => {
    const { network, seat, events } = await graced();
    const { heartbeat } = server;
    server.heartbeat = () => problem(status, code);
    await clock.advance(USABLE_LEASE_MS - 10);
    expect(seat.mayRun).toBe(true);
    await clock.advance(20);
    expect(stateOf(seat)).toEqual(EXPIRED);
    expect(events.at(-1)).toBe(`lost: ${code}`);
    // No answer does not bring the grace back.
    network.condition = 'cut';
    await clock.advance(3600_000);
    expect(stateOf(seat)).toEqual(EXPIRED);
    network.condition = 'on';
    server.heartbeat = heartbeat;
    await clock.advance(300_000);
    expect(stateOf(seat)).toEqual(ONLINE);
    expect(events.at(-1)).toBe('online');
    network.condition = 'cut';
    await clock.advance(DAY_MS);
    expect(stateOf(seat)).toEqual(IN_GRACE);
  });

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
    expect(events).toEqual(['reacquired', 'online']);
    const acquires = network.sent.filter(({ url }) => url.endsWith('/acquire'));
    expect(acquires).toHaveLength(2);
    const names = acquires.map(({ body = '' }) => JSON.parse(body).instance_id);
    expect(names[0]).toBe(names[1]);
  });

  test.each(['SEATS_EXHAUSTED', 'SESSIONS_EXHAUSTED'])(
    'go on acquiring anew after %s, and the seat comes back when there is room',
    async (code) => {
      const { network, seat, events } = await graced();
      server.heartbeat = () => problem(404, 'SESSION_NOT_FOUND', { ended: 'expired' });
      const { acquire } = server;
      server.acquire = () => problem(409, code, { active: 3, max: 3, retry_after: 86_400 });
      await clock.advance(3600_000);
      expect(stateOf(seat)).toEqual(EXPIRED);
      expect(events.at(-1)).toBe(`lost: ${code}`);
      // It waits for at most a minute of `retry_after`.
      expect(network.count('/acquire')).toBeGreaterThan(3600_000 / 120_000);
      server.acquire = acquire;
      await clock.advance(120_000);
      expect(stateOf(seat)).toEqual(ONLINE);
      expect(events.slice(-2)).toEqual(['reacquired', 'online']);
    },
  );

  test.each(['SESSION_ENDED', 'LICENSE_NOT_FOUND'])(
    'end permanently if acquiring anew gets %s',
    async (code) => {
      const { network, seat, events } = await graced();
      server.heartbeat = () => problem(404, 'SESSION_NOT_FOUND', { ended: 'unknown' });
      server.acquire = () => problem(409, code);
      await clock.advance(3600_000);
      expect(stateOf(seat)).toEqual(EXPIRED);
      expect(events).toEqual([`lost: ${code}`]);
      expect(network.count('/acquire')).toBe(2);
      await seat.release();
      expect(network.count('/release')).toBe(0);
    },
  );

  test('go on if acquiring anew is answered as only a heartbeat should be', async () => {
    const { network, seat } = await seated();
    const { heartbeat, acquire } = server;
    server.heartbeat = () => problem(404, 'SESSION_NOT_FOUND', { ended: 'expired' });
    server.acquire = server.heartbeat;
    await clock.advance(300_000);
    expect(network.count('/acquire')).toBeGreaterThan(1);
    Object.assign(server, { heartbeat, acquire });
    await clock.advance(120_000);
    expect(stateOf(seat)).toEqual(ONLINE);
  });

  test('measure a clock that was set, also by acquiring anew', async () => {
    server.nowMs = () => Date.UTC(2040, 0) + clock.now().monotonicMs;
    const { network, seat, events } = await graced();
    server.sign = () => problem(502, 'SIGNING_UNAVAILABLE');
    server.heartbeat = () => problem(404, 'SESSION_NOT_FOUND', { ended: 'expired' });
    await clock.shift(10 * DAY_MS);
    await clock.advance(20_000);
    expect(events).toEqual(['reacquired', 'online']);
    network.condition = 'cut';
    await clock.advance(360_000);
    expect(stateOf(seat)).toEqual(IN_GRACE);
  });

  test('go on in grace through an outage longer than the lease and an hour, and acquire anew after it (S2)', async () => {
    const { network, seat, events } = await graced();
    network.condition = 'cut';
    await clock.advance(360_000 + 2 * 3600_000);
    expect(stateOf(seat)).toEqual(IN_GRACE);
    server.heartbeat = () =>
      network.count('/acquire') === 1
        ? problem(404, 'SESSION_NOT_FOUND', { ended: 'unknown' })
        : { status: 200, body: server.heartbeatAnswer() };
    network.condition = 'on';
    await clock.advance(60_000);
    expect(stateOf(seat)).toEqual(ONLINE);
    expect(events).toEqual(['offline', 'reacquired', 'online']);
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
    expect(events).toEqual(['offline', 'lost: expired', 'reacquired', 'online']);
    expect(stateOf(seat)).toEqual(ONLINE);
  });

  test('are sent in time in a hidden browser tab, whose timers fire once a minute, without an understudy', async () => {
    vi.mocked(Math.random).mockReturnValue(0);
    clock.timersEveryMs = 60_000;
    // A heartbeat is then due right after a timer has fired.
    await clock.advance(1_000);
    const platform = testPlatform(server.answer, machine);
    const seat = await clock.until(new Seatlease(KEY, platform).acquire());
    const events: unknown[] = [];
    for (const name of ['offline', 'lost', 'reacquired'] as const) seat.on(name, () => events.push(name));
    // Read right before each timer.
    await clock.advance(58_900);
    for (let minute = 1; minute < 60; minute += 1) {
      expect(stateOf(seat)).toEqual(ONLINE);
      await clock.advance(60_000);
    }
    expect(events).toEqual([]);
    expect(platform.transport.count('/heartbeat')).toBeLessThan(18);
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

  test('that ends in a sleep has no problem: what failed before the last good answer is over', async () => {
    const { seat, network } = await seated();
    network.condition = 'cut';
    await clock.advance(286_000);
    network.condition = 'on';
    await clock.advance(60_000);
    await clock.sleep(3600_000);
    expect(stateOf(seat)).toEqual(EXPIRED);
    expect(seat.problem).toBeUndefined();
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
    // Nothing had failed: no event reports a lost seat.
    expect(events).toEqual(['reacquired', 'online']);
  });

  test.each([
    // The machine's timers stand still while it sleeps.
    ['a sleep', 20_000, () => clock.sleep(3600_000)],
    ['a stop of the program', 0, () => clock.block(3600_000)],
    ['a clock that is set forward', 20_000, () => clock.shift(3600_000)],
  ])('is over at once after %s, and "lost" follows only three failed tries', async (_, untilTryMs, pass) => {
    const { network, seat, events } = await seated();
    network.condition = 'cut';
    await pass();
    expect(stateOf(seat)).toEqual(EXPIRED);
    // Random pauses of 5.5 s.
    await clock.advance(untilTryMs + 2 * 5_500 - 100);
    expect(stateOf(seat)).toEqual(EXPIRED);
    expect(events).toEqual([]);
    await clock.advance(200);
    expect(network.count('/heartbeat')).toBeGreaterThanOrEqual(3);
    expect(events.at(-1)).toBe('lost: expired');
  });

  test('is over at once after a sleep in which it ended, although tries had failed before', async () => {
    const { network, seat, events } = await seated();
    network.condition = 'cut';
    await clock.advance(285_600);
    expect(network.count('/heartbeat')).toBe(2);
    await clock.sleep(3600_000);
    expect(seat.mayRun).toBe(false);
    // One more has failed when the machine has woken up: it counts as the first.
    await clock.advance(1_500);
    expect(network.count('/heartbeat')).toBe(3);
    expect(events).toEqual([]);
    network.condition = 'on';
    await clock.advance(20_000);
    expect(stateOf(seat)).toEqual(ONLINE);
    expect(events).toEqual([]);
  });

  test('is followed by the grace after a sleep, and "offline" follows only three failed tries', async () => {
    const { network, seat, events } = await graced();
    network.condition = 'cut';
    await clock.sleep(3600_000);
    expect(stateOf(seat)).toEqual(IN_GRACE);
    await clock.advance(20_000 + 2 * 5_500 - 100);
    expect(events).toEqual([]);
    await clock.advance(200);
    expect(events).toEqual(['offline']);
  });

  test('is followed by no grace while the clock is set back, and the event says so', async () => {
    const { network, seat, events } = await graced();
    network.condition = 'cut';
    const lost: unknown[] = [];
    seat.on('lost', ({ error }) => lost.push(error?.code));
    await clock.advance(3600_000);
    await clock.shift(-DAY_MS);
    expect(stateOf(seat)).toEqual(EXPIRED);
    await clock.advance(20_000);
    expect([events, lost]).toEqual([['offline', 'lost: CLOCK_ROLLED_BACK'], ['CLOCK_ROLLED_BACK']]);
    await clock.shift(DAY_MS);
    expect(stateOf(seat)).toEqual(IN_GRACE);
    await clock.advance(20_000);
    expect(events.slice(2)).toEqual(['offline']);
  });

  test('ends with the event "lost", which names the latest failure', async () => {
    const { network, seat } = await seated();
    const lost: unknown[] = [];
    seat.on('lost', ({ reason, isFinal, error }) => lost.push(reason, isFinal, error?.code));
    network.condition = 'cut';
    await clock.advance(3600_000);
    expect(lost).toEqual(['expired', false, 'NO_ANSWER']);
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

  test('without an answer leaves the stored license: the seat is taken, and may be used offline', async () => {
    const { seat, network } = await graced();
    network.condition = 'cut';
    await clock.advance(3600_000);
    await clock.until(seat.release());
    expect(machine.files.size).toBe(1);
    expect([seat.offlineUntil, seat.problem]).toEqual([undefined, undefined]);
    network.condition = 'on';
    server.acquire = () => ({ status: 502, body: '<html>' });
    const next = await seated({ publicKeys: { keys: [vendor.jwk] } }, 'process-2');
    expect(stateOf(next.seat)).toEqual(IN_GRACE);
  });

  test('leaves no timer, so that a program can end', async () => {
    const { seat } = await seated();
    await seat.release();
    expect(clock.isIdle).toBe(true);
  });

  test('in a listener ends the heartbeats, too', async () => {
    const { seat, network, events } = await seated();
    seat.on('offline', () => void seat.release());
    network.condition = 'cut';
    await clock.advance(360_000);
    expect([stateOf(seat), events]).toEqual([RELEASED, ['offline']]);
    expect(network.count('/heartbeat')).toBe(3);
    expect(clock.isIdle).toBe(true);
  });

  test('while the seat is acquired again is final: the caller gets another seat', async () => {
    const { seat, seatlease, network } = await seated();
    network.condition = 'cut';
    await clock.advance(3600_000);
    network.condition = 3_000;
    const again = seatlease.acquire();
    await clock.advance(1_000);
    network.condition = 'on';
    await seat.release();
    const other = await clock.until(again);
    expect(other).not.toBe(seat);
    expect([stateOf(seat), stateOf(other)]).toEqual([RELEASED, ONLINE]);
    const before = network.count('/heartbeat');
    await clock.advance(300_000);
    expect(network.count('/heartbeat') - before).toBe(1);
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

  test.each<[string, CannedAnswer]>([
    ['a server error', problem(500, 'INTERNAL')],
    ['the page of a proxy', { status: 200, body: '<html>Welcome</html>' }],
  ])('is retried after %s, after a pause', async (_, answer) => {
    const { seat, network } = await seated();
    server.release = () => (network.count('/release') < 2 ? answer : { status: 204 });
    const beganAtMs = clock.now().monotonicMs;
    await clock.until(seat.release());
    expect(network.count('/release')).toBe(2);
    expect(clock.now().monotonicMs - beganAtMs).toBe(500);
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

  test.each<[string, CannedAnswer | undefined]>([
    ['good', undefined],
    ['that the seat was released', problem(404, 'SESSION_NOT_FOUND', { ended: 'released' })],
    ['that the session has expired', problem(404, 'SESSION_NOT_FOUND', { ended: 'expired' })],
  ])('is final for a pending heartbeat whose answer is %s', async (_, answer) => {
    const { seat, network, understudy, events } = await seated();
    if (answer) server.heartbeat = () => answer;
    network.condition = 5_000;
    await clock.advance(286_000);
    network.condition = 'on';
    await seat.release();
    await clock.advance(10_000);
    await clock.block(3600_000);
    await clock.advance(1);
    expect(stateOf(seat)).toEqual(RELEASED);
    expect(events).toEqual([]);
    expect(understudy.sent).toEqual([]);
    expect(network.sent.at(-1)?.url).toMatch(/\/release$/);
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

describe('a program', () => {
  test('that releases its seat while it acquires anew releases what it is granted', async () => {
    const { network, seat, events } = await seated();
    server.heartbeat = () => {
      network.condition = 3_000;
      return problem(404, 'SESSION_NOT_FOUND', { ended: 'expired' });
    };
    server.acquire = () => ({
      status: 201,
      body: server.grant({ session_token: 'token-of-second-grant' }),
    });
    await clock.advance(285_100);
    expect(network.count('/acquire')).toBe(2);
    network.condition = 'on';
    await clock.until(seat.release());
    // Without a session, there was nothing to release.
    expect(network.count('/release')).toBe(0);
    await clock.advance(3_000);
    const { url, body = '' } = network.sent.at(-1) ?? {};
    expect([url, JSON.parse(body)]).toEqual([
      expect.stringMatching(/\/release$/),
      { session_id: SESSION, session_token: 'token-of-second-grant' },
    ]);
    expect(stateOf(seat)).toEqual(RELEASED);
    expect(events).toEqual([]);
  });

  test('that has lost its seat permanently leaves no release for its end', async () => {
    const { platform } = await seated();
    const exits = [...platform.atEnd];
    server.heartbeat = () => problem(404, 'SESSION_NOT_FOUND', { ended: 'evicted' });
    await clock.advance(286_000);
    expect(exits.map((exit) => exit.afterwards())).toEqual([undefined]);
  });

  test('reads the lease from the later request, whichever is answered first', async () => {
    const { seat, network, understudy } = await seated();
    server.heartbeat = () => ({ status: 200, body: server.heartbeatAnswer({ session_token: 'later' }) });
    network.condition = 9_000;
    await clock.advance(285_000);
    expect(network.count('/heartbeat')).toBe(1);
    network.condition = 'on';
    server.heartbeat = () => ({ status: 200, body: server.heartbeatAnswer({ session_token: 'latest' }) });
    // Blocked until after the understudy's request: the answer to the earlier one is read after it.
    await clock.block(30_000);
    expect(understudy.sent.length).toBe(1);
    expect(stateOf(seat)).toEqual(ONLINE);
    await clock.advance(265_000);
    expect(network.count('/heartbeat')).toBe(1);
    await clock.advance(25_000);
    const { body = '' } = network.sent.findLast(({ url }) => url.endsWith('/heartbeat')) ?? {};
    expect(network.count('/heartbeat')).toBe(2);
    expect(JSON.parse(body).session_token).toBe('latest');
    expect(stateOf(seat)).toEqual(ONLINE);
  });
});

describe('a program that starts after a crash, with a stored license,', () => {
  const UNANSWERED = { status: 502, body: '<html>Bad Gateway</html>' };
  const starting = () =>
    seated({ publicKeys: { keys: [vendor.jwk] } }, 'process-2').then(
      ({ seat }) => seat.state,
      ({ code }) => code,
    );
  async function crashed(...answers: CannedAnswer[]) {
    await graced();
    clock.dropTimers();
    const good = server.acquire;
    server.acquire = (...call) => answers.shift() ?? good(...call);
  }

  test('asks twice before it uses it', async () => {
    await crashed(UNANSWERED);
    expect(await starting()).toBe('online');
  });

  test('uses it after two tries without an answer', async () => {
    await crashed(UNANSWERED, UNANSWERED);
    expect(await starting()).toBe('offline');
  });

  test('reports to the server since when it runs offline, once', async () => {
    await crashed(UNANSWERED, UNANSWERED);
    const sinceMs = server.nowMs();
    const { network } = await seated({ publicKeys: { keys: [vendor.jwk] } }, 'process-2');
    await clock.advance(1_500);
    const { body = '' } = network.sent.findLast(({ url }) => url.endsWith('/acquire')) ?? {};
    const sinceOf = (text: string) => Date.parse(JSON.parse(text).offline_since);
    expect(Math.abs(sinceOf(body) - sinceMs)).toBeLessThan(5_000);
    clock.dropTimers();
    const next = await seated({ publicKeys: { keys: [vendor.jwk] } }, 'process-3');
    expect(sinceOf(next.network.sent[0]?.body ?? '')).toBeNaN();
  });

  test('is offline without an event, and online with one when the server answers', async () => {
    await crashed(UNANSWERED, UNANSWERED);
    const { seat, events } = await seated({ publicKeys: { keys: [vendor.jwk] } }, 'process-2');
    expect([seat.state, events]).toEqual(['offline', []]);
    await clock.advance(1_500);
    expect([seat.state, events]).toEqual(['online', ['online']]);
  });

  test('keeps it if only a loan is refused', async () => {
    await crashed();
    server.acquire = () => problem(403, 'BORROW_NOT_ALLOWED', { max_days: 0 });
    const platform = testPlatform(server.answer, machine);
    const seatlease = new Seatlease({ ...KEY, publicKeys: vendor.pem }, platform);
    await expect(seatlease.acquire({ borrowDays: 3 })).rejects.toMatchObject({ code: 'BORROW_NOT_ALLOWED' });
    server.acquire = () => UNANSWERED;
    expect(await starting()).toBe('offline');
  });

  test('reads it with a seal whose key derives from license key and fingerprint', async () => {
    await graced();
    const { content, seal } = JSON.parse([...machine.files.values()].join(''));
    const secret = JSON.stringify([KEY.licenseKey, 'fingerprint of laptop']);
    const hmac = createHmac('sha256', `seatlease offline license ${secret}`).update(content);
    expect(hmac.digest('hex')).toBe(seal);
  });

  test('does not use it if the clock was set back to before what the earlier program had seen', async () => {
    await graced();
    await clock.advance(3 * 3600_000);
    clock.dropTimers();
    server.acquire = () => UNANSWERED;
    await clock.shift(-2 * 3600_000);
    expect(await starting()).toBe('CLOCK_ROLLED_BACK');
    await clock.shift(2 * 3600_000);
    expect(await starting()).toBe('offline');
  });

  test('never starts with it after a refusal, and deletes it', async () => {
    await crashed(UNANSWERED, problem(401, 'CREDENTIALS_INVALID'), ...Array(4).fill(UNANSWERED));
    expect(await starting()).toBe('CREDENTIALS_INVALID');
    expect(await starting()).toBe('NO_ANSWER');
  });
});

test('a risk for the grace is reported once, not for each seat', async () => {
  server.acquire = () => ({ status: 201, body: server.grant({ offline_grace_days: 7 }) });
  server.sign = () => problem(409, 'SIGNED_LIMIT');
  const seatlease = new Seatlease({ ...KEY, publicKeys: vendor.pem }, testPlatform(server.answer, machine));
  const risks: unknown[] = [];
  seatlease.on('graceAtRisk', ({ error }) => risks.push(error.code));
  for (let n = 0; n < 2; n += 1) {
    const seat = await clock.until(seatlease.acquire());
    await clock.advance(1);
    await seat.release();
  }
  expect(risks).toEqual(['SIGNED_LIMIT']);
});

describe('an understudy', () => {
  test('sends nothing while the event loop is free', async () => {
    const { network, understudy, events } = await seated();
    await clock.advance(DAY_MS);
    expect(understudy.sent).toEqual([]);
    expect(network.count('/heartbeat')).toBe(Math.floor(DAY_MS / 285_000));
    expect(events).toEqual([]);
  });

  test('keeps the seat of a blocked program, which sees that in every read (S18)', async () => {
    const { network, understudy, seat, events } = await seated();
    await clock.block(3400_000);
    expect(understudy.sent.length).toBeGreaterThanOrEqual(11);
    expect(stateOf(seat)).toEqual(ONLINE);
    expect(network.count('/heartbeat')).toBe(0);
    await clock.advance(1);
    // Its last answer counts: the program does not ask again before the next heartbeat is due.
    expect(network.count('/heartbeat')).toBe(0);
    expect(events).toEqual([]);
    await clock.advance(3600_000);
    expect(stateOf(seat)).toEqual(ONLINE);
    expect(understudy.sent.length).toBeLessThan(13);
    expect(events).toEqual([]);
  });

  test('keeps the seat of a blocked program that only listens', async () => {
    const { network, events } = await seated();
    await clock.block(3400_000);
    await clock.advance(1);
    expect(events).toEqual([]);
    expect(network.count('/heartbeat')).toBe(0);
  });

  test('takes over while an answer is under way', async () => {
    const { network, seat, understudy, events } = await seated();
    network.condition = 'hung';
    await clock.advance(285_100);
    expect(network.count('/heartbeat')).toBe(1);
    network.condition = 'on';
    await clock.block(3600_000);
    expect(understudy.sent.length).toBeGreaterThan(10);
    expect(stateOf(seat)).toEqual(ONLINE);
    await clock.advance(10_000);
    // The old request has timed out meanwhile: it is no failed try.
    expect(stateOf(seat)).toEqual(ONLINE);
    expect(seat.problem).toBeUndefined();
    expect(events).toEqual([]);
  });

  test('sends nothing while a try that began late is pending', async () => {
    const { network, understudy } = await seated();
    await clock.advance(284_000);
    network.condition = 'hung';
    await clock.block(11_000);
    await clock.advance(9_800);
    expect(network.count('/heartbeat')).toBe(1);
    expect(understudy.sent).toEqual([]);
  });

  test('counts the lease from its sending', async () => {
    const { seat } = await seated();
    const sentAtMs = 285_000 + 19_400;
    await clock.block(sentAtMs + 1);
    expect(seat.holdsLease).toBe(true);
    server.heartbeat = () => problem(503, 'SEATS_UNAVAILABLE');
    await clock.block(USABLE_LEASE_MS - 2);
    expect(seat.holdsLease).toBe(true);
    await clock.block(2);
    expect(stateOf(seat)).toEqual(EXPIRED);
  });

  test('gets a refusal that ends the seat for the blocked program at once, and its listeners later', async () => {
    const { seat, events } = await seated();
    server.heartbeat = () => problem(404, 'SESSION_NOT_FOUND', { ended: 'evicted' });
    await clock.block(310_000);
    expect(events).toEqual([]);
    expect(stateOf(seat)).toEqual(EXPIRED);
    expect(events).toEqual([]);
    await clock.advance(1);
    expect(events).toEqual(['lost: SESSION_NOT_FOUND']);
  });

  test('gets an answer that the session has expired, and the program acquires anew when it can', async () => {
    const { network, seat, events } = await seated();
    server.heartbeat = () => problem(404, 'SESSION_NOT_FOUND', { ended: 'expired' });
    await clock.block(310_000);
    expect(seat.holdsLease).toBe(true);
    await clock.advance(1);
    expect(network.count('/acquire')).toBe(2);
    expect(stateOf(seat)).toEqual(ONLINE);
    expect(events).toEqual(['reacquired', 'online']);
  });

  test('is no try if nothing answers it', async () => {
    const { network, seat, events } = await seated();
    network.condition = 'cut';
    await clock.block(340_000);
    expect(stateOf(seat)).toEqual(ONLINE);
    network.condition = 'on';
    await clock.advance(1);
    expect(network.count('/heartbeat')).toBe(1);
    expect(stateOf(seat)).toEqual(ONLINE);
    expect(events).toEqual([]);
  });

  test('gets an answer that is too old after a sleep, because its lease has ended', async () => {
    const { seat, understudy } = await seated();
    await clock.block(310_000);
    expect(understudy.sent.length).toBe(1);
    // The monotonic clock stands still meanwhile.
    await clock.sleep(USABLE_LEASE_MS);
    expect(stateOf(seat)).toEqual(EXPIRED);
  });

  test('leaves it to the program to replace an access token that has ended', async () => {
    let token = 'token-1';
    const signIn = {
      accessToken: async (refused?: string) => (token = refused === undefined ? token : 'token-2'),
    };
    server.heartbeat = ({ headers }) =>
      headers.authorization === 'Bearer token-1'
        ? problem(401, 'CREDENTIALS_INVALID')
        : { status: 200, body: server.heartbeatAnswer() };
    const { seat, understudy, events } = await seated({ licenseKey: undefined, signIn, licenseId: LICENSE });
    await clock.block(310_000);
    expect(understudy.sent.length).toBe(1);
    expect(stateOf(seat)).toEqual(ONLINE);
    await clock.advance(1_000);
    expect(stateOf(seat)).toEqual(ONLINE);
    expect(events).toEqual([]);
  });

  test('sends nothing more after the release', async () => {
    const { seat, understudy } = await seated();
    await clock.until(seat.release());
    await clock.block(3600_000);
    expect(understudy.sent).toEqual([]);
    expect(understudy.isStopped).toBe(true);
  });

  test('is not opened for a borrowed seat', async () => {
    server.sign = () => signed(2);
    server.acquire = () => ({ status: 201, body: server.loan(2) });
    const understudy = vi.fn(() => new TestUnderstudy(clock, server.answer));
    const platform = testPlatform(server.answer, machine, 'process-1', { understudy });
    const seatlease = new Seatlease({ ...KEY, publicKeys: vendor.pem }, platform);
    await clock.until(seatlease.acquire({ borrowDays: 2 }));
    await clock.advance(2 * 3600_000);
    expect(understudy).not.toHaveBeenCalled();
  });

  test('does not end a seat by an answer about an earlier session', async () => {
    const { seat, understudy } = await seated();
    const request = {
      method: 'PUT',
      url: `${KEY.url}/api/v1/licenses/heartbeat`,
      headers: {},
      body: JSON.stringify({ session_id: 'ses_07_aaaaaaaaaaaaaaaa_old', session_token: 'old' }),
    } as const;
    const { status, body } = problem(404, 'SESSION_NOT_FOUND', { ended: 'evicted' });
    const response = { status, header: () => undefined, body: JSON.stringify(body) };
    vi.spyOn(understudy, 'drain').mockReturnValueOnce([{ request, sentAt: clock.now(), response }]);
    expect(stateOf(seat)).toEqual(ONLINE);
  });

  test('is opened once for a seat', async () => {
    const understudy = vi.fn(() => new TestUnderstudy(clock, server.answer));
    const platform = testPlatform(server.answer, machine, 'process-1', { understudy });
    await clock.until(new Seatlease(KEY, platform).acquire());
    await clock.advance(3600_000);
    expect(understudy).toHaveBeenCalledOnce();
  });

  test('stops with the seat, and sends nothing for a borrowed one', async () => {
    server.sign = () => signed(2);
    server.acquire = (_, { borrow_days }) => ({
      status: 200,
      body: borrow_days ? server.loan(Number(borrow_days)) : server.grant(),
    });
    const { understudy, seat, seatlease } = await seated({ publicKeys: vendor.pem });
    await clock.until(seatlease.acquire({ borrowDays: 2 }));
    await clock.block(3600_000);
    expect(understudy.sent).toEqual([]);
    await seat.release();
    expect(understudy.isStopped).toBe(true);
  });
});

describe('what the license gives', () => {
  const entitlements = { plan: 'pro', features: ['export', 'ai'], limits: { projects: 5 }, version: 3 };

  test('is in the seat, from the grant and from heartbeats (S15)', async () => {
    server.acquire = () => ({ status: 201, body: server.grant({ entitlements }) });
    const { seat } = await seated();
    expect(seat).toMatchObject({ plan: 'pro', features: ['export', 'ai'], limits: { projects: 5 } });
    expect([seat.has('ai'), seat.has('constructor')]).toEqual([true, false]);
    await clock.advance(300_000);
    expect(seat.plan).toBe('pro');
    const changed = { plan: 'team', features: ['sso'], limits: {} };
    server.heartbeat = () => ({ status: 200, body: server.heartbeatAnswer({ entitlements: changed }) });
    await clock.advance(300_000);
    expect(seat).toMatchObject(changed);
  });

  test.each<[string, unknown]>([
    ['nothing', undefined],
    ['null', null],
    ['values of other types', { plan: 7, features: 'all', limits: [], version: 'x' }],
  ])('is empty if the server sends %s', async (_, wrong) => {
    server.acquire = () => ({ status: 201, body: server.grant({ entitlements: wrong }) });
    const { seat } = await seated();
    expect(seat).toMatchObject({ plan: undefined, features: [], limits: {} });
  });

  test('keeps what this version understands', async () => {
    const newer = { plan: 'galaxy', features: ['a', 7, 'b'], limits: { n: 1, m: 'many' }, more: {} };
    server.acquire = () => ({ status: 201, body: server.grant({ entitlements: newer }) });
    const { seat } = await seated();
    expect(seat).toMatchObject({ plan: 'galaxy', features: ['a', 'b'], limits: { n: 1 } });
  });
});

test('console.log and JSON show the seat and no token', async () => {
  const { seat, network } = await seated();
  const shown = inspect(seat);
  for (const name of [
    'sessionId',
    'licenseId',
    'plan',
    'features',
    'limits',
    'offlineUntil',
    'borrowedUntil',
  ])
    expect(shown).toContain(name);
  expect(shown).toContain("state: 'online'");
  expect(shown + JSON.stringify(seat)).not.toContain('token');
  expect(JSON.parse(JSON.stringify(seat))).toMatchObject({
    sessionId: SESSION,
    state: 'online',
    mayRun: true,
  });
  network.condition = 'cut';
  await clock.advance(3600_000);
  expect(JSON.parse(JSON.stringify(seat))).toMatchObject({
    state: 'expired',
    problem: { code: 'NO_ANSWER' },
  });
});

test('a Retry-After past the end of the lease does not put off the event lost', async () => {
  const { events } = await seated();
  const headers = { 'retry-after': '86400' };
  server.heartbeat = () => ({ status: 503, body: '<html>', headers });
  await clock.advance(360_000);
  await clock.advance(30_000);
  expect(events.at(-1)).toBe('lost: expired');
});

describe('a borrowed seat', () => {
  beforeEach(() => {
    server.acquire = (_, { borrow_days }) => ({ status: 201, body: server.loan(Number(borrow_days ?? 3)) });
    const borrowedAtMs = server.nowMs();
    server.sign = () => signed(3, borrowedAtMs);
  });

  async function borrowed() {
    const platform = testPlatform(server.answer, machine);
    const seatlease = new Seatlease({ ...KEY, publicKeys: vendor.pem }, platform);
    const seat = await clock.until(seatlease.acquire({ borrowDays: 3 }));
    return { platform, network: platform.transport, seatlease, seat };
  }

  /** The next program, after the end of the others. */
  function restarted() {
    machine = powerCut(machine);
    const platform = testPlatform(server.answer, machine);
    const seatlease = new Seatlease({ ...KEY, publicKeys: vendor.pem }, platform);
    return { network: platform.transport, seatlease };
  }

  test('is used by the next program with the server, which takes no other seat', async () => {
    const { seat } = await borrowed();
    const { seatlease, network } = restarted();
    const next = await seatlease.acquire();
    expect(stateOf(next)).toEqual(ONLINE);
    expect(next).toMatchObject({ sessionId: SESSION, borrowedUntil: seat.offlineUntil });
    expect(JSON.parse(network.sent[0]?.body ?? '')).toEqual({ session_id: SESSION });
    expect([network.count('/heartbeat'), network.count('/acquire')]).toEqual([1, 0]);
  });

  test('is used by the next program without the server, and extended with it', async () => {
    const { seat } = await borrowed();
    const { seatlease, network } = restarted();
    network.condition = 'cut';
    const next = await clock.until(seatlease.acquire());
    expect(stateOf(next)).toEqual(IN_GRACE);
    expect(next).toMatchObject({ sessionId: SESSION, borrowedUntil: seat.offlineUntil });
    network.condition = 'on';
    await clock.advance(10_000);
    expect(stateOf(next)).toEqual(ONLINE);
    expect(network.count('/acquire')).toBe(0);
  });

  test('whose license cannot be verified does not stop a program that has the server', async () => {
    await borrowed();
    machine = powerCut(machine);
    const publicKeys = (await testVendor()).pem;
    server.acquire = () => ({ status: 201, body: server.grant() });
    const seat = await new Seatlease({ ...KEY, publicKeys }, testPlatform(server.answer, machine)).acquire();
    expect(stateOf(seat)).toEqual(ONLINE);
    expect(seat.borrowedUntil).toBeUndefined();
  });

  test('that started without the server can be released with it', async () => {
    await borrowed();
    const { seatlease, network } = restarted();
    network.condition = 'cut';
    const seat = await clock.until(seatlease.acquire());
    network.condition = 'on';
    await clock.until(seat.release());
    expect(JSON.parse(network.sent.at(-1)?.body ?? '')).toEqual({ session_id: SESSION });
    expect(network.count('/release')).toBe(1);
    expect(machine.files.size).toBe(0);
  });

  test('does not start after its loan has ended, and another seat is acquired with the server', async () => {
    await borrowed();
    const { seatlease, network } = restarted();
    await clock.advance(3 * DAY_MS);
    network.condition = 'cut';
    await expect(clock.until(seatlease.acquire())).rejects.toMatchObject({ code: 'OFFLINE_LICENSE_EXPIRED' });
    network.condition = 'on';
    server.heartbeat = () => problem(404, 'SESSION_NOT_FOUND', { ended: 'expired' });
    server.acquire = () => ({ status: 201, body: server.grant() });
    expect((await clock.until(seatlease.acquire())).borrowedUntil).toBeUndefined();
    expect(machine.files.size).toBe(0);
  });

  test('is returned by returnLoan() of a later program, which takes no seat', async () => {
    await borrowed();
    const { seatlease, network } = restarted();
    expect(await clock.until(seatlease.returnLoan())).toMatchObject({
      sessionId: SESSION,
      licenseId: LICENSE,
    });
    expect(network.sent.map(({ url, body = '' }) => [url, JSON.parse(body)])).toEqual([
      [expect.stringMatching(/\/release$/), { session_id: SESSION }],
    ]);
    expect(machine.files.size).toBe(0);
    expect(await seatlease.returnLoan()).toBeUndefined();
    expect(network.sent).toHaveLength(1);
  });

  test('stays borrowed if the server does not confirm its return', async () => {
    const holder = await borrowed();
    holder.network.condition = 'cut';
    await expect(clock.until(holder.seatlease.returnLoan())).rejects.toMatchObject({ code: 'NO_ANSWER' });
    const { seatlease, network } = restarted();
    network.condition = 'cut';
    await expect(clock.until(seatlease.returnLoan())).rejects.toMatchObject({ code: 'NO_ANSWER' });
    network.condition = 'on';
    expect(await clock.until(seatlease.returnLoan())).toMatchObject({ sessionId: SESSION });
  });

  test('is the only seat that returnLoan() ends', async () => {
    const { seatlease, seat } = await borrowed();
    expect(await clock.until(seatlease.returnLoan())).toBe(seat);
    expect(stateOf(seat)).toEqual(RELEASED);
    server.acquire = () => ({ status: 201, body: server.grant() });
    const other = await clock.until(seatlease.acquire());
    expect(await seatlease.returnLoan()).toBeUndefined();
    expect(stateOf(other)).toEqual(ONLINE);
  });

  test.each([
    ['is not signed', false],
    ['is not signed, while the file of an earlier one was changed', true],
  ])('that %s is released again, and acquire throws the reason', async (_, isChanged) => {
    if (isChanged) {
      await borrowed();
      for (const name of machine.files.keys()) machine.files.set(name, 'changed');
    }
    server.sign = () => problem(409, 'SIGNED_LIMIT');
    const { seatlease, network } = restarted();
    await expect(clock.until(seatlease.acquire({ borrowDays: 3 }))).rejects.toMatchObject({
      code: 'SIGNED_LIMIT',
    });
    expect(network.count('/release')).toBe(1);
    expect(machine.files.size).toBe(0);
  });

  test('that is borrowed for longer stays if it is not signed again, and an event says so', async () => {
    const { seat } = await borrowed();
    server.sign = () => problem(409, 'SIGNED_LIMIT');
    const { seatlease, network } = restarted();
    const risks: unknown[] = [];
    seatlease.on('graceAtRisk', ({ error, offlineUntil }) => risks.push(error.code, offlineUntil));
    const next = await clock.until(seatlease.acquire({ borrowDays: 5 }));
    expect(next.sessionId).toBe(seat.sessionId);
    expect(risks).toEqual(['SIGNED_LIMIT', next.offlineUntil]);
    expect(network.count('/release')).toBe(0);
    expect(machine.files.size).toBe(1);
  });

  test('is signed again, after a pause, if there was no answer', async () => {
    const sentAtMs: number[] = [];
    const { sign } = server;
    server.sign = (...call) => {
      sentAtMs.push(clock.now().wallMs);
      return sentAtMs.length === 1 ? { status: 502, body: '<html>' } : sign(...call);
    };
    const { seat, network } = await borrowed();
    const [first = 0, second = 0] = sentAtMs;
    expect(second - first).toBe(500);
    // It is not acquired again.
    expect([network.count('/acquire'), network.count('/release')]).toEqual([1, 0]);
    expect(seat.offlineUntil).toBeInstanceOf(Date);
  });

  test('asks once an hour, is not released at the program’s end, and ends with its loan', async () => {
    const { seat, network, platform } = await borrowed();
    expect(seat.borrowedUntil).toBeInstanceOf(Date);
    expect(platform.atEnd.size).toBe(0);
    const endMs = server.nowMs() + 3 * DAY_MS;
    const expires_at = new Date(endMs).toISOString();
    server.heartbeat = () => {
      const ttl_extended_to = (endMs - server.nowMs()) / 1000;
      return { status: 200, body: server.heartbeatAnswer({ ttl_extended_to, expires_at }) };
    };
    await clock.advance(2.9 * DAY_MS);
    expect(stateOf(seat)).toEqual(ONLINE);
    expect(network.count('/heartbeat')).toBe(69);
    await clock.advance(0.1 * DAY_MS + 2_000);
    expect(stateOf(seat)).toEqual(EXPIRED);
  });

  test.each(['released', 'evicted'])('that is %s elsewhere is lost within an hour', async (ended) => {
    const { seat } = await borrowed();
    const lost: unknown[] = [];
    seat.on('lost', ({ reason, isFinal }) => lost.push(reason, isFinal));
    server.heartbeat = () => problem(404, 'SESSION_NOT_FOUND', { ended });
    await clock.advance(59 * 60_000);
    expect(stateOf(seat)).toEqual(ONLINE);
    await clock.advance(2 * 60_000);
    expect([stateOf(seat), lost]).toEqual([EXPIRED, ['SESSION_NOT_FOUND', true]]);
    expect(machine.files.size).toBe(0);
  });

  test('runs on until its end without the server', async () => {
    const { seat, network } = await borrowed();
    network.condition = 'cut';
    await clock.advance(2.9 * DAY_MS);
    expect(seat.mayRun).toBe(true);
    await clock.advance(0.2 * DAY_MS);
    expect(seat.mayRun).toBe(false);
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
    const { seatlease, seat, network, platform } = await seated({ publicKeys: vendor.pem });
    await clock.advance(100_000);
    expect(await clock.until(seatlease.acquire({ borrowDays: 2 }))).toBe(seat);
    expect(platform.atEnd.size).toBe(0);
    await clock.advance(3_500_000);
    expect(network.count('/heartbeat')).toBe(0);
    expect(stateOf(seat)).toEqual(ONLINE);
  });

  test('ends the session with heartbeats that it replaces', async () => {
    const session_id = `${SESSION.slice(0, -4)}loan`;
    server.acquire = (_, { borrow_days }) => ({
      status: 200,
      body: borrow_days ? { ...server.loan(Number(borrow_days)), session_id } : server.grant(),
    });
    const { seatlease, seat, network } = await seated({ publicKeys: vendor.pem });
    await clock.until(seatlease.acquire({ borrowDays: 2 }));
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
    const { seatlease, network } = await seated({ publicKeys: vendor.pem });
    network.condition = 9_000;
    await clock.advance(286_000);
    network.condition = 'on';
    await clock.until(seatlease.acquire({ borrowDays: 2 }));
    await clock.advance(3_500_000);
    expect(network.count('/heartbeat')).toBe(1);
  });

  test('is granted although another call of the program is refused meanwhile', async () => {
    server.acquire = (_, { borrow_days }) =>
      borrow_days
        ? { status: 201, body: server.loan(Number(borrow_days)) }
        : problem(403, 'LICENSE_SUSPENDED');
    const seatlease = new Seatlease({ ...KEY, publicKeys: vendor.pem }, testPlatform(server.answer, machine));
    const [refused, loan] = await clock.until(
      Promise.allSettled([seatlease.acquire(), seatlease.acquire({ borrowDays: 3 })]),
    );
    expect(refused).toMatchObject({ reason: { code: 'LICENSE_SUSPENDED' } });
    expect(loan).toMatchObject({ value: { state: 'online' } });
  });

  test('that is refused leaves the held seat unchanged', async () => {
    server.acquire = (_, { borrow_days }) =>
      borrow_days
        ? problem(403, 'BORROW_NOT_ALLOWED', { max_days: 0 })
        : { status: 200, body: server.grant() };
    const { seatlease, seat, network } = await seated({ publicKeys: vendor.pem });
    await expect(seatlease.acquire({ borrowDays: 2 })).rejects.toMatchObject({ code: 'BORROW_NOT_ALLOWED' });
    await clock.advance(300_000);
    expect(network.count('/heartbeat')).toBe(1);
    expect(stateOf(seat)).toEqual(ONLINE);
  });
});
