import { expect, test } from 'vitest';
import { lazy } from './lazy.ts';

function counted() {
  const seen = { opened: 0, failing: false };
  const get = lazy(async () => {
    seen.opened += 1;
    if (seen.failing) throw new Error('locked');
    return seen.opened;
  });
  return { get, seen };
}

test('opens once, at the first call, even when two calls run at the same time', async () => {
  const { get, seen } = counted();
  expect(seen.opened).toBe(0);
  expect(await Promise.all([get(), get()])).toEqual([1, 1]);
  expect(await get()).toBe(1);
});

test('opens again after opening has failed', async () => {
  const { get, seen } = counted();
  seen.failing = true;
  await expect(get()).rejects.toThrow('locked');
  seen.failing = false;
  expect(await get()).toBe(2);
});
