/**
 * Amounts as Stripe counts them: in the smallest unit of a currency, which is not the smallest unit of ISO 4217 for all
 * (docs.stripe.com/currencies#zero-decimal, #three-decimal, #special-cases: ISK and UGX have two decimals at Stripe).
 */
const NO_DECIMALS = new Set('BIF CLP DJF GNF JPY KMF KRW MGA PYG RWF VND VUV XAF XOF XPF'.split(' '));
const THREE_DECIMALS = new Set('BHD JOD KWD OMR TND'.split(' '));

/** Decimals of `unit_amount_decimal`, at most (docs.stripe.com/api/prices/object). */
const FRACTION_DIGITS = 12;

export interface UnitPrice {
  readonly currency: string;
  readonly unit_amount_decimal: string | null;
}

/** What `count` units cost, such as "$18.00"; `undefined` if the price of a unit depends on their number. */
export function amountText({ currency, unit_amount_decimal }: UnitPrice, count = 1): string | undefined {
  if (unit_amount_decimal === null) return undefined;
  const code = currency.toUpperCase();
  const value = shifted(times(unit_amount_decimal, count), decimalsOf(code));
  const decimals = value.split('.')[1]?.length ?? 0;
  const format = new Intl.NumberFormat('en', { style: 'currency', currency: code });
  const usual = format.resolvedOptions().maximumFractionDigits ?? 0;
  if (decimals <= usual) return format.format(Number(value));
  const exact = { minimumFractionDigits: decimals, maximumFractionDigits: decimals };
  return new Intl.NumberFormat('en', { style: 'currency', currency: code, ...exact }).format(Number(value));
}

function decimalsOf(code: string): number {
  if (NO_DECIMALS.has(code)) return 0;
  return THREE_DECIMALS.has(code) ? 3 : 2;
}

/** Exact, without floating-point errors. */
function times(decimal: string, count: number): { readonly digits: bigint; readonly scale: number } {
  const [whole = '0', fraction = ''] = decimal.split('.');
  const digits = BigInt(whole + fraction.padEnd(FRACTION_DIGITS, '0')) * BigInt(count);
  return { digits, scale: FRACTION_DIGITS };
}

/** The number as a decimal without trailing zeros, divided by ten to the power of `places`. */
function shifted({ digits, scale }: ReturnType<typeof times>, places: number): string {
  const text = String(digits).padStart(scale + places + 1, '0');
  const point = text.length - scale - places;
  return `${text.slice(0, point)}.${text.slice(point)}`.replace(/\.?0+$/, '');
}
