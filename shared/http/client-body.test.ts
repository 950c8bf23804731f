import { expect, test } from 'vitest';
import * as z from 'zod/mini';
import { ABSENT, clientBody, clientLimits } from './client-body.ts';
import { wholeNumber } from './fields.ts';

const SHAPE = { id: z.string(), days: z.optional(wholeNumber(1, 9)) };
const body = clientBody({ ...SHAPE, limits: z.optional(clientLimits({ seats: z.optional(z.int()) })) });

const issuesOf = (value: unknown): unknown =>
  z.safeParse(body, value).error?.issues.map(({ path, code }) => [path.join('/'), code]);

test('treats null in an optional field like an absent field, at every depth', () => {
  expect(z.parse(body, { id: 'a', days: null, limits: { seats: null } })).toStrictEqual({
    id: 'a',
    limits: {},
  });
  expect(z.parse(body, { id: 'a', limits: null })).toStrictEqual({ id: 'a' });
});

test('refuses null in a required field, and wrong values, by the name of the field', () => {
  expect(issuesOf({ id: null, days: 0 })).toEqual([
    ['id', 'invalid_type'],
    ['days', 'too_small'],
  ]);
});

test('ignores unknown fields, and refuses them among limits', () => {
  expect(z.parse(body, JSON.parse('{"id":"a","colour":1,"__proto__":{"days":2}}'))).toStrictEqual({
    id: 'a',
  });
  expect(issuesOf({ id: 'a', limits: { cores: 1 } })).toEqual([['limits', 'unrecognized_keys']]);
});

test('refuses a body that mixes two forms', () => {
  const either = z.union([
    clientBody({ id: z.string(), ids: ABSENT }),
    clientBody({ id: ABSENT, ids: z.array(z.string()) }),
  ]);
  expect(z.parse(either, { id: 'a', ids: null })).toStrictEqual({ id: 'a' });
  expect(z.parse(either, { id: null, ids: ['a'] })).toStrictEqual({ ids: ['a'] });
  expect(z.safeParse(either, { id: 'a', ids: ['b'] }).success).toBe(false);
});
