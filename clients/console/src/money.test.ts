import { expect, test } from 'vitest';
import { amountText, moneyText } from './money.ts';

test.each([
  ['usd', '900', 1, '$9.00'],
  ['usd', '900', 25, '$225.00'],
  ['eur', '1050', 3, '€31.50'],
  ['usd', '0', 7, '$0.00'],
  // A fraction of the smallest unit is not rounded away.
  ['usd', '0.5', 1, '$0.005'],
  ['usd', '12.25', 2, '$0.245'],
  ['usd', '12.25', 400, '$49.00'],
  ['usd', '99999999', 100_000, '$99,999,999,000.00'],
  // No decimals at Stripe.
  ['jpy', '1200', 3, '¥3,600'],
  ['krw', '9900', 1, '₩9,900'],
  // Three decimals at Stripe.
  ['kwd', '1500', 2, 'KWD 3.000'],
  // Stripe counts these in hundredths, ISO 4217 in wholes.
  ['isk', '150000', 1, 'ISK 1,500'],
  ['ugx', '500000', 2, 'UGX 10,000'],
])('%s %s for each of %i is %s', (currency, unit_amount_decimal, count, text) => {
  const shown = amountText({ currency, unit_amount_decimal }, count);
  expect(shown?.replaceAll('\u00a0', ' ')).toBe(text);
});

test('shows an amount that is owed to the customer', () => {
  expect(moneyText(-5, 'usd')).toBe('-$0.05');
});

test('shows no amount if the price depends on the number of seats', () => {
  expect(amountText({ currency: 'usd', unit_amount_decimal: null })).toBeUndefined();
});
