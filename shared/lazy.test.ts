import { expect, test } from 'vitest';
import { whenNeeded } from './lazy.ts';

interface Till {
  add(amount: number): Promise<number>;
  close(): Promise<void>;
}

function till() {
  const seen = { opened: 0, closed: 0, failing: false };
  const part = whenNeeded<Till>({ add: true, close: true }, async () => {
    if (seen.failing) throw new Error('locked');
    seen.opened += 1;
    let sum = 0;
    return {
      async add(amount) {
        sum += amount;
        return sum;
      },
      async close() {
        seen.closed += 1;
      },
    };
  });
  return { part, seen };
}

test('a part is opened by the first call, once, also by two at the same time', async () => {
  const { part, seen } = till();
  expect(seen.opened).toBe(0);
  expect(await Promise.all([part.add(1), part.add(2)])).toEqual([1, 3]);
  expect(seen.opened).toBe(1);
});

test('a part that could not be opened is opened by the next call', async () => {
  const { part, seen } = till();
  seen.failing = true;
  await expect(part.add(1)).rejects.toThrow('locked');
  seen.failing = false;
  expect(await part.add(1)).toBe(1);
});

test('closing a part that was never used opens nothing', async () => {
  const { part, seen } = till();
  await part.close();
  expect(seen).toMatchObject({ opened: 0, closed: 0 });
  await part.add(1);
  await part.close();
  expect(seen).toMatchObject({ opened: 1, closed: 1 });
});
