import { createHash } from 'node:crypto';
import { PLAN_METADATA_KEY, planOfPrice } from '../../domain/plans.ts';
import { priceOfItem, seatItemOf } from './items.ts';
import type { Price } from './plan-prices.ts';
import { at, type Order, type Session, type State, type Subscription } from './state.ts';

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
input, button { border: 1px solid var(--line); border-radius: .5rem; box-sizing: border-box; font: inherit; padding: .6rem .8rem; width: 100%; }
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
  declined: boolean,
): string {
  if (status !== 'open') return trouble('Nothing to pay', CLOSED[status]);
  const price = at(state.prices, order.price);
  if (!price) return trouble('Nothing to pay', 'This price is no longer sold.');
  const { unit_amount, recurring } = price;
  const trial = order.trialDays > 0 ? `<p>The first ${order.trialDays} days are free.</p>` : '';
  const alert = declined ? '<p role="alert">The card was declined. Try another one.</p>' : '';
  return page(
    'Buy seats',
    `<h1>Buy seats</h1>
<p>This is a fake Stripe on your machine. It takes no money and is for development only.</p>
<dl>
<dt>Plan</dt><dd>${html(nameOf(price))}</dd>
<dt>Seats</dt><dd>${order.quantity}</dd>
<dt>Price per seat</dt><dd>${dollars(unit_amount)} per ${recurring.interval}</dd>
<dt>Total</dt><dd>${dollars(unit_amount * order.quantity)} per ${recurring.interval}</dd>
</dl>
${trial}${alert}<form method="post">
<label for="card">Card number</label>
<input id="card" name="card" value="4242 4242 4242 4242" inputmode="numeric" autocomplete="off" required aria-describedby="hint"${declined ? ' aria-invalid="true"' : ''}>
<p id="hint">The card 4000 0000 0000 0002 is declined. Every other number works.</p>
<button>${order.trialDays > 0 ? 'Start trial' : `Pay ${dollars(unit_amount * order.quantity)}`}</button>
</form>
${cancel_url === null ? '' : `<p><a href="${html(cancel_url)}">Cancel</a></p>`}`,
  );
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

function section(state: State, subscription: Subscription, n: number): string {
  const { status, cancel_at_period_end, cancel_at, ended_at } = subscription;
  const item = seatItemOf(subscription);
  const price = priceOfItem(state, item);
  const { recurring } = price;
  const end = cancel_at === null ? '' : `, ends on ${dateOf(cancel_at)}`;
  const summary = `<h2>${html(nameOf(price))}, billed every ${recurring.interval}</h2>
<p>${item.quantity} seats, ${html(status)}${ended_at === null ? end : `, ended on ${dateOf(ended_at)}`}</p>`;
  if (ended_at !== null) return summary;
  const isOverdue = status === 'past_due' || status === 'unpaid';
  return `${summary}
<form method="post">
<input type="hidden" name="subscription" value="${html(subscription.id)}">
<label for="seats-${n}">Seats</label>
<input id="seats-${n}" name="seats" type="number" min="1" value="${item.quantity}" required>
<button name="do" value="seats">Change seats</button>
${isOverdue ? '<button name="do" value="retry">Pay overdue invoices</button>' : ''}
<button name="do" value="${cancel_at_period_end ? 'keep' : 'cancel'}">${cancel_at_period_end ? 'Keep the subscription' : 'Cancel at the end of the period'}</button>
<button name="do" value="renew">Start the next period</button>
<button name="do" value="fail">Start the next period with a declined payment</button>
</form>`;
}

function dateOf(seconds: number): string {
  return new Date(seconds * 1000).toISOString().slice(0, 10);
}

export function returnPage(): string {
  return page('Thank you', '<h1>Thank you</h1><p>You can close this window and return to the app.</p>');
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

/** Cents as dollars, without floating-point errors. */
function dollars(cents: number): string {
  const digits = String(cents).padStart(3, '0');
  return `$${digits.slice(0, -2)}.${digits.slice(-2)}`;
}

function html(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
