import * as z from 'zod/mini';
import { PLANS, type Plan } from '../../../shared/domain/plans.ts';
import { failed, ok, type Verdict, warning } from '../finding.ts';

const Product = z.object({
  product: z.string(),
  prices: z.array(z.string()),
  adjustable_quantity: z.object({
    enabled: z.boolean(),
    minimum: z.int(),
    maximum: z.nullable(z.int()),
  }),
});

/** docs.stripe.com/api/customer_portal/configurations/object; `products` only with `expand`. */
export const PortalConfiguration = z.object({
  is_default: z.boolean(),
  active: z.boolean(),
  features: z.object({
    payment_method_update: z.object({ enabled: z.boolean() }),
    invoice_history: z.object({ enabled: z.boolean() }),
    subscription_cancel: z.object({ enabled: z.boolean(), mode: z.string() }),
    subscription_update: z.object({
      enabled: z.boolean(),
      default_allowed_updates: z.array(z.string()),
      products: z.nullish(z.array(Product)),
      proration_behavior: z.string(),
      schedule_at_period_end: z.object({ conditions: z.array(z.unknown()) }),
    }),
  }),
});
type Features = z.output<typeof PortalConfiguration>['features'];

const SETTINGS_PAGE = 'https://dashboard.stripe.com/settings/billing/portal';

/** `planOf` is the plan of a price id at Stripe. */
export function judgePortal(
  configurations: readonly z.output<typeof PortalConfiguration>[],
  planOf: ReadonlyMap<string, Plan>,
): Verdict[] {
  const inUse = configurations.find(({ is_default, active }) => is_default && active);
  if (!inUse)
    return [
      failed(
        'The customer portal has no default configuration: customers cannot open it.',
        `Save its settings once at ${SETTINGS_PAGE}.`,
      ),
    ];
  const problems = [
    ...judgePayments(inUse.features),
    ...judgeCancel(inUse.features),
    ...judgeUpdates(inUse.features, planOf),
  ];
  return problems.length > 0 ? problems : [ok('The customer portal is set up.')];
}

function judgePayments({ payment_method_update, invoice_history }: Features): Verdict[] {
  const missing = [
    ...(payment_method_update.enabled ? [] : ['payment methods']),
    ...(invoice_history.enabled ? [] : ['invoices']),
  ];
  return missing.length === 0
    ? []
    : [
        warning(
          `The customer portal does not show ${missing.join(' and ')}: customers cannot pay an overdue invoice there.`,
          `Turn them on at ${SETTINGS_PAGE}.`,
        ),
      ];
}

function judgeCancel({ subscription_cancel: { enabled, mode } }: Features): Verdict[] {
  return enabled && mode !== 'at_period_end'
    ? [
        warning(
          'The customer portal cancels at once: customers lose the rest of their period, and usage that is not billed yet.',
          `Let it cancel at the end of the billing period, at ${SETTINGS_PAGE}.`,
        ),
      ]
    : [];
}

function judgeUpdates(
  { subscription_update: updates }: Features,
  planOf: ReadonlyMap<string, Plan>,
): Verdict[] {
  const { enabled, default_allowed_updates, products, proration_behavior, schedule_at_period_end } = updates;
  if (!enabled || default_allowed_updates.length === 0) return [];
  const allows = (update: string): boolean => default_allowed_updates.includes(update);
  return [
    ...judgeProrations(proration_behavior),
    ...(schedule_at_period_end.conditions.length === 0
      ? []
      : [
          warning(
            'The customer portal schedules downgrades: until then, this API refuses further changes.',
            `Let downgrades happen at once, at ${SETTINGS_PAGE}; or ask customers to change seats in one place only.`,
          ),
        ]),
    ...(products ?? []).flatMap((product) => [
      ...(allows('price') ? judgePlans(product, planOf) : []),
      ...(allows('quantity') ? judgeQuantity(product, planOf) : []),
    ]),
  ];
}

function judgeProrations(behavior: string): Verdict[] {
  if (behavior === 'always_invoice') return [];
  const found =
    behavior === 'none'
      ? 'Seats that customers add in the portal are free until the next period.'
      : 'Seats that customers add in the portal are not paid before the next period.';
  const cure = `Choose to invoice prorations at once (always_invoice), at ${SETTINGS_PAGE}.`;
  return [behavior === 'none' ? failed(found, cure) : warning(found, cure)];
}

function judgePlans(
  { product, prices }: z.output<typeof Product>,
  planOf: ReadonlyMap<string, Plan>,
): Verdict[] {
  const unknown = prices.filter((price) => !planOf.has(price));
  return unknown.length === 0
    ? []
    : [
        failed(
          `The customer portal offers ${unknown.join(', ')} of ${product}, which no plan sells.`,
          `Remove these prices from the portal at ${SETTINGS_PAGE}, or add them to shared/domain/plans.ts.`,
        ),
      ];
}

/** The portal has one range for all prices of a product. */
function judgeQuantity(
  { product, prices, adjustable_quantity }: z.output<typeof Product>,
  planOf: ReadonlyMap<string, Plan>,
): Verdict[] {
  const { enabled, minimum, maximum } = adjustable_quantity;
  if (!enabled) return [];
  const plans = [...new Set(prices.flatMap((price) => planOf.get(price) ?? []))];
  return plans.flatMap((plan) => {
    const { least, most } = PLANS[plan].seats;
    if (minimum >= least && maximum !== null && maximum <= most) return [];
    const range = maximum === null ? `${minimum} or more` : `${minimum} to ${maximum}`;
    return [
      failed(
        `The customer portal sells ${range} seats of the ${plan} plan (${product}), which has ${least} to ${most}.`,
        `Set the quantity of ${product} to ${least} to ${most} at ${SETTINGS_PAGE}, or let customers change seats in the console only.`,
      ),
    ];
  });
}
