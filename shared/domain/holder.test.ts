import fc from 'fast-check';
import { expect, test } from 'vitest';
import { pseudonyms } from './holder.ts';

const KEY = 'pseudonym-key-0123456789abcdef0123456789';
const pseudonym = pseudonyms(KEY);

test('the same holder has the same pseudonym on every instance, and it does not hold what the client said', () => {
  const name = pseudonym('lic_a', 'machine', 'fingerprint');
  expect(name).toMatch(/^[\w-]{12}$/);
  expect(pseudonyms(KEY)('lic_a', 'machine', 'fingerprint')).toBe(name);
  expect(name).not.toContain('finger');
});

test('license, unit and key each give the same machine another pseudonym', () => {
  const names = [
    pseudonym('lic_a', 'machine', 'x'),
    pseudonym('lic_b', 'machine', 'x'),
    pseudonym('lic_a', 'user', 'x'),
    pseudonyms(`${KEY}!`)('lic_a', 'machine', 'x'),
  ];
  expect(new Set(names).size).toBe(4);
});

test('no two ways of splitting the same text are one holder', () => {
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
