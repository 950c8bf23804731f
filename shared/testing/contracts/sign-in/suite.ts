import { createHash, randomBytes } from 'node:crypto';
import { inspect } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { SignIn, SignInAnswer, SignInAsk, SignInPage } from '../../../ports/sign-in.ts';

/** A user with an account at the provider. */
export interface AccountHolder {
  readonly email: string;
  readonly name?: string;
  readonly hostedDomain?: string;
}

export interface SignInUnderTest {
  readonly signIn: SignIn & SignInPage;
  /** The `issuer` of its users. */
  readonly issuer: string;
  /** Whether the provider says which organisation manages an account. */
  readonly hasHostedDomains: boolean;
  /** Does at `authorizeUrl` what a user does in the browser, and returns where the browser is redirected in the end. */
  signInAs(holder: AccountHolder, authorizeUrl: string): Promise<URL>;
  close(): Promise<void>;
}

const ZOE: AccountHolder = { email: 'Zoe@Example.net', name: 'Zoë Müller', hostedDomain: 'Example.net' };
const KIM: AccountHolder = { email: 'kim@elsewhere.example' };

interface Begun extends SignInAsk {
  readonly codeVerifier: string;
}

function begin(redirectUri = 'http://127.0.0.1:8080/auth/callback'): Begun {
  const codeVerifier = randomBytes(32).toString('base64url');
  return {
    state: `state ${randomBytes(8).toString('hex')} ü&=`,
    nonce: randomBytes(16).toString('base64url'),
    codeVerifier,
    codeChallenge: createHash('sha256').update(codeVerifier).digest('base64url'),
    redirectUri,
  };
}

