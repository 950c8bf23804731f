import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { Seatlease } from './client.ts';
import { SeatleaseError } from './errors.ts';
import type { SeatleaseOptions } from './options.ts';
import { CannedServer, problem, SESSION } from './testing/canned.ts';
import { TestClock } from './testing/clock.ts';
import { type TestMachine, type TestPlatform, testMachine, testPlatform } from './testing/platform.ts';

const KEY = { url: 'https://licenses.example.com', licenseKey: 'slk_07_aaaaaaaaaaaaaaaa_secret' };

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

function program(options: Partial<SeatleaseOptions> = {}, processId = 'process-1') {
  const platform: TestPlatform = testPlatform(server.answer, machine, processId);
  const seatlease = new Seatlease({ ...KEY, ...options }, platform);
  const events: string[] = [];
  for (const name of ['granted', 'denied', 'revived', 'lost', 'offline', 'online'] as const) {
    seatlease.on(name, (event) => void events.push('reason' in event ? `${name}: ${event.reason}` : name));
  }
  return { platform, network: platform.transport, seatlease, events };
}

/** The error code that `promise` rejects with, or another rejection reason. */
const failure = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => 'no failure',
    (thrown: unknown) => (thrown instanceof SeatleaseError ? thrown.code : thrown),
  );

