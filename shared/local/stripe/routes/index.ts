import { CHARGES } from './charges.ts';
import { CHECKOUT } from './checkout.ts';
import { CUSTOMERS } from './customers.ts';
import { DISPUTES } from './disputes.ts';
import { INVOICES } from './invoices.ts';
import { METERS } from './meters.ts';
import { PORTAL } from './portal.ts';
import { PRICES } from './prices.ts';
import { REFUNDS } from './refunds.ts';
import type { Route } from './route.ts';
import { SCHEDULES } from './schedules.ts';
import { SUBSCRIPTIONS } from './subscriptions.ts';

/** Only the Stripe calls that we use. Each is as strict about its parameters as Stripe is. */
export const ROUTES: readonly Route[] = [
  ...CUSTOMERS,
  ...PRICES,
  ...CHECKOUT,
  ...PORTAL,
  ...SUBSCRIPTIONS,
  ...SCHEDULES,
  ...INVOICES,
  ...CHARGES,
  ...REFUNDS,
  ...DISPUTES,
  ...METERS,
];
