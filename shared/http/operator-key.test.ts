import type { IncomingMessage } from 'node:http';
import { expect, test } from 'vitest';
import { Unavailable } from '../errors.ts';
import type { Deps } from '../ports/deps.ts';
import type { Taken } from '../ports/limits.ts';
import type { Noted } from '../ports/log-line.ts';
import { openOperatorKeys, WRONG_KEYS } from './operator-key.ts';

const RIGHT = 'the-operator-key';
const ATTACKER = '203.0.113.7';
const OWNER = '203.0.113.8';
const WRONG = { problem: 'CREDENTIALS_INVALID', because: 'wrong operator key' };
const REFUSED = { problem: 'RATE_LIMITED' };

/** Instances of a function that share one count, which has this many wrong keys left for each address. */
function functionWith({ left = 3, fault }: { left?: number; fault?: Error } = {}) {
  let nowMs = 1_000_000;
  const remaining = new Map<string, number>();
  const buckets: string[] = [];
  const compared: string[] = [];
  const noted: Noted[] = [];
  const pass = (ms: number): void => {
    nowMs += ms;
  };
  const deps = {
    clock: { nowMs: () => nowMs },
    forwardedHops: 1,
    pseudonymOf: (_: string, text: string) => `pseudonym of ${text.length}/${text.at(-1)}`,
    isOperatorKey: (presented: string) => {
      compared.push(presented);
      return presented === RIGHT;
    },
    limits: {
      async take(bucket: string, size: unknown): Promise<Taken> {
        expect(size).toEqual(WRONG_KEYS);
        buckets.push(bucket);
        if (fault) throw fault;
        const before = remaining.get(bucket) ?? left;
        remaining.set(bucket, Math.max(0, before - 1));
        return before > 0
          ? { verdict: 'ALLOWED', remaining: before - 1, resetSeconds: 60 }
          : { verdict: 'LIMITED', remaining: 0, resetSeconds: 60 };
      },
    },
  } as unknown as Deps;
  const open = (own = deps) => {
    const keys = openOperatorKeys();
    return (presented: string, address = ATTACKER) => {
      const request = { headers: { 'x-forwarded-for': address } } as unknown as IncomingMessage;
      return keys.checkFor(request, own, (fields) => void noted.push(fields))(presented);
    };
  };
  return { open, deps, buckets, compared, noted, pass };
}

test('accepts the right key without a Redis command', async () => {
  const { open, buckets } = functionWith();
  const check = open();
  for (const _ of [1, 2, 3]) expect(await check(RIGHT)).toBeUndefined();
  expect(buckets).toEqual([]);
});

test('refuses keys uncompared and uncounted after too many wrong ones from an address, the right key too', async () => {
  const { open, buckets, compared, pass } = functionWith();
  const check = open();
  for (const _ of [1, 2, 3]) expect(await check('wrong')).toEqual(WRONG);
  expect(buckets).toHaveLength(3);
  for (const key of ['wrong', RIGHT])
    expect(await check(key)).toMatchObject({ ...REFUSED, retryAfterSeconds: 60 });
  expect([buckets.length, compared.length]).toEqual([3, 3]);
  pass(59_001);
  expect(await check(RIGHT)).toMatchObject({ ...REFUSED, retryAfterSeconds: 1 });
  pass(1_000);
  expect(await check(RIGHT)).toBeUndefined();
});

test('accepts the right key from other addresses meanwhile, and sends no address to Redis', async () => {
  const { open, buckets } = functionWith();
  const check = open();
  for (let n = 0; n < 5; n += 1) await check('wrong');
  expect(await check(RIGHT, OWNER)).toBeUndefined();
  expect(await check('wrong', OWNER)).toEqual(WRONG);
  expect(new Set(buckets).size).toBe(2);
  expect(buckets.join()).not.toContain('203.0.113');
});

test('compares at most one more key on each other instance', async () => {
  const { open, compared } = functionWith();
  const [first, second] = [open(), open()];
  for (const _ of [1, 2, 3]) await first('wrong');
  compared.length = 0;
  for (const _ of [1, 2, 3])
    expect(await second('wrong')).toMatchObject({ ...REFUSED, retryAfterSeconds: 60 });
  expect(compared).toHaveLength(1);
});

test('compares no more keys when they arrive at once', async () => {
  const { open, compared } = functionWith();
  const check = open();
  const replies = await Promise.all([...Array<string>(50).fill('wrong'), RIGHT].map((key) => check(key)));
  expect(compared).toEqual(['wrong', 'wrong', 'wrong']);
  expect(replies.at(-1)).toMatchObject(REFUSED);
});

test('compares one wrong key a minute while the limits are unavailable, and accepts the right one', async () => {
  const { open, compared, noted, pass } = functionWith({ fault: new Unavailable('limits', 'no answer') });
  const check = open();
  expect(await check(RIGHT, OWNER)).toBeUndefined();
  expect(await check('wrong')).toEqual(WRONG);
  expect(noted).toEqual([{ severity: 'WARNING', uncounted: 'limits: no answer' }]);
  compared.length = 0;
  expect(await check('wrong')).toMatchObject({ ...REFUSED, retryAfterSeconds: 60 });
  expect(compared).toEqual([]);
  pass(60_000);
  expect(await check('wrong')).toEqual(WRONG);
  expect(await check(RIGHT, OWNER)).toBeUndefined();
});

test('fails when counting fails for another reason', async () => {
  const { open } = functionWith({ fault: new TypeError('a bug') });
  await expect(open()('wrong')).rejects.toThrow('a bug');
});

test('refuses every key without counting it while the key is switched off', async () => {
  const { open, deps, buckets } = functionWith();
  const check = open({ ...deps, isOperatorKey: undefined });
  for (const key of [RIGHT, '', 'wrong']) expect(await check(key)).toMatchObject({ problem: WRONG.problem });
  expect(buckets).toEqual([]);
});

test('forgets the oldest of more than 10,000 addresses', async () => {
  const { open, compared } = functionWith({ left: 1 });
  const check = open();
  for (let n = 0; n <= 10_000; n += 1) await check('wrong', `10.0.${n >> 8}.${n & 255}`);
  compared.length = 0;
  await check('wrong', '10.0.0.1');
  expect(compared).toEqual([]);
  await check('wrong', '10.0.0.0');
  expect(compared).toHaveLength(1);
});
