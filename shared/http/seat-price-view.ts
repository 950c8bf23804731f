import * as z from 'zod/mini';

/** What one seat costs in one period, before discounts and taxes. */
export const SeatPriceFields = {
  /** ISO 4217, in lower case. */
  currency: z.string(),
  /**
   * In the smallest unit of the currency, as Stripe counts it (docs.stripe.com/currencies#minor-units); null if it is not
   * a whole number, or if the price of a seat depends on the number of seats.
   */
  unit_amount: z.nullable(z.int()),
  /** The same with decimals; null if the price of a seat depends on the number of seats. */
  unit_amount_decimal: z.nullable(z.string()),
};

export function viewOfAmount({
  currency,
  unitAmount,
}: {
  readonly currency: string;
  readonly unitAmount: string | null;
}) {
  const whole = Number(unitAmount);
  return {
    currency,
    unit_amount: unitAmount !== null && Number.isSafeInteger(whole) ? whole : null,
    unit_amount_decimal: unitAmount,
  };
}
