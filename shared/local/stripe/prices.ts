import type { Account } from './account.ts';
import { type NewPrice, type Price, priceOf } from './plan-prices.ts';
import { missing } from './refused.ts';
import { found, newId, type State } from './state.ts';

/** Adds a price. It takes its lookup key from the price that has it, as with `transfer_lookup_key`. */
export function addPrice({ state, now, publish }: Account, price: NewPrice = {}): string {
  const added = priceOf(newId('price'), now(), price);
  for (const other of Object.values(state.prices)) {
    if (added.lookup_key === null || other.lookup_key !== added.lookup_key) continue;
    other.lookup_key = null;
    publish('price.updated', other);
  }
  state.prices[added.id] = added;
  publish('price.created', added);
  return added.id;
}

/** Moves a lookup key to a new price, which differs from the old one only in `changes`. Returns the new price's id. */
export function moveLookupKey(account: Account, lookupKey: string, changes: NewPrice = {}): string {
  const old = priceBy(account.state, lookupKey);
  const { unit_amount_decimal, currency, recurring, product, metadata, tax_behavior } = old;
  return addPrice(account, {
    lookupKey,
    unitAmount: Number(unit_amount_decimal),
    taxBehavior: tax_behavior,
    currency,
    interval: recurring.interval,
    product,
    metadata,
    ...changes,
  });
}

/**
 * An archived price is no longer sold. It keeps its lookup key, and its subscribers keep paying
 * (docs.stripe.com/products-prices/manage-prices).
 */
export function archivePrice(account: Account, id: string): void {
  setPriceActive(account, id, false);
}

export function setPriceActive({ state, publish }: Account, id: string, isActive: boolean): void {
  const price = found(state.prices, id, 'price');
  price.active = isActive;
  publish('price.updated', price);
}

export function setPriceMetadata({ state, publish }: Account, id: string, metadata: Price['metadata']): void {
  const price = found(state.prices, id, 'price');
  price.metadata = metadata;
  publish('price.updated', price);
}

/** The price with that lookup key or id. */
export function priceBy({ prices }: State, keyOrId: string): Price {
  const all = Object.values(prices);
  const price = all.find(({ lookup_key }) => lookup_key === keyOrId) ?? all.find(({ id }) => id === keyOrId);
  if (!price) throw missing('price', keyOrId);
  return price;
}