/** The contract of every sign-in adapter, as vitest tests. `open` is called once. */
export function signInContract(open: () => Promise<SignInUnderTest>): void {
  let under: SignInUnderTest;
  beforeAll(async () => {
    under = await open();
  });
  afterAll(() => under?.close());

  async function answerOf(holder: AccountHolder, begun = begin()): Promise<SignInAnswer> {
    const back = await under.signInAs(holder, await under.signIn.authorizeUrl(begun));
    const { codeVerifier, redirectUri, nonce } = begun;
    return { code: back.searchParams.get('code') ?? '', codeVerifier, redirectUri, nonce };
  }

  async function expectRefusal(answer: SignInAnswer, because: RegExp): Promise<void> {
    const verdict = await under.signIn.redeem(answer);
    expect(verdict).toEqual({ verdict: 'REFUSED', because: expect.stringMatching(because) });
    const { code, codeVerifier, nonce } = answer;
    const log = inspect(verdict).toLowerCase();
    for (const secret of [code, codeVerifier, nonce, 'example'].filter((text) => text.length > 5))
      expect(log).not.toContain(secret.toLowerCase());
  }

  describe('the browser', () => {
    test('is redirected to the provider with state, nonce and code challenge, to choose an account', async () => {
      const { state, nonce, codeChallenge, redirectUri } = begin();
      const url = new URL(await under.signIn.authorizeUrl({ state, nonce, codeChallenge, redirectUri }));
      const { client_id, scope, prompt, ...rest } = Object.fromEntries(url.searchParams);
      expect(rest).toEqual({
        response_type: 'code',
        redirect_uri: redirectUri,
        state,
        nonce,
        code_challenge: codeChallenge,
        code_challenge_method: 'S256',
      });
      expect(client_id).toMatch(/./);
      expect(scope?.split(' ').toSorted()).toEqual(['email', 'openid', 'profile']);
      expect(prompt).toBe('select_account');
    });

    test('returns to the redirect address with its state and a code', async () => {
      const begun = begin('http://127.0.0.1:8080/auth/callback?keep=this');
      const back = await under.signInAs(ZOE, await under.signIn.authorizeUrl(begun));
      expect(back.origin + back.pathname).toBe('http://127.0.0.1:8080/auth/callback');
      expect(Object.fromEntries(back.searchParams)).toEqual({
        keep: 'this',
        state: begun.state,
        code: expect.stringMatching(/.{20}/),
      });
    });
  });

  describe('a code identifies', () => {
    test('the user: e-mail address in lower case, name and organisation', async () => {
      expect(await under.signIn.redeem(await answerOf(ZOE))).toEqual({
        verdict: 'SIGNED_IN',
        person: {
          issuer: under.issuer,
          subject: expect.stringMatching(/./),
          email: 'zoe@example.net',
          name: 'Zoë Müller',
          hostedDomain: under.hasHostedDomains ? 'example.net' : null,
        },
      });
    });

    test('a user without a name by the e-mail address, and a personal account without an organisation', async () => {
      expect(await under.signIn.redeem(await answerOf(KIM))).toMatchObject({
        person: { email: 'kim@elsewhere.example', name: 'kim', hostedDomain: null },
      });
    });

    test('the same user with the same subject each time, and other users with others', async () => {
      const subjectOf = async (holder: AccountHolder): Promise<string> => {
        const verdict = await under.signIn.redeem(await answerOf(holder));
        return verdict.verdict === 'SIGNED_IN' ? verdict.person.subject : 'refused';
      };
      const first = await subjectOf(KIM);
      expect(await subjectOf(KIM)).toBe(first);
      expect(await subjectOf({ email: 'tom@elsewhere.example' })).not.toBe(first);
      expect(first).not.toBe('refused');
    });

    test('the right user, for each of twenty concurrent sign-ins', async () => {
      const emails = Array.from({ length: 20 }, (_, index) => `person-${index}@elsewhere.example`);
      const verdicts = await Promise.all(
        emails.map(async (email) => under.signIn.redeem(await answerOf({ email }))),
      );
      expect(verdicts.map((each) => (each.verdict === 'SIGNED_IN' ? each.person.email : each))).toEqual(
        emails,
      );
    });
  });

  describe('no one is signed in by', () => {
    test('a code that was redeemed before', async () => {
      const answer = await answerOf(KIM);
      expect(await under.signIn.redeem(answer)).toMatchObject({ verdict: 'SIGNED_IN' });
      await expectRefusal(answer, /invalid_grant/);
    });

    test('the same code used twice concurrently', async () => {
      const answer = await answerOf(KIM);
      const verdicts = await Promise.all([under.signIn.redeem(answer), under.signIn.redeem(answer)]);
      expect(verdicts.map(({ verdict }) => verdict).toSorted()).toEqual(['REFUSED', 'SIGNED_IN']);
    });

    test('a code stolen from another browser, which has another verifier', async () => {
      const taken = await answerOf(ZOE);
      await expectRefusal({ ...taken, codeVerifier: begin().codeVerifier }, /invalid_grant/);
    });

    test('the code challenge in place of its verifier', async () => {
      const begun = begin();
      const answer = await answerOf(ZOE, begun);
      await expectRefusal({ ...answer, codeVerifier: begun.codeChallenge }, /invalid_grant/);
    });

    test('a code that was issued for another redirect address', async () => {
      const answer = await answerOf(ZOE);
      await expectRefusal({ ...answer, redirectUri: 'http://127.0.0.1:8081/auth/callback' }, /invalid_grant/);
    });

    test('a code from a sign-in that another browser began', async () => {
      const answer = await answerOf(ZOE);
      await expectRefusal({ ...answer, nonce: begin().nonce }, /another sign-in/);
    });

    test.each([
      ['made up', 'made-up-code'],
      ['empty', ''],
      ['of many characters', 'x'.repeat(4096)],
      ['of characters that need encoding', 'a&client_id=b c\0ü'],
    ])('a code that is %s', async (_name, code) => {
      await expectRefusal({ ...(await answerOf(KIM)), code }, /invalid_(grant|request)/);
    });
  });
}
