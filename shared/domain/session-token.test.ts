import { expect, test } from 'vitest';
import { sealer } from './sealed.ts';
import type { Session } from './session.ts';
import { sessionTokens } from './session-token.ts';

const OLD_KEY = 'the-key-of-last-year-0123456789abcdef';
const NEW_KEY = 'the-key-of-this-year-0123456789abcdef';

const TOLD_VERSION = 7;

const session: Session = {
  sessionId: 'ses_07_0123456789abcdef_0123456789abcdef',
  kind: 'instance',
  holder: 'a-pseudonym',
  machine: 'of-a-machine',
  acquiredAtMs: 1_700_000_000_000,
  expiresAtMs: 1_700_000_360_000,
  facts: { fingerprint: 'größe 🪑', hostname: 'bench', userId: 'ada' },
};

test('returns the sealed session and the version of the license that the client was told', () => {
  const tokens = sessionTokens([NEW_KEY]);
  for (const kind of ['instance', 'machine', 'loan'] as const) {
    const sealed = { ...session, kind };
    expect(tokens.open(session.sessionId, tokens.seal(sealed, TOLD_VERSION))).toEqual({
      session: sealed,
      toldVersion: TOLD_VERSION,
    });
  }
});

test('rejects a token with any one character changed, added or removed', () => {
  const tokens = sessionTokens([NEW_KEY]);
  const token = tokens.seal(session, TOLD_VERSION);
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

test('rejects another last character, even one that differs only in unused bits', () => {
  const tokens = sessionTokens([NEW_KEY]);
  const token = tokens.seal(session, TOLD_VERSION);
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
  const opening = [...alphabet].filter((last) =>
    tokens.open(session.sessionId, `${token.slice(0, -1)}${last}`),
  );
  expect(opening).toEqual([token.at(-1)]);
});

test('rejects the token of another session', () => {
  const tokens = sessionTokens([NEW_KEY]);
  expect(
    tokens.open('ses_07_0123456789abcdef_fedcba9876543210', tokens.seal(session, TOLD_VERSION)),
  ).toBeUndefined();
});

test('seals with a new key at once, and opens tokens of the old key until that is removed', () => {
  const before = sessionTokens([OLD_KEY]).seal(session, TOLD_VERSION);
  const during = sessionTokens([NEW_KEY, OLD_KEY]);
  const opened = { session, toldVersion: TOLD_VERSION };
  expect(during.open(session.sessionId, before)).toEqual(opened);
  expect(sessionTokens([NEW_KEY]).open(session.sessionId, during.seal(session, TOLD_VERSION))).toEqual(
    opened,
  );
  expect(sessionTokens([NEW_KEY]).open(session.sessionId, before)).toBeUndefined();
});

test.each([
  ['of another version', 'st2', { ...session, toldVersion: 1 }],
  ['with another content', 'st1', { ...session, toldVersion: 1, expiresAtMs: undefined }],
  ['without the version of the license', 'st1', session],
])('does not open a token %s', (_, version, content) => {
  const token = sealer(version, [OLD_KEY]).seal(JSON.stringify(content));
  expect(sessionTokens([OLD_KEY]).open(session.sessionId, token)).toBeUndefined();
});
