/** docs.stripe.com/api/billing/meter/object */
export interface Meter {
  readonly id: string;
  readonly object: 'billing.meter';
  readonly created: number;
  readonly customer_mapping: { readonly event_payload_key: string; readonly type: 'by_id' };
  readonly default_aggregation: { readonly formula: 'sum' };
  readonly display_name: string;
  readonly event_name: string;
  readonly event_time_window: null;
  readonly livemode: false;
  status: 'active' | 'inactive';
  status_transitions: { readonly deactivated_at: number | null };
  readonly updated: number;
  readonly value_settings: { readonly event_payload_key: string };
}

/** The meters of a new account: the one that `npm start` accepts usage of, and one for tests. */
export function firstMeters(): Record<string, Meter> {
  return Object.fromEntries(['exports', 'api_calls'].map((name) => [`mtr_${name}`, meterOf(name, 0)]));
}

/** Ids as in `plan-prices.ts`: a price names the meter that it counts. */
export function meterOf(name: string, created: number): Meter {
  return {
    id: `mtr_${name}`,
    object: 'billing.meter',
    created,
    customer_mapping: { event_payload_key: 'stripe_customer_id', type: 'by_id' },
    default_aggregation: { formula: 'sum' },
    display_name: name,
    event_name: name,
    event_time_window: null,
    livemode: false,
    status: 'active',
    status_transitions: { deactivated_at: null },
    updated: created,
    value_settings: { event_payload_key: 'value' },
  };
}
