import { createHash } from 'node:crypto';
import { PLAN_METADATA_KEY, planOfPrice } from '../../domain/plans.ts';
import { priceOfItem } from './items.ts';
import { moneyText } from './money.ts';
import type { Price } from './plan-prices.ts';
import {
  at,
  type Invoice,
  type Item,
  type Order,
  type Session,
  type State,
  type Subscription,
} from './state.ts';

const DAY_SECONDS = 24 * 3600;

const STYLE = `
:root { color-scheme: light dark; --line: #767676; --quiet: light-dark(#555, #b5b5b5); }
body { font: 1rem/1.5 system-ui, sans-serif; margin: 0 auto; max-width: 28rem; padding: 1.5rem 1rem; overflow-wrap: anywhere; }
h1 { font-size: 1.4rem; margin: 0; }
h2 { font-size: 1.1rem; margin: 2rem 0 0; }
p { color: var(--quiet); margin: .5rem 0 1rem; }
p[role=alert] { color: light-dark(#a00, #ff9c9c); }
dl { display: grid; gap: .25rem 1rem; grid-template-columns: auto 1fr; }
dd { margin: 0; text-align: right; }
label { display: block; margin-top: .75rem; }
input, select, button { border: 1px solid var(--line); border-radius: .5rem; box-sizing: border-box; font: inherit; padding: .6rem .8rem; width: 100%; }
button { cursor: pointer; margin: 1rem 0 0; }
:focus-visible { outline: 3px solid light-dark(#0b57d0, #a8c7fa); outline-offset: 2px; }
`;

/** Browsers apply `form-action` also to redirects after a form, so it must allow every return address. */
export const PAGE_POLICY = [
  "default-src 'none'",
  `style-src 'sha256-${createHash('sha256').update(STYLE).digest('base64')}'`,
  "form-action 'self' http: https:",
  "base-uri 'none'",
  "frame-ancestors 'none'",
].join('; ');

/** Why a session cannot be paid. */
const CLOSED = { complete: 'This session was already paid.', expired: 'This session has expired.' } as const;

/** The checkout page. */
export function payPage(
  state: State,
  { cancel_url, status }: Session,
  order: Order,
  now: number,
  declined: boolean,
): string {
  if (status !== 'open') return trouble('Nothing to pay', CLOSED[status]);
  const price = at(state.prices, order.price);
  if (!price) return trouble('Nothing to pay', 'This price is no longer sold.');
  const { currency, unit_amount, recurring } = price;
  const { interval } = recurring;
  const total = moneyText(unit_amount * order.quantity, currency);
  const isTrial = order.trialDays > 0;
  const firstPayment = dateOf(now + order.trialDays * DAY_SECONDS);
  const trial = `<p>${order.trialDays} days free. The first payment of ${total} is on ${firstPayment}.</p>`;
  return page(
    'Buy seats',
    `<h1>Buy seats</h1>
<p>This is a fake Stripe on your machine. It takes no money and is for development only.</p>
<dl>
<dt>Plan</dt><dd>${html(nameOf(price))}</dd>
<dt>Seats</dt><dd>${order.quantity}</dd>
<dt>Price</dt><dd>${moneyText(unit_amount, currency)} per seat / ${interval}</dd>
<dt>Total</dt><dd>${total} per ${interval}</dd>
<dt>Due today</dt><dd>${isTrial ? moneyText(0, currency) : total}</dd>
</dl>
${isTrial ? trial : ''}${cardForm(isTrial ? 'Start trial' : `Pay ${total}`, declined)}
${cancel_url === null ? '' : `<p><a href="${html(cancel_url)}">Cancel</a></p>`}`,
  );
}

/** The page to pay an open invoice on. */
export function invoicePage({ status, amount_due, currency, lines }: Invoice, declined: boolean): string {
  if (status !== 'open') return trouble('Nothing to pay', 'This invoice is not open.');
  const due = moneyText(amount_due, currency);
  return page(
    'Pay invoice',
    `<h1>Pay invoice</h1>
<p>This is a fake Stripe on your machine. It takes no money and is for development only.</p>
<dl>
${lines.map(({ description, amount }) => `<dt>${html(description)}</dt><dd>${moneyText(amount, currency)}</dd>`).join('\n')}
<dt>Amount due</dt><dd>${due}</dd>
</dl>
${cardForm(`Pay ${due}`, declined)}`,
  );
}

function cardForm(action: string, declined: boolean): string {
  const alert = declined ? '<p role="alert">The card was declined. Try another one.</p>' : '';
  return `${alert}<form method="post">
<label for="card">Card number</label>
<input id="card" name="card" value="4242 4242 4242 4242" inputmode="numeric" autocomplete="off" required aria-describedby="hint"${declined ? ' aria-invalid="true"' : ''}>
<p id="hint">The card 4000 0000 0000 0002 is declined. Every other number works.</p>
<button>${action}</button>
</form>`;
}

