import type { Stripe } from 'stripe';
import * as z from 'zod/mini';
import type { SubscriptionState } from '../../domain/subscription.ts';
import type { Billing, MeterErrors, MeteredUse, UsageVerdict } from '../../ports/billing.ts';
import { faultOf, refusalOf, unlessMissing } from './stripe-failures.ts';

/** A subscription's item, as far as it concerns meters. */
interface Item {
  readonly current_period_start: number;
  readonly price: { readonly recurring: { readonly meter?: string | null | undefined } };
}

const Meter = z.object({ event_name: z.string() });

/** A reason that this release does not know is as good as another: Stripe adds codes. */
const MeterErrorEvent = z.object({
  type: z.enum(['v1.billing.meter.error_report_triggered', 'v1.billing.meter.no_meter_found']),
  related_object: z.nullish(z.object({ id: z.string() })),
  data: z.object({
    reason: z.object({
      error_types: z.array(
        z.object({
          code: z.string().check(z.maxLength(100)),
          error_count: z.int(),
          sample_errors: z.array(z.object({ request: z.object({ identifier: z.string() }) })),
        }),
      ),
    }),
  }),
});

/** A longer name is no meter that we send usage to. */
const LONGEST_KNOWN_METERS = 1_000;

/** The names of the meters by id: both never change (docs.stripe.com/api/billing/meter/update). */
const meterNames = new WeakMap<Stripe, Map<string, string>>();

async function nameOfMeter(stripe: Stripe, id: string): Promise<string | undefined> {
  const known = meterNames.get(stripe) ?? new Map<string, string>();
  meterNames.set(stripe, known);
  const name = known.get(id);
  if (name !== undefined) return name;
  const found = await unlessMissing('billing.meters.retrieve', undefined, () =>
    stripe.billing.meters.retrieve(id),
  );
  if (!found) return undefined;
  const { event_name } = z.parse(Meter, found);
  if (known.size < LONGEST_KNOWN_METERS) known.set(id, event_name);
  return event_name;
}

/** The metered prices among the items of a subscription. Costs a call for each meter that was not seen before. */
export async function meteredPricesOf(
  stripe: Stripe,
  items: readonly Item[],
): Promise<SubscriptionState['meteredPrices']> {
  const prices: SubscriptionState['meteredPrices'] = [];
  for (const { price, current_period_start } of items) {
    const meterId = price.recurring.meter;
    if (meterId == null) continue;
    const meter = await nameOfMeter(stripe, meterId);
    if (meter !== undefined) prices.push({ meter, periodStartMs: current_period_start * 1000 });
  }
  return prices;
}

export async function recordUsage(stripe: Stripe, use: MeteredUse): Promise<UsageVerdict> {
  const call = 'billing.meterEvents.create';
  try {
    await stripe.billing.meterEvents.create({
      event_name: use.meter,
      identifier: use.identifier,
      timestamp: Math.floor(use.atMs / 1000),
      payload: { stripe_customer_id: use.customerId, value: String(use.quantity) },
    });
    return { verdict: 'RECORDED' };
  } catch (error) {
    const { code } = refusalOf(error, call);
    // Stripe has no error code for a duplicate identifier: it can only be recognised by its message.
    const isKnown = error instanceof Error && /already exists with identifier/i.test(error.message);
    if (isKnown || code === 'duplicate_meter_event') return { verdict: 'ALREADY' };
    return { verdict: 'REFUSED', code: code ?? 'rejected', because: faultOf(error, call).message };
  }
}

/**
 * Stripe answers `pending` and cancels later; there is no call to ask whether it did
 * (docs.stripe.com/api/billing/meter-event-adjustment).
 */
export async function voidUsage(
  stripe: Stripe,
  { identifier, meter }: Pick<MeteredUse, 'identifier' | 'meter'>,
): ReturnType<Billing['voidUsage']> {
  try {
    await stripe.billing.meterEventAdjustments.create(
      { type: 'cancel', event_name: meter, cancel: { identifier } },
      { idempotencyKey: `void:${identifier}` },
    );
    return 'CANCELED';
  } catch (error) {
    const { code, status } = refusalOf(error, 'billing.meterEventAdjustments.create');
    return code === 'resource_missing' || status === 404 ? 'UNKNOWN' : 'REFUSED';
  }
}

/** A thin event shows nothing of what it is about: it is fetched (docs.stripe.com/event-destinations, "Thin events"). */
export async function readMeterErrors(stripe: Stripe, eventId: string): Promise<MeterErrors | undefined> {
  const found = await unlessMissing('v2.core.events.retrieve', undefined, () =>
    stripe.v2.core.events.retrieve(eventId),
  );
  const event = z.safeParse(MeterErrorEvent, found).data;
  if (!event) return undefined;
  const { related_object, data } = event;
  return {
    meter: related_object ? ((await nameOfMeter(stripe, related_object.id)) ?? null) : null,
    errors: data.reason.error_types.map(({ code, error_count, sample_errors }) => ({
      code,
      count: error_count,
      samples: sample_errors.map(({ request }) => request.identifier),
    })),
  };
}
