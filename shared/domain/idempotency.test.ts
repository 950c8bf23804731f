import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { pseudonymsOf } from './holder.ts';
import { idempotencyKey } from './idempotency.ts';

const pseudonymOf = pseudonymsOf('a key of the server');
const SCOPE = { endpoint: 'licenses.create', owner: 'user usr_1' };
const key = fc.stringMatching(/^[!-~]{1,40}$/);

describe('an outcome', () => {
  test('is opened by the same key, and has the same value', () => {
    fc.assert(
      fc.property(key, fc.option(fc.jsonValue(), { nil: undefined }), (text, outcome) => {
        const sealed = idempotencyKey(text, SCOPE, pseudonymOf).seal(outcome);
        expect(idempotencyKey(text, SCOPE, pseudonymOf).open(sealed)).toEqual(
          outcome === undefined || outcome === null ? undefined : JSON.parse(JSON.stringify(outcome)),
        );
      }),
    );
  });

  const sealed = idempotencyKey('key', SCOPE, pseudonymOf).seal({ license_key: 'slk_secret' });
  test.each([
    ['another key', idempotencyKey('key2', SCOPE, pseudonymOf)],
    ['another endpoint', idempotencyKey('key', { ...SCOPE, endpoint: 'tenants.create' }, pseudonymOf)],
    ['another caller', idempotencyKey('key', { ...SCOPE, owner: 'user usr_2' }, pseudonymOf)],
    ['another server', idempotencyKey('key', SCOPE, pseudonymsOf('another key'))],
  ])('is not opened with %s, which has another id and another hash', (_, other) => {
    const own = idempotencyKey('key', SCOPE, pseudonymOf);
    expect(() => other.open(sealed)).toThrow();
    expect(other.keyId).not.toBe(own.keyId);
    expect(other.hash({ max: 1 })).not.toBe(own.hash({ max: 1 }));
  });

  test('is not opened after any change', () => {
    const own = idempotencyKey('key', SCOPE, pseudonymOf);
    const bytes = Buffer.from(sealed, 'base64url');
    for (let at = 0; at < bytes.length; at += 1) {
      const changed = Buffer.from(bytes);
      changed[at] = (changed[at] ?? 0) ^ 1;
      expect(() => own.open(changed.toString('base64url'))).toThrow();
    }
  });

  test('is sealed differently each time', () => {
    const own = idempotencyKey('key', SCOPE, pseudonymOf);
    expect(own.seal('same')).not.toBe(own.seal('same'));
  });
});
