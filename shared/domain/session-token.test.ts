import { expect, test } from 'vitest';
import { sealer } from './sealed.ts';
import type { Session } from './session.ts';
import { sessionTokens } from './session-token.ts';

const OLD_KEY = 'the-key-of-last-year-0123456789abcdef';
const NEW_KEY = 'the-key-of-this-year-0123456789abcdef';

const SEALED_AT_MS = 1_700_000_000_123;

const session: Session = {
  sessionId: 'ses_07_0123456789abcdef_0123456789abcdef',
  holder: 'a-pseudonym',
  acquiredAtMs: 1_700_000_000_000,
  expiresAtMs: 1_700_000_360_000,
  facts: { fingerprint: 'größe 🪑', hostname: 'bench', userId: 'ada' },
};

test('a token opens to the session that was sealed', () => {
  const tokens = sessionTokens([NEW_KEY]);
  expect(tokens.open(session.sessionId, tokens.seal(session, SEALED_AT_MS))).toEqual({
    session,
    sealedAtMs: SEALED_AT_MS,
  });
});

test('a token of a borrowed seat knows until when', () => {
  const tokens = sessionTokens([NEW_KEY]);
  const borrowed = { ...session, borrowedUntilMs: session.expiresAtMs };
  expect(tokens.open(session.sessionId, tokens.seal(borrowed, SEALED_AT_MS))?.session).toEqual(borrowed);
});

test('a token with any one character changed, added or missing opens to nothing', () => {
  const tokens = sessionTokens([NEW_KEY]);
  const token = tokens.seal(session, SEALED_AT_MS);
  for (let i = 0; i < token.length; i += 1) {
    for (const other of ['A', 'B', '0', '_', '-', '.', '=', ' ', '\n', 'é']) {
      if (other !== token[i]) {
        const changed = `${token.slice(0, i)}${other}${token.slice(i + 1)}`;
        expect(tokens.open(session.sessionId, changed), `${other} at ${i}`).toBeUndefined();
      }
      const longer = `${token.slice(0, i + 1)}${other}${token.slice(i + 1)}`;
      expect(tokens.open(session.sessionId, longer), `${other} after ${i}`).toBeUndefined();
    }
    const shorter = `${token.slice(0, i)}${token.slice(i + 1)}`;
    expect(tokens.open(session.sessionId, shorter), `without ${i}`).toBeUndefined();
  }
});

test('the last character counts, though half of its bits carry nothing', () => {
  const tokens = sessionTokens([NEW_KEY]);
  const token = tokens.seal(session, SEALED_AT_MS);
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
  const opening = [...alphabet].filter((last) =>
    tokens.open(session.sessionId, `${token.slice(0, -1)}${last}`),
  );
  expect(opening).toEqual([token.at(-1)]);
});

test('a token is of no use to another session', () => {
  const tokens = sessionTokens([NEW_KEY]);
  expect(
    tokens.open('ses_07_0123456789abcdef_fedcba9876543210', tokens.seal(session, SEALED_AT_MS)),
  ).toBeUndefined();
});

test('a new key seals at once, and what the old one sealed opens until it is taken away', () => {
  const before = sessionTokens([OLD_KEY]).seal(session, SEALED_AT_MS);
  const during = sessionTokens([NEW_KEY, OLD_KEY]);
  const opened = { session, sealedAtMs: SEALED_AT_MS };
  expect(during.open(session.sessionId, before)).toEqual(opened);
  expect(sessionTokens([NEW_KEY]).open(session.sessionId, during.seal(session, SEALED_AT_MS))).toEqual(
    opened,
  );
  expect(sessionTokens([NEW_KEY]).open(session.sessionId, before)).toBeUndefined();
});

test('a token from before it told when it was sealed opens all the same', () => {
  const token = sealer('st1', [OLD_KEY]).seal(JSON.stringify(session));
  expect(sessionTokens([OLD_KEY]).open(session.sessionId, token)).toEqual({ session, sealedAtMs: undefined });
});
