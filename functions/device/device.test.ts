import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { newUserCode, readUserCode } from '../../shared/domain/device-sign-in.ts';
import { Unavailable } from '../../shared/errors.ts';
import { DEVICE_SIGN_INS, USERS } from '../../shared/ports/collections.ts';
import { SIGN_INS_OF_USER } from '../../shared/ports/queries.ts';
import { unlimited } from '../testing/no-limits.ts';
import { openTestSuite, type Reply, type TestSuite } from '../testing/suite.ts';
import {
  accountOf,
  CLIENT_ID,
  decideOnDevice,
  openConsent,
  requestTokens,
  signIn,
  ticketOn,
} from '../testing/users.ts';

const DEVICE_GRANT = 'urn:ietf:params:oauth:grant-type:device_code';
const ADA = accountOf('ada@example.com', { name: 'Ada <Lovelace>' });

let suite: TestSuite;
let nowMs: number;
beforeAll(async () => {
  suite = await openTestSuite({
    SIGN_IN_CLIENTS: 'acme=loopback,acme-web=https://app.acme.example/signed-in',
  });
});
afterAll(() => suite.close());
afterEach(() => {
  vi.useRealTimers();
});

let people = 0;
/** A new user each time, as one can only try a few codes. */
function someone() {
  people += 1;
  return accountOf(`person-${people}@example.com`);
}

function stopClock(): void {
  nowMs = Date.now();
  vi.useFakeTimers({ toFake: ['Date'], now: nowMs });
}
function pass(seconds: number): void {
  nowMs += seconds * 1000;
  vi.setSystemTime(nowMs);
}

const start = (clientId = CLIENT_ID): Promise<Reply> =>
  suite.call('POST', '/auth/device', { body: new URLSearchParams({ client_id: clientId }) });
const ask = (deviceCode: string, more: Record<string, string> = {}): Promise<Reply> =>
  requestTokens(suite, { grant_type: DEVICE_GRANT, device_code: deviceCode, ...more });
const enter = (userCode: string): Promise<Reply> =>
  suite.call('GET', `/auth/device?${new URLSearchParams({ user_code: userCode })}`);
const error = ({ status, body }: Reply): string => `${status} ${body?.error}`;

