import { expect, test } from 'vitest';
import { moneyText } from './money.ts';

test.each([
  [1_800, 'usd', '$18.00'],
  [15_015_000, 'usd', '$150,150.00'],
  [950, 'eur', '€9.50'],
  [1_800, 'jpy', '¥1,800'],
  [1_800, 'kwd', 'KWD 1.800'],
  [180_000, 'isk', 'ISK 1,800'],
  [-900, 'usd', '-$9.00'],
])('%i %s are shown as %s', (amount, currency, text) => {
  expect(moneyText(amount, currency)).toBe(text);
});
