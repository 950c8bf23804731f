import { afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { SeatleaseError } from './errors.ts';
import type { EventSource } from './events.ts';
import { NativeSeatlease as Seatlease } from './native.ts';
import type { AccessTokens, SeatleaseOptions } from './options.ts';
import type { SeatEvents } from './seat.ts';
import { type CannedAnswer, CannedServer, problem, SESSION } from './testing/canned.ts';
import { TestClock } from './testing/clock.ts';
import { type TestMachine, type TestPlatform, testMachine, testPlatform } from './testing/platform.ts';
import { testVendor, type Vendor } from './testing/vendor.ts';

const KEY = { url: 'https://licenses.example.com', licenseKey: 'slk_07_aaaaaaaaaaaaaaaa_secret' };

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

function program(options: Partial<SeatleaseOptions> = {}, processId = 'process-1') {
  const platform: TestPlatform = testPlatform(server.answer, machine, processId);
  const seatlease = new Seatlease({ ...KEY, ...options }, platform);
  const events: string[] = [];
  for (const name of ['granted', 'denied', 'reacquired', 'lost', 'offline', 'online'] as const) {
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
    const { seatlease, network } = program({ userId: 'ada', appVersion: '2.1', publicKeys: vendor.pem });
    await clock.until(seatlease.acquire({ borrowDays: 2 }));
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
    ['desk', 'desk'],
    ['', undefined],
  ])('sends the fingerprint, process and host name %j that the app passes', async (hostname, sent) => {
    const { seatlease, network } = program({ fingerprint: 'mine', processId: 'p', hostname });
    await seatlease.acquire();
    const body = JSON.parse(network.sent[0]?.body ?? '');
    expect([body.fingerprint, body.process_id, body.hostname]).toEqual(['mine', 'p', sent]);
  });

  test('reads the machine’s id again if that failed before', async () => {
    const { seatlease, platform } = program();
    const unavailable = new SeatleaseError('FINGERPRINT_UNAVAILABLE', 'No.');
    vi.spyOn(platform, 'fingerprint').mockRejectedValueOnce(unavailable);
    expect(await failure(seatlease.acquire())).toBe('FINGERPRINT_UNAVAILABLE');
    expect((await seatlease.acquire()).state).toBe('online');
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
    expect(events).toEqual(Array(4).fill('denied'));
  });

  test('rejects a grant with the status of a failure', async () => {
    const { seatlease } = program();
    server.acquire = () => ({ status: 500, body: server.grant() });
    expect(await clock.until(failure(seatlease.acquire()))).toBe('NO_ANSWER');
  });

  test('rejects an answer to another request', async () => {
    const { seatlease } = program();
    server.acquire = () => ({ status: 201, body: server.grant(), headers: { 'x-request-id': 'another' } });
    expect(await clock.until(failure(seatlease.acquire()))).toBe('NO_ANSWER');
  });

  test.each<[string, Partial<SeatleaseOptions>, Record<string, string>]>([
    ['license than licenseId', { licenseId: 'lic_07_other' }, {}],
    ['license than that of its session', {}, { session_id: 'ses_08_bbbbbbbbbbbbbbbb_1' }],
    ['license than that of the key', {}, { session_id: 'ses_08_b_1', license_id: 'lic_08_b' }],
  ])('rejects a seat of another %s', async (_, options, grant) => {
    const { seatlease, network } = program(options);
    server.acquire = () => ({ status: 201, body: server.grant(grant) });
    expect(await clock.until(failure(seatlease.acquire()))).toBe('NO_ANSWER');
    expect(network.count('/release')).toBe(0);
  });

  test.each([
    [1, 'SEATS_EXHAUSTED', 409],
    [1, 'LICENSE_EXPIRED', 403],
    [1, 'CREDENTIALS_INVALID', 401],
    [1, 'NOT_FOUND', 404],
    [1, 'NEW_REFUSAL', 422],
    [4, 'NEW_FAILURE', 503],
  ])('sends %i request(s) without `wait` if the answer is %s', async (tries, code, status) => {
    const { seatlease, network } = program();
    server.acquire = () => problem(status, code);
    expect(await clock.until(failure(seatlease.acquire()))).toBe(code);
    expect(network.count('/acquire')).toBe(tries);
  });

  test('does not make a caller who does not wait sit through a long Retry-After', async () => {
    const { seatlease, network } = program();
    server.acquire = () => problem(429, 'RATE_LIMITED', { retry_after: 60 });
    expect(await failure(seatlease.acquire())).toBe('RATE_LIMITED');
    expect(network.sent).toHaveLength(1);
  });

  test('refuses to borrow without the keys of the vendor, and asks nothing', async () => {
    const { seatlease, network } = program();
    expect(await failure(seatlease.acquire({ borrowDays: 2 }))).toBe('PUBLIC_KEYS_REQUIRED');
    expect(network.sent).toEqual([]);
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

describe('a source of access tokens', () => {
  const signedIn = (accessToken: AccessTokens['accessToken']) =>
    program({ licenseKey: undefined, signIn: { accessToken }, licenseId: 'lic_07_aaaaaaaaaaaaaaaa' });

  test('that takes long leaves less time for the answer, and no timer', async () => {
    const { seatlease, network } = signedIn(async () => {
      await new Promise<void>((resolve) => void clock.after(3_000, resolve));
      return 'token';
    });
    const send = vi.spyOn(network, 'send');
    const seat = await clock.until(seatlease.acquire());
    expect(send.mock.lastCall?.[1].timeoutMs).toBe(7_000);
    await clock.until(seat.release());
    // The request for the release has not waited for its token.
    await clock.advance(3_000);
    expect(clock.isIdle).toBe(true);
  });

  test.each([
    ['a seat', undefined],
    ['another refusal', problem(409, 'SEATS_EXHAUSTED', { active: 3, max: 3 })],
  ])('is asked once if the answer is %s', async (_, answer) => {
    const accessToken = vi.fn(async () => 'token');
    const { seatlease, network } = signedIn(accessToken);
    if (answer) server.acquire = () => answer;
    await failure(seatlease.acquire());
    expect(accessToken.mock.calls).toEqual([[undefined]]);
    expect(network.sent).toHaveLength(1);
  });

  test('that says that the sign-in has ended is not asked again, and nothing is sent', async () => {
    const accessToken = vi.fn(() => Promise.reject(new SeatleaseError('SIGN_IN_REFUSED', 'Sign in again.')));
    const { seatlease, network } = signedIn(accessToken);
    expect(await failure(seatlease.acquire({ wait: true }))).toBe('SIGN_IN_REFUSED');
    expect(accessToken).toHaveBeenCalledOnce();
    expect(network.sent).toEqual([]);
  });

  test('that replaces a token in vain, because the network fails, costs no seat', async () => {
    const { seatlease, network, events } = signedIn(async () => 'token');
    const seat = await seatlease.acquire();
    server.heartbeat = () => {
      network.condition = 'cut';
      return problem(401, 'CREDENTIALS_INVALID');
    };
    await clock.advance(286_000);
    expect(seat.problem ?? seat.state).toBe('online');
    server.heartbeat = () => ({ status: 200, body: server.heartbeatAnswer() });
    network.condition = 'on';
    await clock.advance(300_000);
    expect(seat.state).toBe('online');
    expect(events).toEqual(['granted']);
  });

  test('that fails synchronously is asked again', async () => {
    const accessToken = vi.fn<AccessTokens['accessToken']>(async () => 'token');
    accessToken.mockImplementationOnce(() => {
      throw new TypeError('no keychain');
    });
    const { seatlease } = signedIn(accessToken);
    expect((await clock.until(seatlease.acquire())).state).toBe('online');
  });
});

describe('waiting for a seat', () => {
  const full = (retry_after: number) => problem(409, 'SEATS_EXHAUSTED', { active: 3, max: 3, retry_after });
  const granted = () => ({ status: 201, body: server.grant() });

  test('retries with jitter that doubles, at the latest when the next lease ends, and reports each try', async () => {
    const { seatlease, network } = program();
    const pauses: unknown[] = [];
    seatlease.on('denied', ({ error, retryInSeconds }) => void pauses.push([error.code, retryInSeconds]));
    server.acquire = () => (network.count('/acquire') < 4 ? full(3) : granted());
    const waiting = seatlease.acquire({ wait: true });
    await clock.advance(999);
    expect(network.count('/acquire')).toBe(1);
    await clock.advance(2);
    expect(network.count('/acquire')).toBe(2);
    expect((await clock.until(waiting)).state).toBe('online');
    expect(pauses).toEqual([1, 2, 3].map((seconds) => ['SEATS_EXHAUSTED', seconds]));
  });

  test('retries once a minute or more often, because a seat may be released', async () => {
    const { seatlease, network } = program();
    server.acquire = () => full(86_400);
    const code = failure(seatlease.acquire({ wait: { atMostSeconds: 3600 } }));
    await clock.advance(3599_000);
    expect(network.count('/acquire')).toBeGreaterThan(3600 / 60);
    await clock.advance(2_000);
    expect(await code).toBe('WAITED_IN_VAIN');
  });

  test('ends with WAITED_IN_VAIN, whose cause is the last refusal (S5)', async () => {
    const { seatlease, network } = program();
    server.acquire = () => full(40);
    const waiting = seatlease.acquire({ wait: { atMostSeconds: 3 } }).catch((error: unknown) => error);
    await clock.advance(2_999);
    expect(network.count('/acquire')).toBe(2);
    await clock.advance(2);
    expect(network.count('/acquire')).toBe(3);
    expect(await waiting).toMatchObject({
      code: 'WAITED_IN_VAIN',
      message: expect.stringContaining('within 3 s'),
      status: 409,
      cause: { code: 'SEATS_EXHAUSTED', members: { active: 3, max: 3 } },
    });
  });

  test.each<[string, CannedAnswer | 'cut']>([
    ['no answer', 'cut'],
    ['429', problem(429, 'RATE_LIMITED', { retry_after: 5 })],
    ['503', problem(503, 'SEATS_UNAVAILABLE')],
    ['the page of a proxy', { status: 502, body: '<html>Bad gateway</html>' }],
  ])('begins with %s, too (S6)', async (_, answer) => {
    const { seatlease, network } = program();
    if (answer === 'cut') network.condition = 'cut';
    else server.acquire = () => answer;
    const waiting = seatlease.acquire({ wait: { atMostSeconds: 600 } });
    await clock.advance(300_000);
    expect(network.count('/acquire')).toBeGreaterThan(4);
    network.condition = 'on';
    server.acquire = granted;
    expect((await clock.until(waiting)).state).toBe('online');
  });

  test('does not wait for a full pool if it may wait for 0 s', async () => {
    const { seatlease, network } = program();
    server.acquire = () => full(40);
    expect(await failure(seatlease.acquire({ wait: { atMostSeconds: 0 } }))).toBe('SEATS_EXHAUSTED');
    expect(network.sent).toHaveLength(1);
  });

  test.each<[string, () => Promise<unknown>, string]>([
    ['never returns', () => new Promise(() => undefined), 'no token in time'],
    ['returns nothing', async () => undefined, 'returned no token'],
    ['returns a text of two lines', async () => 'a\nb', 'returned no token'],
    ['throws', async () => Promise.reject(new TypeError('no keychain')), 'failed: TypeError: no keychain'],
  ])('says that its source of access tokens %s', async (_, accessToken, message) => {
    const signIn = { accessToken } as AccessTokens;
    const { seatlease, network } = program({ licenseKey: undefined, licenseId: 'lic_07_abc', signIn });
    const error = seatlease.acquire({ wait: { atMostSeconds: 3 } }).catch((thrown: unknown) => thrown);
    expect(await clock.until(error)).toMatchObject({
      code: 'WAITED_IN_VAIN',
      cause: { code: 'NO_ANSWER', message: expect.stringContaining(message) },
    });
    expect(network.sent).toEqual([]);
  });

  test('ends at once after a refusal that a retry does not change', async () => {
    const { seatlease, network } = program();
    server.acquire = () => problem(403, 'LICENSE_SUSPENDED');
    expect(await failure(seatlease.acquire({ wait: true }))).toBe('LICENSE_SUSPENDED');
    expect(network.sent).toHaveLength(1);
  });

  test('waits while the seat has the maximum number of programs', async () => {
    const { seatlease, network } = program();
    server.acquire = () =>
      network.count('/acquire') < 3 ? problem(409, 'SESSIONS_EXHAUSTED', { max_sessions: 64 }) : granted();
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
    expect(network.count('/acquire')).toBe(4);
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

  test('leaves no timer when its signal aborts, so that a program can end', async () => {
    const { seatlease } = program();
    server.acquire = () => full(40);
    const stop = new AbortController();
    const waiting = failure(seatlease.acquire({ wait: true, signal: stop.signal }));
    await clock.advance(100);
    stop.abort('enough');
    expect(await waiting).toBe('enough');
    expect(clock.isIdle).toBe(true);
  });

  test('cancels a request that hangs a second after the last caller has stopped waiting', async () => {
    const { seatlease, network } = program();
    network.condition = 'hung';
    const send = vi.spyOn(network, 'send');
    const stop = new AbortController();
    const callers = [stop.signal, stop.signal].map((signal) => failure(seatlease.acquire({ signal })));
    await clock.advance(100);
    stop.abort('enough');
    expect(await Promise.all(callers)).toEqual(['enough', 'enough']);
    const [, options] = send.mock.lastCall ?? [];
    await clock.advance(999);
    expect(options?.signal?.aborted).toBe(false);
    await clock.advance(1);
    expect(options?.signal?.aborted).toBe(true);
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

describe('listeners', () => {
  test('are called once by `once`, and not at all after `off`', async () => {
    const { seatlease } = program();
    const called: string[] = [];
    const removed = () => void called.push('removed');
    seatlease.on('granted', removed);
    seatlease.once('granted', () => void called.push('once'));
    seatlease.on('granted', () => void called.push('each time'));
    seatlease.off('granted', removed);
    seatlease.off('granted', removed);
    const seat = await seatlease.acquire();
    await seat.release();
    await seatlease.acquire();
    expect(called).toEqual(['once', 'each time', 'each time']);
  });

  test('of a name that is no event are refused', async () => {
    const { seatlease } = program();
    const seat = await seatlease.acquire();
    for (const source of [seatlease, seat] as const) {
      const { on, once, off } = source as EventSource<SeatEvents>;
      for (const method of [on, once, off]) {
        expect(() => method.call(source, 'nonsense' as never, () => undefined)).toThrow(
          expect.objectContaining({
            code: 'OPTION_INVALID',
            message: expect.stringMatching(/online, offline, reacquired, graceAtRisk, lost, not "nonsense"/),
          }),
        );
      }
      expect(() => on.call(source, 'lost', undefined as never)).toThrow('listener must be a function');
    }
  });
});

describe('a wrong option', () => {
  const wrong = (options: object): unknown => {
    try {
      return new Seatlease(options as SeatleaseOptions, testPlatform(server.answer, machine));
    } catch (error) {
      return error;
    }
  };

  test.each<[string, object, string | RegExp]>([
    ['url', { url: undefined }, 'url is required'],
    ['url', { url: 'foo' }, /url must be an https:.* address.*not "foo"/],
    ['url', { url: 7 }, 'url must be an https:'],
    ['url', { url: 'http://licenses.example.com' }, /url must be an https:.*not "http:/],
    ['url', { url: 'http://127.0.0.1.example.com' }, 'url must be an https:'],
    ['url', { url: 'ftp://localhost' }, 'url must be an https:'],
    ['url', { url: 'https://ada:secret@licenses.example.com' }, 'url must not contain a password'],
    ['licenseKey', { licenseKey: undefined }, 'licenseKey or signIn is required'],
    ['licenseKey', { licenseKey: '' }, 'licenseKey must be a text without spaces'],
    ['licenseKey', { licenseKey: 'slk_07_secret\n' }, 'licenseKey must be a text without spaces'],
    [
      'licenseKey',
      { signIn: { accessToken: async () => '' } },
      'licenseKey or signIn is required, and not both',
    ],
    [
      'licenseId',
      { licenseKey: undefined, signIn: { accessToken: async () => '' } },
      'licenseId is required with signIn',
    ],
    ['signIn', { licenseKey: undefined, signIn: 'ada', licenseId: 'lic_1' }, 'signIn must have accessToken'],
    ['userId', { userId: 7 }, 'userId must be a text'],
    ['fingerprint', { fingerprint: '' }, 'fingerprint must be a text'],
    ['fingerprint', { fingerprint: 'f'.repeat(257) }, 'fingerprint must be a text of 1 to 256'],
    ['hostname', { hostname: 7 }, 'hostname must be a text'],
    ['licencekey', { licencekey: 'x' }, /licencekey is not an option.*licenseKey/],
  ])('%s throws OPTION_INVALID for %j', (option, options, message) => {
    const error = wrong({ ...KEY, ...options });
    expect(error).toMatchObject({ code: 'OPTION_INVALID', members: { option } });
    expect((error as Error).message).toMatch(message);
    expect((error as Error).message).not.toContain('secret');
  });

  test.each([undefined, null, 'url', () => KEY])(
    'throws OPTION_INVALID for %j in place of options',
    (options) => {
      const error = wrong(options as never);
      expect(error).toMatchObject({ code: 'OPTION_INVALID', message: 'options must be an object.' });
    },
  );

  test.each<[string, unknown, string | RegExp]>([
    ['wait', { wait: 30 }, 'wait must be true, false or { atMostSeconds: number }'],
    ['wait', { wait: 'yes' }, 'wait must be'],
    ['wait', { wait: null }, 'wait must be'],
    ['wait', { wait: { seconds: 3 } }, 'wait must be'],
    ['wait', { wait: { atMostSeconds: -1 } }, 'wait must be'],
    ['wait', { wait: { atMostSeconds: Number.NaN } }, 'wait must be'],
    ['borrowDays', { borrowDays: 0 }, 'borrowDays must be a whole number above 0'],
    ['borrowDays', { borrowDays: '3' }, 'borrowDays must be'],
    ['signal', { signal: 5 }, 'signal must be an AbortSignal'],
    ['borrowdays', { borrowdays: 3 }, 'borrowdays is not an option'],
  ])('%s of acquire throws OPTION_INVALID for %j, and asks nothing', async (option, options, message) => {
    const { seatlease, network } = program();
    const error = await seatlease.acquire(options as never).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'OPTION_INVALID', members: { option } });
    expect((error as Error).message).toMatch(message);
    expect(network.sent).toEqual([]);
  });

  test.each(['http://localhost:8080', 'http://127.0.0.1', 'http://[::1]:1', new URL('https://a.example/b/')])(
    'is not %s as url',
    (url) => {
      expect(wrong({ ...KEY, url })).toBeInstanceOf(Seatlease);
    },
  );

  test('publicKeys that cannot be read is reported when a seat is acquired, not when the network fails', async () => {
    const pem = '-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----';
    const unreadable: unknown[] = [
      pem,
      [pem],
      { keys: [{ kty: 'EC' }] },
      { keys: [{ kty: 'oct' }] },
      'secret',
      [],
      { keys: [] },
      7,
    ];
    for (const publicKeys of unreadable) {
      const { seatlease, network } = program({ publicKeys: publicKeys as string });
      expect(await clock.until(failure(seatlease.acquire()))).toBe('OPTION_INVALID');
      expect(network.sent).toEqual([]);
    }
  });
});
