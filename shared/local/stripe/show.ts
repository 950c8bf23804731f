import { list } from './list.ts';
import type { Price } from './plan-prices.ts';
import {
  at,
  type Charge,
  type Customer,
  type Dispute,
  type Invoice,
  type Item,
  type Session,
  type State,
  type Subscription,
} from './state.ts';

type Stored = Charge | Customer | Dispute | Invoice | Item | Price | Session | Subscription;

/**
 * The object as Stripe shows it in answers and events. The state keeps only what differs between objects, and each
 * fact once: an item names its price, and shows all of it.
 */
export function show(state: State, object: object): object {
  if (isList(object)) return { ...object, data: object.data.map((each) => show(state, each)) };
  return isStored(object) ? showStored(state, object) : object;
}

function isList(object: object): object is { readonly data: readonly object[] } {
  return 'object' in object && object.object === 'list';
}

/** Every object of the state has Stripe's name of its kind. */
function isStored(object: object): object is Stored {
  return 'object' in object;
}

function showStored(state: State, stored: Stored): object {
  switch (stored.object) {
    case 'subscription': {
      const url = `/v1/subscription_items?subscription=${stored.id}`;
      return { ...stored, items: show(state, list(stored.items, url)) };
    }
    case 'subscription_item':
      return { ...stored, price: at(state.prices, stored.price) };
    case 'invoice':
      return { ...stored, lines: list(stored.lines, `/v1/invoices/${stored.id}/lines`) };
    default:
      return stored;
  }
}
