import { spawnSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { openTestSuite, type TestSuite } from '../../../../functions/testing/suite.ts';
import { codeFor } from '../../../../functions/testing/trusting-provider.ts';
import { accountOf, decideOnDevice } from '../../../../functions/testing/users.ts';
import { NoAnswer, type Platform } from '../platform.ts';
import { nodePlatform } from './platform.ts';
import { type SignInOptions, signIn, storedSignIn } from './sign-in.ts';
import { fileNameOf } from './storage.ts';
import { temporaryFolder } from './testing.ts';

let suite: TestSuite;
beforeAll(async () => {
  suite = await openTestSuite();
});
afterAll(() => suite.close());

let place: { folder: string; remove(): Promise<void> };
let platform: Platform;
let passedMs: number;
let isOnline: boolean;
let requests: string[];
beforeEach(async () => {
  place = await temporaryFolder();
  passedMs = 0;
  isOnline = true;
  requests = [];
  const { transport, clock, ...rest } = nodePlatform({ stateFolder: place.folder });
  platform = {
    ...rest,
    clock: { ...clock, now: () => ({ wallMs: passedMs, monotonicMs: passedMs }) },
    transport: {
      async send(request, options) {
        requests.push(new URL(request.url).pathname);
        if (!isOnline) throw new NoAnswer('cut');
        return transport.send(request, options);
      },
    },
  };
});
afterEach(() => place.remove());

/** A browser in which the user signs in as `email`; without one, the user declines. */
function browserOf(email: string | undefined) {
  return async (address: string): Promise<void> => {
    const begun = await suite.call('GET', address.slice(suite.url.length));
    const location = begun.headers.get('location') ?? '';
    const { state, ...good } = codeFor(location, accountOf(email ?? 'nobody@example.com'));
    const answer = email === undefined ? { error: 'access_denied' } : good;
    const cookie = begun.headers.get('set-cookie')?.split(';')[0] ?? '';
    const back = await suite.call('GET', `/auth/callback?${new URLSearchParams({ state, ...answer })}`, {
      headers: { cookie },
    });
    const page = await fetch(back.headers.get('location') ?? '');
    expect(await page.text()).toContain(email === undefined ? 'Not signed in' : 'Signed in');
  };
}

const options = (more: Partial<SignInOptions> = {}): SignInOptions => ({
  url: `${suite.url}/`,
  stateFolder: place.folder,
  platform,
  open: browserOf('ada@example.com'),
  ...more,
});
const noBrowser = { open: () => expect.fail('the browser was opened') };

async function whoIs(token: string): Promise<string> {
  const { body } = await suite.call('GET', '/api/v1/users/me', { authorization: `Bearer ${token}` });
  return body.email;
}

/** The platform, with waits that end at once; `waits` gets how many seconds they should have taken. */
function impatient(waits: number[] = []): Platform {
  return {
    ...platform,
    clock: {
      ...platform.clock,
      after(delayMs, call) {
        waits.push(delayMs / 1000);
        return platform.clock.after(0, call);
      },
    },
  };
}

const urnOf = (code: string) => `urn:seatlease:problem:${code.toLowerCase().replaceAll('_', '-')}`;

describe('signing in on another device', () => {
  const withCode = (decision: 'allow' | 'deny', more: Partial<SignInOptions> = {}) =>
    options({
      open: undefined,
      platform: impatient(),
      showCode: async ({ userCode }) => {
        await decideOnDevice(suite, userCode, accountOf('ada@example.com'), decision);
      },
      ...more,
    });

  test('gives access as the user who allows it', async () => {
    const ada = await signIn(withCode('allow'));
    expect(await whoIs(await ada.accessToken())).toBe('ada@example.com');
    expect(requests).not.toContain('/auth/authorize');
  });

  test('throws SIGN_IN_REFUSED, with the address, if the user denies it', async () => {
    await expect(signIn(withCode('deny'))).rejects.toMatchObject({
      code: 'SIGN_IN_REFUSED',
      members: { address: expect.stringContaining('/auth/device?user_code=') },
    });
  });

  test('continues to ask after an outage, and more slowly after slow_down', async () => {
    const waits: number[] = [];
    const asked: Response[] = [];
    const answers = [503, 'slow_down', 'authorization_pending'] as const;
    const failing: Platform = {
      ...impatient(waits),
      transport: {
        send: async (request, given) => {
          const answer = new URL(request.url).pathname === '/auth/token' ? answers[asked.length] : undefined;
          if (answer === undefined) return platform.transport.send(request, given);
          asked.push(Response.json({}));
          const status = answer === 503 ? 503 : 400;
          const code = answer === 503 ? 'RECORDS_UNAVAILABLE' : answer.toUpperCase();
          return {
            status,
            header: () => undefined,
            body: JSON.stringify({ type: urnOf(code), status, code, title: code }),
          };
        },
      },
    };
    await signIn(withCode('allow', { platform: failing, remember: false }));
    expect(waits).toEqual([5, 10, 15, 15]);
  });

  test('waits until the signal aborts', async () => {
    const enough = new AbortController();
    const waiting = signIn(
      options({ open: undefined, showCode: () => enough.abort(new Error('enough')), signal: enough.signal }),
    );
    await expect(waiting).rejects.toThrow('enough');
  });
});

describe('signing in with the browser', () => {
  test('gives access as the user, also at the next start without the browser', async () => {
    const ada = await signIn(options());
    expect(await whoIs(await ada.accessToken())).toBe('ada@example.com');
    const again = await signIn(options(noBrowser));
    expect(await whoIs(await again.accessToken())).toBe('ada@example.com');
    expect(again).toMatchObject({ userId: ada.userId, tenants: ada.tenants });
    expect(ada.tenants).toEqual([{ tenantId: expect.stringMatching(/^ten_/), role: 'owner' }]);
  });

  test('succeeds on another device, with the printed code, where no browser can be opened (S11)', async () => {
    vi.stubEnv('PATH', place.folder);
    const printed = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
    const decided = Promise.withResolvers<void>();
    const after: Platform['clock']['after'] = (_, call) => {
      void decided.promise.then(call);
      return platform.clock.after(0, () => undefined);
    };
    const patient = { ...platform, clock: { ...platform.clock, after } };
    const signingIn = signIn(options({ open: undefined, platform: patient }));
    await expect.poll(() => printed.mock.calls.length).toBe(1);
    const [, address, code = ''] =
      /Open (https?:\S+) .* code (\S+)/.exec(String(printed.mock.calls[0])) ?? [];
    expect(address).toBe(`${suite.url}/auth/device`);
    vi.unstubAllEnvs();
    printed.mockRestore();
    await decideOnDevice(suite, code, accountOf('ada@example.com'), 'allow');
    decided.resolve();
    expect(await whoIs(await (await signingIn).accessToken())).toBe('ada@example.com');
  });

  test('is needed again if the sign-in was not stored', async () => {
    await signIn(options({ remember: false }));
    expect(await storedSignIn(options())).toBeUndefined();
    const grace = await signIn(options({ remember: false, open: browserOf('grace@example.com') }));
    expect(await whoIs(await grace.accessToken())).toBe('grace@example.com');
  });

  test('throws SIGN_IN_REFUSED and stores nothing if the user declines', async () => {
    const refusing = signIn(options({ open: browserOf(undefined) }));
    await expect(refusing).rejects.toMatchObject({
      code: 'SIGN_IN_REFUSED',
      members: { address: expect.stringContaining(`${suite.url}/auth/`) },
    });
    expect(await storedSignIn(options())).toBeUndefined();
  });

  test('waits until the signal aborts, and rejects requests of other pages with 404', async () => {
    const enough = new AbortController();
    let redirectUri = '';
    const waiting = signIn(
      options({
        signal: enough.signal,
        async open(address) {
          redirectUri = new URL(address).searchParams.get('redirect_uri') ?? '';
          expect((await fetch(`${redirectUri}?code=forged&state=guessed`)).status).toBe(404);
          enough.abort(new Error('enough'));
        },
      }),
    );
    await expect(waiting).rejects.toThrow('enough');
    await expect(fetch(redirectUri)).rejects.toThrow('fetch failed');
  });
});

describe('an access token', () => {
  test('is reused until shortly before it expires, and then renewed', async () => {
    const ada = await signIn(options());
    requests = [];
    passedMs += 830_000;
    const first = await ada.accessToken();
    expect(requests).toEqual([]);
    passedMs += 20_000;
    await ada.accessToken();
    expect(requests).toEqual(['/auth/token']);
    expect(await whoIs(first)).toBe('ada@example.com');
  });

  test('that was rejected is replaced by one request for concurrent callers', async () => {
    const ada = await signIn(options());
    const first = await ada.accessToken();
    requests = [];
    const tokens = await Promise.all(Array.from({ length: 5 }, () => ada.accessToken(first)));
    expect(requests).toEqual(['/auth/token']);
    expect(new Set(tokens).size).toBe(1);
  });

  test('is available to several programs of one user, at the same time and in turn', async () => {
    const one = await signIn(options());
    const two = await signIn(options(noBrowser));
    const refused = [await one.accessToken(), await two.accessToken()];
    for (let turn = 0; turn < 3; turn += 1) {
      const both = await Promise.all([one.accessToken(refused[0]), two.accessToken(refused[1])]);
      expect(await Promise.all(both.map(whoIs))).toEqual(['ada@example.com', 'ada@example.com']);
      refused.splice(0, 2, ...both);
    }
  });
});

describe('a sign-in', () => {
  test('ends for every program when the user signs out in one', async () => {
    const one = await signIn(options());
    const two = await signIn(options(noBrowser));
    await two.accessToken();
    await one.signOut();
    await expect(two.accessToken(await two.accessToken())).rejects.toMatchObject({ code: 'GRANT_INVALID' });
    expect(await storedSignIn(options())).toBeUndefined();
  });

  test('is removed here even if the server cannot be reached at sign-out', async () => {
    const ada = await signIn(options());
    isOnline = false;
    await expect(ada.signOut()).rejects.toMatchObject({ code: 'NO_ANSWER', message: 'cut' });
    expect(await storedSignIn(options())).toBeUndefined();
  });

  test('ends when the server says so, and the browser opens again', async () => {
    const ada = await signIn(options());
    const spent = await platform.storage.read(`sign-in ${suite.url}`);
    await ada.accessToken(await ada.accessToken());
    await ada.accessToken(await ada.accessToken());
    // An older copy of the file was restored.
    await platform.storage.write(`sign-in ${suite.url}`, String(spent));
    const again = await signIn(options({ open: browserOf('grace@example.com') }));
    expect(await whoIs(await again.accessToken())).toBe('grace@example.com');
  });

  test('does not end when the server cannot answer now', async () => {
    await signIn(options());
    const { transport } = platform;
    const body = JSON.stringify({
      type: 'urn:seatlease:problem:limits-unavailable',
      title: 'Try again.',
      status: 503,
      code: 'LIMITS_UNAVAILABLE',
    });
    platform = {
      ...platform,
      transport: { send: async () => ({ status: 503, header: () => undefined, body }) },
    };
    expect((await signIn(options(noBrowser))).userId).toMatch(/^usr_/);
    platform = { ...platform, transport };
  });

  test.each([
    [undefined, /^url is required, or set SEATLEASE_URL\.$/],
    ['foo', /^url must be an https:.* address/],
    ['http://licenses.example.com', /^url must be an https:/],
    ['http://user:password@localhost', /^url must not contain a password/],
  ])('is not sent to the address %s', async (url, message) => {
    for (const act of [signIn, storedSignIn])
      await expect(act({ ...options(noBrowser), url })).rejects.toThrow(message);
  });

  test('is not held up by the lock of a program that was killed', async () => {
    const ada = await signIn(options());
    const gone = spawnSync(process.execPath, ['-e', '']).pid;
    const lock = join(place.folder, `${fileNameOf(`sign-in ${suite.url}`)}.lock`);
    await writeFile(lock, `${gone} ${hostname()}`);
    const fromMs = performance.now();
    expect(await whoIs(await ada.accessToken(await ada.accessToken()))).toBe('ada@example.com');
    expect(performance.now() - fromMs).toBeLessThan(5_000);
  });

  test('does not end when the answer with its next tokens is lost', async () => {
    const ada = await signIn(options());
    const { transport } = platform;
    const losing: Platform = {
      ...platform,
      transport: {
        send: (...request) => transport.send(...request).then(() => Promise.reject(new NoAnswer('lost'))),
      },
    };
    const other = await signIn({ ...options(noBrowser), platform: losing });
    await expect(other.accessToken()).rejects.toMatchObject({ code: 'NO_ANSWER', message: 'lost' });
    expect(await whoIs(await ada.accessToken(await ada.accessToken()))).toBe('ada@example.com');
    expect(await whoIs(await ada.accessToken(await ada.accessToken()))).toBe('ada@example.com');
  });

  test('does not end when there is no network at the start', async () => {
    await signIn(options());
    isOnline = false;
    const ada = await signIn(options(noBrowser));
    await expect(ada.accessToken()).rejects.toMatchObject({ code: 'NO_ANSWER', message: 'cut' });
    isOnline = true;
    expect(await whoIs(await ada.accessToken())).toBe('ada@example.com');
  });
});