describe('a device', () => {
  test('gets codes and the address of a page, and tokens once the user has allowed it', async () => {
    const { status, body } = await start();
    expect(status).toBe(200);
    expect(body).toEqual({
      device_code: expect.stringMatching(/^\S{40,}$/),
      user_code: expect.stringMatching(/^[BCDFGHJKLMNPQRSTVWXZ]{4}-[BCDFGHJKLMNPQRSTVWXZ]{4}$/),
      verification_uri: `${suite.url}/auth/device`,
      verification_uri_complete: `${suite.url}/auth/device?user_code=${body.user_code}`,
      expires_in: 900,
      interval: 5,
    });
    expect(error(await ask(body.device_code))).toBe('400 authorization_pending');
    const decided = await decideOnDevice(suite, body.user_code, ADA, 'allow');
    expect([decided.status, decided.text]).toEqual([200, expect.stringContaining('<h1>Signed in</h1>')]);
    const tokens = await ask(body.device_code);
    expect(tokens.status).toBe(200);
    const me = await suite.call('GET', '/api/v1/users/me', {
      authorization: `Bearer ${tokens.body.access_token}`,
    });
    expect(me.body.email).toBe('ada@example.com');
  });

  test('is denied if the user denies it, also later', async () => {
    const { device_code, user_code } = (await start()).body;
    expect((await decideOnDevice(suite, user_code, someone(), 'deny')).text).toContain('<h1>Denied</h1>');
    for (const _ of ['once', 'again']) expect(error(await ask(device_code))).toBe('400 access_denied');
  });

  test('gets slow_down if it asks more often than every five seconds, and is served once it waits', async () => {
    stopClock();
    const { device_code } = (await start()).body;
    const asked = async (): Promise<string> => error(await ask(device_code));
    expect([await asked(), await asked(), await asked()]).toEqual([
      '400 authorization_pending',
      '400 authorization_pending',
      '400 slow_down',
    ]);
    for (let i = 0; i < 5; i += 1) {
      pass(5);
      expect(await asked()).toBe('400 authorization_pending');
    }
  });

  test('gets expired_token after 15 minutes, and the user can no longer allow it', async () => {
    stopClock();
    const [late, inTime] = [(await start()).body, (await start()).body];
    pass(899);
    expect((await decideOnDevice(suite, inTime.user_code, someone(), 'allow')).text).toContain('Signed in');
    const consent = await openConsent(suite, late.user_code, someone());
    pass(1);
    expect(error(await ask(late.device_code))).toBe('400 expired_token');
    expect(error(await ask(inTime.device_code))).toBe('400 expired_token');
    expect((await decide(ticketOn(consent), 'allow')).status).toBe(400);
    expect((await openConsent(suite, late.user_code, someone())).status).toBe(404);
  });

  test('gets the same sign-in again if the answer was lost, and ends it by asking later', async () => {
    stopClock();
    const { device_code, user_code } = (await start()).body;
    await decideOnDevice(suite, user_code, someone(), 'allow');
    const first = await ask(device_code);
    const again = await ask(device_code);
    expect([first.status, again.status]).toEqual([200, 200]);
    pass(60);
    expect(error(await ask(device_code))).toBe('400 invalid_grant');
    const refreshed = await requestTokens(suite, {
      grant_type: 'refresh_token',
      refresh_token: again.body.refresh_token,
    });
    expect(error(refreshed)).toBe('400 invalid_grant');
  });

  test('ends nothing by asking again after the user signed it out', async () => {
    stopClock();
    const account = someone();
    const { user_code, device_code } = (await start()).body;
    await decideOnDevice(suite, user_code, account, 'allow');
    const { refresh_token, user_id } = (await ask(device_code)).body;
    const body = new URLSearchParams({ client_id: CLIENT_ID, token: refresh_token });
    await suite.call('POST', '/auth/revoke', { body });
    for (const seconds of [6, 6]) {
      pass(seconds);
      expect(error(await ask(device_code))).toBe('400 invalid_grant');
    }
    const { events } = (await suite.operate('GET', '/api/v1/audit?type=user.signed_out')).body;
    expect(events.filter(({ subject }: { subject: string }) => subject === user_id)).toHaveLength(1);
  });

  test('gets one sign-in from 20 questions at once', async () => {
    const busy = await openTestSuite({}, unlimited);
    const { body } = await busy.call('POST', '/auth/device', {
      body: new URLSearchParams({ client_id: CLIENT_ID }),
    });
    await decideOnDevice(busy, body.user_code, someone(), 'allow');
    const form = { grant_type: DEVICE_GRANT, device_code: body.device_code };
    const replies = await Promise.all(Array.from({ length: 20 }, () => requestTokens(busy, form)));
    const signIns = replies.map(({ body: { access_token = '' } }) => {
      const [, claims = ''] = access_token.split('.');
      return JSON.parse(Buffer.from(claims, 'base64url').toString()).sid;
    });
    expect(new Set(signIns).size).toBe(1);
    await busy.close();
  });

  test.each<[string, (code: string) => string]>([
    ['made up', () => `${'x'.repeat(22)}.${'0'.repeat(32)}`],
    ['with another secret', (code) => code.replace(/.$/, (last) => (last === '0' ? '1' : '0'))],
    ['without its secret', (code) => code.split('.')[0] ?? ''],
    ['of another form', () => 'x'],
  ])('gets invalid_grant for a code that is %s', async (_, change) => {
    const { device_code, user_code } = (await start()).body;
    await decideOnDevice(suite, user_code, someone(), 'allow');
    expect(error(await ask(change(device_code)))).toBe('400 invalid_grant');
  });

  test('gets invalid_grant for the code of another client, whose code stays valid', async () => {
    const { device_code, user_code } = (await start('acme')).body;
    await decideOnDevice(suite, user_code, someone(), 'allow');
    expect(error(await ask(device_code))).toBe('400 invalid_grant');
    expect((await ask(device_code, { client_id: 'acme' })).status).toBe(200);
  });

  test.each([
    ['nobody', '401 invalid_client'],
    ['acme-web', '400 unauthorized_client'],
    ['seatlease-console', '400 unauthorized_client'],
    ['', '400 invalid_request'],
  ])('cannot begin as client "%s"', async (clientId, expected) => {
    expect(error(await start(clientId))).toBe(expected);
  });

  test('cannot ask while questions cannot be counted', async () => {
    const uncounted = await openTestSuite({}, (deps) => ({
      ...deps,
      limits: { take: () => Promise.reject(new Unavailable('limits', 'down')) },
    }));
    const { device_code } = (await start()).body;
    const reply = await requestTokens(uncounted, { grant_type: DEVICE_GRANT, device_code });
    expect(error(reply)).toBe('503 temporarily_unavailable');
    await uncounted.close();
  });

  test('has neither of its codes in the records or in the log', async () => {
    const { device_code, user_code } = (await start()).body;
    await decideOnDevice(suite, user_code, someone(), 'allow');
    await ask(device_code);
    const [id = '', secret = ''] = device_code.split('.');
    const kept = JSON.stringify([await suite.deps.records.get(DEVICE_SIGN_INS, id), suite.logged]);
    for (const text of [secret, user_code, user_code.replace('-', '')]) expect(kept).not.toContain(text);
  });
});

