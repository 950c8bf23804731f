import fc from 'fast-check';
import { expect, test } from 'vitest';
import { pseudonyms, pseudonymsOf } from './holder.ts';

const KEY = 'pseudonym-key-0123456789abcdef0123456789';
const pseudonym = pseudonyms(KEY);

test("gives a holder the same pseudonym on every instance, without the client's own text", () => {
  const name = pseudonym('lic_a', 'machine', 'fingerprint');
  expect(name).toMatch(/^[\w-]{12}$/);
  expect(pseudonyms(KEY)('lic_a', 'machine', 'fingerprint')).toBe(name);
  expect(name).not.toContain('finger');
});

test('gives the same machine another pseudonym for another license, unit or key', () => {
  const names = [
    pseudonym('lic_a', 'machine', 'x'),
    pseudonym('lic_b', 'machine', 'x'),
    pseudonym('lic_a', 'user', 'x'),
    pseudonyms(`${KEY}!`)('lic_a', 'machine', 'x'),
  ];
  expect(new Set(names).size).toBe(4);
});

test('gives different splits of the same text different pseudonyms', () => {
  const identifiers = fc.array(fc.string({ unit: 'binary' }), { minLength: 1, maxLength: 3 });
  fc.assert(
    fc.property(identifiers, identifiers, (left, right) => {
      const areSame = JSON.stringify(left) === JSON.stringify(right);
      expect(pseudonym('lic', 'process', ...left) === pseudonym('lic', 'process', ...right)).toBe(areSame);
    }),
    { seed: 7, numRuns: 300 },
  );
  expect(pseudonym('lic', 'process', 'a', 'bc')).not.toBe(pseudonym('lic', 'process', 'ab', 'c'));
  expect(pseudonym('lic', 'process', '","')).not.toBe(pseudonym('lic', 'process', '', ''));
});

test('pseudonyms never change: computed with another HMAC, they are the same', () => {
  // Such as: printf '["lic_a","machine","fingerprint"]' | openssl dgst -sha256 -hmac KEY -binary | basenc --base64url
  expect(pseudonym('lic_a', 'machine', 'fingerprint')).toBe('LsVsPrE9oqjB');
  expect(pseudonym('lic_a', 'process', 'fingerprint', '4711')).toBe('r55EPKWOPfJV');
  const pseudonymOf = pseudonymsOf(KEY);
  expect(pseudonymOf('account', 'google 4711')).toBe('S36SbFpmsojlukFQPy4Et7');
  expect(pseudonymOf('address', '203.0.113.7')).toBe('1o0FLtWXFqWaFdBY4HftAw');
  expect(pseudonymOf('trial', 'machine laptop')).toBe('4BKMoCLD831sq5l7If0sl1');
});