describe('acquiring', () => {
  test('sends one request for concurrent calls and returns the same seat to all of them', async () => {
    const { seatlease, network, events } = program();
    const seats = await Promise.all([
      seatlease.acquire(),
      seatlease.acquire(),
      seatlease.acquire({ wait: true }),
    ]);
    expect(new Set(seats).size).toBe(1);
    expect(await seatlease.acquire()).toBe(seats[0]);
    expect(network.count('/acquire')).toBe(1);
    expect(events).toEqual(['granted']);
    expect(seats[0]).toMatchObject({ sessionId: SESSION, state: 'online', mayRun: true, holdsLease: true });
  });

  test('sends the machine, and the user and version that the app passes', async () => {
    const { seatlease, network } = program({ userId: 'ada', appVersion: '2.1' });
    await seatlease.acquire({ borrowDays: 2 });
    const [request] = network.sent;
    expect(request).toMatchObject({ method: 'POST', url: `${KEY.url}/api/v1/licenses/acquire` });
    expect(request?.headers).toMatchObject({
      authorization: 'License slk_07_aaaaaaaaaaaaaaaa_secret',
      'content-type': 'application/json',
    });
    expect(JSON.parse(request?.body ?? '')).toEqual({
      fingerprint: 'fingerprint of laptop',
      instance_id: expect.stringMatching(/^[\w-]{36}$/),
      process_id: 'process-1',
      user_id: 'ada',
      hostname: 'laptop',
      app_version: '2.1',
      borrow_days: 2,
    });
  });

  test.each([
    ['a server error', problem(500, 'INTERNAL')],
    ['a rate limit', problem(429, 'RATE_LIMITED')],
    ['the error page of a proxy', { status: 502, body: '<html>Bad gateway</html>' }],
    ['the refusal of another server', { status: 403, body: '<html>Pay for the Wi-Fi</html>' }],
    ["Google's 429 while no instance is free", { status: 429, body: '<html>Rate exceeded.</html>' }],
    ["Google's 503", { status: 503, body: '<html>Service Unavailable</html>' }],
    ["Hosting's 504 after a minute", { status: 504, body: 'Timed out waiting for function to respond.' }],
    ['a redirect', { status: 302, headers: { location: 'https://elsewhere.example' } }],
  ])('retries after %s', async (_, answer) => {
    const { seatlease, network } = program();
    server.acquire = () => (network.count('/acquire') < 3 ? answer : { status: 201, body: server.grant() });
    expect((await clock.until(seatlease.acquire())).state).toBe('online');
    expect(network.count('/acquire')).toBe(3);
  });

  test.each<[string, unknown]>([
    ['nothing', ''],
    ['a page', '<html>Welcome</html>'],
    ['half a grant', '{"session_id": "ses_07_aaaa'],
    ['a list', []],
    ['null', 'null'],
    ...Object.entries({
      session_id: [7, ''],
      session_token: [null, undefined],
      license_id: [{}],
      ttl: [-1, 1e9, '360', Number.NaN, 36.5, undefined, 359 * 1000],
      heartbeat_interval: [-300, '300', 3],
      expires_at: ['soon', 0, '2040-01-01T00:00:00Z'],
      next_heartbeat_due: [undefined, '1999-01-01T00:00:00Z'],
      offline_grace_days: ['7'],
      borrowed_until: ['later'],
    }).flatMap(([field, values]) =>
      values.map((value): [string, unknown] => [`${field} ${JSON.stringify(value)}`, { [field]: value }]),
    ),
  ])('rejects an answer of %s', async (_, wrong) => {
    const { seatlease, network, events } = program();
    const isChange = typeof wrong === 'object' && !Array.isArray(wrong);
    server.acquire = () => ({ status: 200, body: isChange ? server.grant({ ...wrong }) : wrong });
    expect(await clock.until(failure(seatlease.acquire()))).toBe('NO_ANSWER');
    expect(network.count('/acquire')).toBe(4);
    expect(events).toEqual([]);
  });

  test('rejects an answer to another request', async () => {
    const { seatlease } = program();
    server.acquire = () => ({ status: 201, body: server.grant(), headers: { 'x-request-id': 'another' } });
    expect(await clock.until(failure(seatlease.acquire()))).toBe('NO_ANSWER');
  });

  test('rejects a seat of another license', async () => {
    const { seatlease } = program({ licenseId: 'lic_07_other' });
    expect(await clock.until(failure(seatlease.acquire()))).toBe('NO_ANSWER');
  });

  test('throws a refusal with the server’s code and numbers, emits "denied" and does not retry', async () => {
    const { seatlease, network, events } = program();
    server.acquire = () => problem(409, 'SEATS_EXHAUSTED', { active: 3, max: 3, retry_after: 40 });
    const error = await seatlease.acquire().catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({
      code: 'SEATS_EXHAUSTED',
      status: 409,
      retryAfterSeconds: 40,
      requestId: 'req_1',
    });
    expect(error).toMatchObject({ members: { active: 3, max: 3 } });
    expect(network.sent).toHaveLength(1);
    expect(events).toEqual(['denied']);
  });

  test('sends a new instance_id for each seat, and the same one in every retry', async () => {
    const { seatlease, network } = program();
    const instances = () => network.sent.flatMap(({ body = '' }) => JSON.parse(body).instance_id ?? []);
    network.condition = 'cut';
    await clock.until(failure(seatlease.acquire()));
    server.acquire = () => problem(409, 'SEATS_EXHAUSTED', { active: 3, max: 3, retry_after: 40 });
    network.condition = 'on';
    await failure(seatlease.acquire());
    server.acquire = () => ({ status: 201, body: server.grant() });
    const seat = await seatlease.acquire();
    const first = instances();
    expect(first.length).toBeGreaterThan(5);
    expect(new Set(first).size).toBe(1);
    await seat.release();
    await seatlease.acquire();
    expect(new Set(instances()).size).toBe(2);
  });

  test('acquires with a new instance_id if the session of the old one has ended', async () => {
    const { seatlease, network } = program();
    server.acquire = () =>
      network.count('/acquire') === 1
        ? problem(409, 'SESSION_ENDED', { ended: 'evicted' })
        : { status: 201, body: server.grant() };
    expect((await seatlease.acquire()).state).toBe('online');
    const [first, second] = network.sent.map(({ body = '' }) => JSON.parse(body).instance_id);
    expect(first).not.toBe(second);
  });

  test('replaces a rejected access token once, and then accepts the refusal', async () => {
    const refusedTokens: (string | undefined)[] = [];
    const accessToken = async (refused?: string): Promise<string> => {
      refusedTokens.push(refused);
      return refused ? 'fresh' : 'stale';
    };
    const { seatlease, network } = program({
      licenseKey: undefined,
      signIn: { accessToken },
      licenseId: 'lic_07_aaaaaaaaaaaaaaaa',
    });
    server.acquire = ({ headers }) =>
      headers.authorization === 'Bearer fresh'
        ? { status: 201, body: server.grant() }
        : problem(401, 'CREDENTIALS_INVALID');
    await seatlease.acquire();
    expect(refusedTokens).toEqual([undefined, 'stale']);
    server.heartbeat = () => problem(401, 'CREDENTIALS_INVALID');
    await clock.advance(300_000);
    expect(refusedTokens).toEqual([undefined, 'stale', undefined, 'stale']);
    expect(network.count('/heartbeat')).toBe(2);
    expect((await seatlease.acquire()).state).toBe('online');
  });
});