const decide = (ticket: string, decision: string): Promise<Reply> =>
  suite.call('POST', '/auth/device/decision', {
    body: new URLSearchParams({ ticket, decision }),
  });

describe('the user', () => {
  test('sees the program, the code and their own address before they decide', async () => {
    const { user_code } = (await start('acme')).body;
    const consent = await openConsent(suite, user_code, accountOf('a&b@example.com'));
    expect(consent.status).toBe(200);
    expect(consent.headers.get('content-type')).toBe('text/html; charset=utf-8');
    expect(consent.headers.get('content-security-policy')).toContain("frame-ancestors 'none'");
    for (const shown of ['acme', user_code, 'a&#38;b@example.com']) expect(consent.text).toContain(shown);
    expect(consent.text).not.toContain('<script');
  });

  test('enters the code in any form on the page, and an empty one shows the form again', async () => {
    const { user_code } = (await start()).body;
    for (const typed of [user_code, user_code.toLowerCase(), ` ${user_code.replace('-', ' ')}.`]) {
      const page = await enter(typed);
      expect(page.text).toContain(user_code);
      expect(page.text).toContain('https://provider.test/authorize');
    }
    for (const path of ['/auth/device', '/auth/device?user_code='])
      expect((await suite.call('GET', path)).text).toContain('<form method="get" action="/auth/device">');
  });

  test.each(['zzz', '<b>evil', 'AEIO-UAEI', 'BBBB-BBBBB'])(
    'gets a page that leads back, and does not repeat the code, for the wrong code %s',
    async (typed) => {
      const page = await enter(typed);
      expect([page.status, page.headers.get('set-cookie')]).toEqual([404, null]);
      expect(page.text).toContain('<a class="button" href="/auth/device">Sign in again</a>');
      expect(page.text).not.toContain(typed);
    },
  );

  test('gets such a page after signing in if no program waits for the code', async () => {
    const page = await openConsent(suite, 'BBBB-BBBB', someone());
    expect(page.status).toBe(404);
    expect(page.text).toContain('Sign in again');
  });

  test('can try twenty codes, then not even a right one, and none while tries cannot be counted', async () => {
    stopClock();
    const guesser = someone();
    const { user_code } = (await start()).body;
    const statuses: number[] = [];
    for (let i = 0; i < 20; i += 1) statuses.push((await openConsent(suite, 'BBBB-BBBB', guesser)).status);
    expect(new Set(statuses)).toEqual(new Set([404]));
    expect((await openConsent(suite, user_code, guesser)).status).toBe(429);
    expect((await openConsent(suite, user_code, someone())).status).toBe(200);
    const uncounted = await openTestSuite({}, (deps) => ({
      ...deps,
      limits: { take: () => Promise.reject(new Unavailable('limits', 'down')) },
    }));
    expect((await openConsent(uncounted, user_code, someone())).status).toBe(503);
    await uncounted.close();
  });

  test('decides once', async () => {
    const { device_code, user_code } = (await start()).body;
    const ticket = ticketOn(await openConsent(suite, user_code, someone()));
    expect((await decide(ticket, 'deny')).status).toBe(200);
    expect((await decide(ticket, 'allow')).status).toBe(404);
    expect(error(await ask(device_code))).toBe('400 access_denied');
  });

  test.each<[string, (ticket: string) => string]>([
    ['invented', () => 'su1.e30.AAAA'],
    ['changed', (ticket) => ticket.replace(/.$/, (last) => (last === 'A' ? 'B' : 'A'))],
    ['the cookie of a sign-in', () => 'cookie'],
  ])('decides nothing with a ticket that is %s', async (_, change) => {
    const { device_code, user_code } = (await start()).body;
    const consent = await openConsent(suite, user_code, someone());
    const page = await enter(user_code);
    const cookie = /__session=([^;]+)/.exec(page.headers.get('set-cookie') ?? '')?.[1] ?? '';
    const ticket = change(ticketOn(consent));
    expect((await decide(ticket === 'cookie' ? cookie : ticket, 'allow')).status).toBe(400);
    expect(error(await ask(device_code))).toBe('400 authorization_pending');
  });

  test.each(['before', 'after'])(
    'gets no device signed in if they are erased %s they allow it',
    async (when) => {
      const account = someone();
      const user = await signIn(suite, account.email);
      const { user_code, device_code } = (await start()).body;
      const ticket = ticketOn(await openConsent(suite, user_code, account));
      const allow = () =>
        suite.call('POST', '/auth/device/decision', {
          body: new URLSearchParams({ ticket, decision: 'allow' }),
        });
      if (when === 'after') await allow();
      await suite.deps.records.transact(async (transaction) => {
        const found = await transaction.get(USERS, user.userId);
        if (found) transaction.set(USERS, user.userId, { ...found, erasureId: 'era_0000000000000000' });
      });
      if (when === 'before') expect((await allow()).status).toBe(404);
      expect((await ask(device_code)).status).toBe(400);
      const { documents } = await suite.deps.records.query(
        SIGN_INS_OF_USER,
        { userId: user.userId },
        { limit: 9 },
      );
      expect(documents).toHaveLength(1);
      const { events } = (await suite.operate('GET', '/api/v1/audit?type=user.signed_in')).body;
      expect(events.filter(({ subject }: { subject: string }) => subject === user.userId)).toHaveLength(1);
    },
  );

  test('allows nothing by signing in, without the consent', async () => {
    const { device_code, user_code } = (await start()).body;
    await openConsent(suite, user_code, someone());
    expect(error(await ask(device_code))).toBe('400 authorization_pending');
  });
});

test('user codes have only characters that are hard to confuse, and are read as they are printed', () => {
  const codes = Array.from({ length: 500 }, newUserCode);
  expect(new Set(codes).size).toBe(500);
  for (const code of codes) expect(readUserCode(code)).toBe(code);
  expect(new Set(codes.join('').replaceAll('-', '')).size).toBe(20);
});
