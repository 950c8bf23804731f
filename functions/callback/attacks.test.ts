import { randomBytes } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { sealer } from '../../shared/domain/sealed.ts';
import { openTestSuite, type Reply, type TestSuite } from '../testing/suite.ts';
import { codeFor } from '../testing/trusting-provider.ts';
import { accountOf, authorizePath } from '../testing/users.ts';

let suite: TestSuite;
beforeAll(async () => {
  suite = await openTestSuite();
});
afterAll(() => suite.close());
afterEach(() => {
  vi.useRealTimers();
});

/** The refusal in the log: the browser gets a page. */
const code = (reply: Reply): string => `${reply.status} ${suite.logged.at(-1)?.code}`;

describe('the callback', () => {
  interface StartedSignIn {
    readonly cookie: string;
    readonly location: string;
  }
  const begin = async (): Promise<StartedSignIn> => {
    const challenge = randomBytes(32).toString('base64url');
    const answer = await suite.call('GET', authorizePath({ state: 's', code_challenge: challenge }));
    return {
      cookie: answer.headers.get('set-cookie')?.split(';')[0] ?? '',
      location: answer.headers.get('location') ?? '',
    };
  };
  const returnToCallback = (query: Record<string, string>, cookie?: string): Promise<Reply> =>
    suite.call(
      'GET',
      `/auth/callback?${new URLSearchParams(query)}`,
      cookie === undefined ? {} : { headers: { cookie } },
    );
  const mallory = accountOf('mallory@evil.example');

  test('refuses a browser that has not started a sign-in', async () => {
    const attacker = await begin();
    expect(code(await returnToCallback(codeFor(attacker.location, mallory)))).toBe('400 SIGN_IN_MISMATCH');
  });

  test('refuses a browser that has started another sign-in, so a link cannot sign a user in to a foreign account', async () => {
    const [attacker, victim] = [await begin(), await begin()];
    expect(code(await returnToCallback(codeFor(attacker.location, mallory), victim.cookie))).toBe(
      '400 SIGN_IN_MISMATCH',
    );
  });

  test('refuses the code of another sign-in, even with the state of this browser', async () => {
    const [attacker, victim] = [await begin(), await begin()];
    const { code: stolen } = codeFor(attacker.location, mallory);
    const { state } = codeFor(victim.location, mallory);
    const reply = await returnToCallback({ code: stolen, state }, victim.cookie);
    const { searchParams } = new URL(reply.headers.get('location') ?? '');
    expect([reply.status, searchParams.get('error'), searchParams.has('code')]).toEqual([
      302,
      'access_denied',
      false,
    ]);
  });

  test('refuses a sign-in that took more than ten minutes', async () => {
    const nowMs = Date.now();
    vi.useFakeTimers({ toFake: ['Date'], now: nowMs });
    const { cookie, location } = await begin();
    vi.setSystemTime(nowMs + 600_000);
    expect(code(await returnToCallback(codeFor(location, mallory), cookie))).toBe('400 SIGN_IN_MISMATCH');
  });

  test.each<[string, (cookie: string) => string]>([
    ['invented', () => '__session=su1.e30.AAAA'],
    ['changed', (cookie) => cookie.replace(/.$/, (last) => (last === 'A' ? 'B' : 'A'))],
    [
      'sealed with another key',
      () => `__session=${sealer('su1', ['another-key-0123456789-0123456789']).seal('{}')}`,
    ],
    ['under another name', (cookie) => cookie.replace('__session', '__sessions')],
    ['empty', () => '__session='],
  ])('ignores a cookie that is %s', async (_, change) => {
    const { cookie, location } = await begin();
    expect(code(await returnToCallback(codeFor(location, mallory), change(cookie)))).toBe(
      '400 SIGN_IN_MISMATCH',
    );
  });
});
