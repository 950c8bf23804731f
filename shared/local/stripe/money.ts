/**
 * Decimals of the currencies in which Stripe counts other than hundredths (docs.stripe.com/currencies#zero-decimal,
 * #three-decimal). ISK and UGX have no decimals, but are counted in hundredths (#special-cases).
 */
const DECIMALS: ReadonlyMap<string, number> = new Map([
  ...'BIF CLP DJF GNF JPY KMF KRW MGA PYG RWF VND VUV XAF XOF XPF'
    .split(' ')
    .map((code) => [code, 0] as const),
  ...'BHD JOD KWD OMR TND'.split(' ').map((code) => [code, 3] as const),
]);

/** An amount in the smallest unit of its currency, such as `$18.00` or `¥1,800`. */
export function moneyText(amount: number, currency: string): string {
  const code = currency.toUpperCase();
  const format = new Intl.NumberFormat('en', { style: 'currency', currency: code });
  // Read as a decimal: a division could round.
  return format.format(Number(`${amount}E-${DECIMALS.get(code) ?? 2}`)).replaceAll('\u00a0', ' ');
}
