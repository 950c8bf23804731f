import { expect, test } from 'vitest';
import { createIntents } from './intent.ts';

function counted() {
  let count = 0;
  return createIntents(() => `key-${++count}`);
}

test('returns the same key when an order is sent again before it was completed', () => {
  const intents = counted();
  const first = intents.keyOf({ plan: 'pro', seats: 2 });
  expect(intents.keyOf({ plan: 'pro', seats: 2 })).toBe(first);
});

test('returns another key for another order', () => {
  const intents = counted();
  const first = intents.keyOf({ plan: 'pro', seats: 2 });
  expect(intents.keyOf({ plan: 'pro', seats: 3 })).not.toBe(first);
});

test('returns another key for the same order after the first was completed', () => {
  const intents = counted();
  const first = intents.keyOf({ plan: 'pro', seats: 2 });
  intents.done();
  expect(intents.keyOf({ plan: 'pro', seats: 2 })).not.toBe(first);
});
