import type { ChangePreview } from '../../../sdk/src/api.ts';
import { planName, seatsOf } from '../licenses.ts';
import { moneyText } from '../money.ts';
import { dateOf } from '../time.ts';

/** What a change costs now and later, as sentences. */
export function previewTexts({
  plan,
  seats,
  interval,
  collection,
  currency,
  amount_due,
  credit,
  next_invoice,
}: Omit<ChangePreview, 'lines'>): string[] {
  const money = (amount: number): string => moneyText(amount, currency);
  const now =
    amount_due > 0
      ? collection === 'automatic'
        ? `You pay ${money(amount_due)} now.`
        : `You get an invoice of ${money(amount_due)} now, due as agreed. The change does not wait for its payment.`
      : credit > 0
        ? `You pay nothing now, and get a credit of ${money(credit)} for later invoices.`
        : 'You pay nothing now.';
  return [
    `${planName(plan)}, ${seatsOf(seats)}, billed every ${interval}.`,
    now,
    `The next invoice is ${money(next_invoice.amount)}${credit > 0 ? ' before credit' : ''}, on ${dateOf(new Date(next_invoice.at))}.`,
  ];
}