/** The customer portal: change or cancel subscriptions. */
export function portalPage(state: State, subscriptions: readonly Subscription[], returnUrl: string): string {
  return page(
    'Your subscriptions',
    `<h1>Your subscriptions</h1>
<p>This is a fake Stripe on your machine, for development only.</p>
${subscriptions.map((each, n) => section(state, each, n)).join('\n') || '<p>No subscriptions.</p>'}
<p><a href="${html(returnUrl)}">Back</a></p>`,
  );
}

/** The plan of a price, as a product's name at Stripe. */
function nameOf({ lookup_key, metadata }: Price): string {
  const planName = metadata[PLAN_METADATA_KEY] ?? null;
  return planOfPrice({ lookupKey: lookup_key, planName }) ?? lookup_key ?? 'another plan';
}

/**
 * Like Stripe's portal, it changes only a subscription with one item, whose invoices are paid by card
 * (support.stripe.com/questions/billing-customer-portal: other plans can only be canceled).
 */
function section(state: State, subscription: Subscription, n: number): string {
  const { status, cancel_at, ended_at, items } = subscription;
  const end = cancel_at === null ? '' : `, ends on ${dateOf(cancel_at)}`;
  const [item, ...others] = items;
  const summary = `<h2>${items.map((each) => html(nameOf(priceOfItem(state, each)))).join(', ')}</h2>
<ul>
${items.map((each) => `<li>${itemLine(state, each)}</li>`).join('\n')}
</ul>
<p>${html(status)}${ended_at === null ? end : `, ended on ${dateOf(ended_at)}`}</p>`;
  if (ended_at !== null) return summary;
  const isOverdue = status === 'past_due' || status === 'unpaid';
  const canChange = item?.quantity !== undefined && others.length === 0;
  return `${summary}
<form method="post">
<input type="hidden" name="subscription" value="${html(subscription.id)}">
${canChange ? changeFields(state, item, n) : '<p>This subscription can only be canceled here.</p>'}
${isOverdue ? '<button name="do" value="retry">Pay overdue invoices</button>' : ''}
${cancel_at === null ? CANCEL_BUTTONS : '<button name="do" value="keep">Keep the subscription</button>'}
<button name="do" value="renew">Start the next period</button>
<button name="do" value="fail">Start the next period with a declined payment</button>
</form>`;
}

const CANCEL_BUTTONS = `<button name="do" value="cancel">Cancel at the end of the period</button>
<button name="do" value="cancel_at">Cancel at the end of the period, by date</button>`;

function itemLine(state: State, item: Item): string {
  const { currency, unit_amount, recurring } = priceOfItem(state, item);
  const { interval } = recurring;
  const period = `until ${dateOf(item.current_period_end)}`;
  const price = moneyText(unit_amount, currency);
  if (item.quantity === undefined) return `${price} per unit / ${interval}, metered, ${period}`;
  const total = moneyText(unit_amount * item.quantity, currency);
  return `${item.quantity} seats, ${price} per seat / ${interval}, ${total} per ${interval}, ${period}`;
}

function changeFields(state: State, item: Item, n: number): string {
  const { currency } = priceOfItem(state, item);
  const choices = Object.values(state.prices)
    .filter(
      (price) => price.active && price.currency === currency && price.recurring.usage_type === 'licensed',
    )
    .filter(({ id, lookup_key }) => lookup_key !== null || id === item.price)
    .map((price) => {
      const { id, unit_amount, recurring } = price;
      const label = `${nameOf(price)}, ${moneyText(unit_amount, currency)} per seat / ${recurring.interval}`;
      return `<option value="${html(id)}"${id === item.price ? ' selected' : ''}>${html(label)}</option>`;
    });
  return `<label for="seats-${n}">Seats</label>
<input id="seats-${n}" name="seats" type="number" min="1" value="${item.quantity}" required>
<button name="do" value="seats">Change seats</button>
<label for="price-${n}">Plan</label>
<select id="price-${n}" name="price">
${choices.join('\n')}
</select>
<button name="do" value="price">Change plan</button>`;
}

function dateOf(seconds: number): string {
  return new Date(seconds * 1000).toISOString().slice(0, 10);
}

/** `outcome`: the parameter `checkout` of the address. */
export function returnPage(outcome: string | null): string {
  if (outcome === 'canceled')
    return trouble(
      'Nothing was bought',
      'You left the checkout page. You can close this window and return to the app.',
    );
  const title = outcome === 'paid' ? 'Thank you' : 'Welcome back';
  return trouble(title, 'You can close this window and return to the app.');
}

export function trouble(title: string, message: string): string {
  return page(title, `<h1>${html(title)}</h1><p>${html(message)}</p>`);
}

function page(title: string, main: string): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title} – Seatlease fake Stripe</title>
<style>${STYLE}</style>
</head>
<body>
<main>
${main}
</main>
</body>
</html>
`;
}

function html(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
