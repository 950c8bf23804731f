/**
 * Decimals of the currencies in which Stripe counts other than hundredths (docs.stripe.com/currencies#zero-decimal,
 * #three-decimal). `Intl` differs: it has no decimals for HUF, ISK, UGX and others that Stripe counts in hundredths.
 */
const DECIMALS: ReadonlyMap<string, number> = new Map([
  ...'BIF CLP DJF GNF JPY KMF KRW MGA PYG RWF VND VUV XAF XOF XPF'
    .split(' ')
    .map((code) => [code, 0] as const),
  ...'BHD JOD KWD OMR TND'.split(' ').map((code) => [code, 3] as const),
]);

/** Decimals of `unit_amount_decimal` are at most 12 (docs.stripe.com/api/prices/object), those of a currency 3. */
const MOST_DECIMALS = 15;

interface UnitPrice {
  readonly currency: string;
  readonly unit_amount_decimal: string | null;
}

/** What `count` units cost, such as "$18.00"; `undefined` if the price of a unit depends on their number. */
export function amountText({ currency, unit_amount_decimal }: UnitPrice, count = 1): string | undefined {
  if (unit_amount_decimal === null) return undefined;
  // As whole numbers: floating-point numbers could round the product.
  const [whole = '0', fraction = ''] = unit_amount_decimal.split('.');
  return textOf(BigInt(whole + fraction) * BigInt(count), fraction.length, currency);
}

/** An amount in the smallest unit of its currency, as Stripe counts it. */
export function moneyText(amount: number, currency: string): string {
  return textOf(BigInt(amount), 0, currency);
}

/** `digits`, of which the last `places` are fractions of the smallest unit. */
function textOf(digits: bigint, places: number, currency: string): string {
  const code = currency.toUpperCase();
  const value = Number(`${digits}E-${places + (DECIMALS.get(code) ?? 2)}`);
  const format = { style: 'currency', currency: code, maximumFractionDigits: MOST_DECIMALS } as const;
  return new Intl.NumberFormat('en', format).format(value);
}
