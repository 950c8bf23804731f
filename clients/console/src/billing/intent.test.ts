import { expect, test } from 'vitest';
import { createIntents } from './intent.ts';

function counted() {
  let count = 0;
  return createIntents(() => `key-${++count}`);
}

test('a purchase that is sent again for want of an answer is the same purchase', () => {
  const intents = counted();
  const first = intents.keyOf({ plan: 'pro', seats: 2 });
  expect(intents.keyOf({ plan: 'pro', seats: 2 })).toBe(first);
});

test('somebody who changes their mind buys something else', () => {
  const intents = counted();
  const first = intents.keyOf({ plan: 'pro', seats: 2 });
  expect(intents.keyOf({ plan: 'pro', seats: 3 })).not.toBe(first);
});

test('who wants the same once more after it came through buys it once more', () => {
  const intents = counted();
  const first = intents.keyOf({ plan: 'pro', seats: 2 });
  intents.done();
  expect(intents.keyOf({ plan: 'pro', seats: 2 })).not.toBe(first);
});
