import { expect, test } from 'vitest';
import { dateOf } from '../time.ts';
import { previewTexts } from './change.ts';

const PREVIEW = {
  license_id: 'lic_07_0000000000000000',
  subscription_id: 'sub_1',
  plan: 'team',
  interval: 'month',
  collection: 'automatic',
  seats: 6,
  currency: 'usd',
  amount_due: 1_350,
  credit: 0,
  next_invoice: { amount: 9_000, at: '2027-01-25T12:00:00.000Z' },
  proration_date: '2026-12-31T12:00:00.000Z',
} as const;

test.each([
  ['a payment', {}, 'You pay $13.50 now.', '$90.00'],
  [
    'a sent invoice',
    { collection: 'invoice' },
    'You get an invoice of $13.50 now, due as agreed. The change does not wait for its payment.',
    '$90.00',
  ],
  [
    'a credit',
    { amount_due: 0, credit: 1_800 },
    'You pay nothing now, and get a credit of $18.00 for later invoices.',
    '$90.00 before credit',
  ],
  ['neither', { amount_due: 0 }, 'You pay nothing now.', '$90.00'],
] as const)('a preview with %s says so, and what the next invoice is', (_, change, now, next) => {
  expect(previewTexts({ ...PREVIEW, ...change })).toEqual([
    'Team, 6 seats, billed every month.',
    now,
    `The next invoice is ${next}, on ${dateOf(new Date(PREVIEW.next_invoice.at))}.`,
  ]);
});
