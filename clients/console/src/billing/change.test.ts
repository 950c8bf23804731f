import { expect, test } from 'vitest';
import { previewTexts } from './change.ts';

const PREVIEW = {
  license_id: 'lic_07_0000000000000000',
  subscription_id: 'sub_1',
  plan: 'team',
  interval: 'month',
  seats: 6,
  currency: 'usd',
  amount_due: 1_350,
  credit: 0,
  next_invoice: { amount: 9_000, at: '2027-01-25T12:00:00.000Z' },
  proration_date: '2026-12-31T12:00:00.000Z',
} as const;

test.each([
  ['a payment', {}, 'You pay $13.50 now.'],
  [
    'a credit',
    { amount_due: 0, credit: 1_800 },
    'You pay nothing now, and get a credit of $18.00 for later invoices.',
  ],
  ['neither', { amount_due: 0 }, 'You pay nothing now.'],
])('a preview with %s says so, and what the next invoice is', (_, change, now) => {
  expect(previewTexts({ ...PREVIEW, ...change })).toEqual([
    'Team, 6 seats, billed every month.',
    now,
    expect.stringMatching(/^The next invoice is \$90\.00, on .*2027\.$/),
  ]);
});
