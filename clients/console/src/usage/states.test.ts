import { expect, test } from 'vitest';
import { outcomeText } from './states.ts';

test.each([
  ['what was billed', { state: 'sent', problem: null, voided: null }, 'Billed'],
  [
    'why usage is not billed',
    { state: 'unbilled', problem: 'no_price', voided: null },
    'Not billed: the subscription has no price for this meter',
  ],
  [
    'an error code of Stripe as it is',
    { state: 'refused', problem: 'constructor', voided: null },
    'Rejected by Stripe: constructor',
  ],
  [
    'that a voided record needs a credit note',
    {
      state: 'voided',
      problem: null,
      voided: { at: '2026-11-30T00:00:00Z', reason: 'stolen key', at_stripe: 'credit_note_needed' },
    },
    'Voided (stolen key): a credit note at Stripe is needed',
  ],
] as const)('shows %s', (_, record, text) => {
  expect(outcomeText(record)).toBe(text);
});