describe('waiting for a seat', () => {
  const full = (retry_after: number) => problem(409, 'SEATS_EXHAUSTED', { active: 3, max: 3, retry_after });

  test('retries when the server says that a seat may be free, not earlier and at most a tenth later', async () => {
    const { seatlease, network, events } = program();
    server.acquire = () => (network.count('/acquire') < 3 ? full(40) : { status: 201, body: server.grant() });
    const waiting = seatlease.acquire({ wait: true });
    await clock.advance(39_999);
    expect(network.count('/acquire')).toBe(1);
    await clock.advance(4_002);
    expect(network.count('/acquire')).toBe(2);
    expect((await clock.until(waiting)).state).toBe('online');
    expect(events).toEqual(['denied', 'denied', 'granted']);
  });

  test('retries once a minute if leases are longer, because a seat may be released', async () => {
    const { seatlease, network } = program();
    server.acquire = () => full(86_400);
    const waiting = seatlease.acquire({ wait: { atMostSeconds: 600 } });
    const code = failure(waiting);
    await clock.advance(599_000);
    expect(network.count('/acquire')).toBe(10);
    await clock.advance(2_000);
    expect(await code).toBe('SEATS_EXHAUSTED');
  });

  test('waits while the seat has the maximum number of programs', async () => {
    const { seatlease, network } = program();
    server.acquire = () =>
      network.count('/acquire') < 3
        ? problem(409, 'SESSIONS_EXHAUSTED', { max_sessions: 64 })
        : { status: 201, body: server.grant() };
    expect((await clock.until(seatlease.acquire({ wait: true }))).state).toBe('online');
  });

  test('keeps waiting while the server does not answer', async () => {
    const { seatlease, network } = program();
    server.acquire = () => full(10);
    const waiting = seatlease.acquire({ wait: true });
    await clock.advance(5_000);
    network.condition = 'cut';
    await clock.advance(3600_000);
    network.condition = 'on';
    server.acquire = () => ({ status: 201, body: server.grant() });
    expect((await clock.until(waiting)).state).toBe('online');
  });

  test('returns the seat that another call in the program got', async () => {
    const { seatlease, network } = program();
    server.acquire = () => full(60);
    const waiting = seatlease.acquire({ wait: true });
    await clock.advance(5_000);
    server.acquire = () => ({ status: 201, body: server.grant() });
    const seat = await seatlease.acquire();
    expect(await waiting).toBe(seat);
    expect(network.count('/acquire')).toBe(2);
  });

  test('stops when its signal aborts, and releases a seat that is granted afterwards', async () => {
    const { seatlease, network, events } = program();
    const stop = new AbortController();
    network.condition = 3_000;
    const waiting = seatlease.acquire({ wait: true, signal: stop.signal });
    const reason = failure(waiting);
    await clock.advance(1_000);
    stop.abort('enough');
    expect(await reason).toBe('enough');
    expect(network.count('/release')).toBe(0);
    await clock.advance(3_000);
    expect(network.count('/release')).toBe(1);
    expect(events).toEqual([]);
    await expect(seatlease.acquire({ signal: stop.signal })).rejects.toBe('enough');
  });

  test('keeps the seat for the other caller when one of two stops waiting', async () => {
    const { seatlease, network } = program();
    const stop = new AbortController();
    network.condition = 3_000;
    const first = failure(seatlease.acquire({ signal: stop.signal }));
    const second = seatlease.acquire();
    await clock.advance(1_000);
    stop.abort('enough');
    expect(await first).toBe('enough');
    expect((await clock.until(second)).holdsLease).toBe(true);
    expect(network.count('/release')).toBe(0);
  });
});
