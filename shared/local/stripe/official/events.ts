import { checkObject, NotOfStripe } from './objects.ts';
import { type Kind, kindOf, kindOfThinEvent, objectOf } from './table.ts';

export interface Event {
  readonly type: string;
  readonly data: { readonly object: object };
}

/** Throws `NotOfStripe` for an event that Stripe does not send like this. */
export function checkEvent({ type, data, ...envelope }: Event): void {
  checkObject(ENVELOPE, envelope, `event ${type}`);
  const kind = objectOf(type);
  if (!kind) throw new NotOfStripe(`no event of the table has the type ${type}`);
  checkObject(kind, data.object, type);
}

/** Throws `NotOfStripe` for a notification, or the event that it announces, that API v2 does not send like this. */
export function checkThinEvent(event: { readonly type: string }, of: 'notification' | 'event'): void {
  const kind = kindOfThinEvent(event.type, of);
  if (!kind) throw new NotOfStripe(`no thin event of the table has the type ${event.type}`);
  checkObject(kind, event, event.type);
}

/** The type decides what the object is, which the library says for each type alone. */
const ENVELOPE = without(kindOf('EventBase'), ['type', 'data']);

function without(kind: Kind, names: readonly string[]): Kind {
  if (kind.is !== 'object') return kind;
  return { ...kind, fields: new Map([...kind.fields].filter(([name]) => !names.includes(name))) };
}
