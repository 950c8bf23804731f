import type { Account } from './account.ts';
import { paySession, sessionAt } from './checkout.ts';
import { updateSubscription } from './endings.ts';
import { payOpenInvoice } from './item-updates.ts';
import { invoicePage, payPage, portalPage, returnPage, trouble } from './pages.ts';
import type { Card } from './payments.ts';
import { Refused } from './refused.ts';
import { at, found, type Session, type Subscription } from './state.ts';
import { changePrice, changeSeats, renew, retryPayment } from './subscriptions.ts';

/** Stripe's test card that is declined (docs.stripe.com/testing). Every other number works. */
const DECLINED_CARD = '4000000000000002';
const SEATS = /^[1-9]\d{0,5}$/;

export type PageAnswer = { readonly status: number; readonly page: string } | { readonly location: string };

/** Shows a page, or runs the submitted form. */
export function answerPage(
  account: Account,
  method: string,
  { pathname: path, searchParams }: URL,
  form: URLSearchParams,
): PageAnswer {
  try {
    return (
      (method === 'POST' ? submitForm(account, path, form) : undefined) ??
      showPage(account, path, searchParams)
    );
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    return { status: error.status, page: trouble('That did not work', error.message) };
  }
}

function showPage(account: Account, path: string, query: URLSearchParams): PageAnswer {
  const { state } = account;
  const [, kind, id = ''] = path.split('/');
  switch (kind) {
    case 'pay':
      return showPayPage(account, sessionAt(account, id), false);
    case 'invoice':
      return { status: 200, page: invoicePage(found(state.invoices, id, 'invoice'), false) };
    case 'portal': {
      const { customer, returnUrl } = found(state.portals, id, 'page');
      const subscriptions = Object.values(state.subscriptions).filter((each) => each.customer === customer);
      return { status: 200, page: portalPage(state, subscriptions, returnUrl) };
    }
    case 'return':
      return { status: 200, page: returnPage(query.get('checkout')) };
    default:
      return { status: 404, page: trouble('Page not found', 'There is no page at this address.') };
  }
}

/** `undefined` if the form is too late; then the current page is shown. */
function submitForm(account: Account, path: string, form: URLSearchParams): PageAnswer | undefined {
  const { state } = account;
  const [, kind, id = ''] = path.split('/');
  if (kind === 'pay') {
    const session = sessionAt(account, id);
    if (session.status !== 'open') return undefined;
    if (paySession(account, id, cardIn(form))) return { location: session.success_url };
    return showPayPage(account, session, true);
  }
  if (kind === 'invoice') {
    const invoice = found(state.invoices, id, 'invoice');
    const isPaid = invoice.status !== 'open' || payOpenInvoice(account, id, cardIn(form));
    return isPaid ? { location: path } : { status: 200, page: invoicePage(invoice, true) };
  }
  if (kind === 'portal') {
    changeByPortal(account, found(state.portals, id, 'page').customer, form);
    return { location: path };
  }
  return undefined;
}

function showPayPage({ state, now }: Account, session: Session, isDeclined: boolean): PageAnswer {
  const order = found(state.orders, session.id, 'checkout.session');
  return { status: 200, page: payPage(state, session, order, now(), isDeclined) };
}

function cardIn(form: URLSearchParams): Card {
  return form.get('card')?.replaceAll(/\D/g, '') === DECLINED_CARD ? 'declined' : 'good';
}

function changeByPortal(account: Account, customer: string, form: URLSearchParams): void {
  const id = form.get('subscription') ?? '';
  const subscription = at(account.state.subscriptions, id);
  if (subscription?.customer !== customer)
    throw new Refused(404, { message: 'This customer has no such subscription.' });
  switch (form.get('do')) {
    case 'seats': {
      onlyOneItem(subscription);
      const seats = form.get('seats') ?? '';
      if (!SEATS.test(seats))
        throw new Refused(400, { message: 'The number of seats must be a whole number from 1 to 999999.' });
      changeSeats(account, id, Number(seats));
      return;
    }
    case 'price': {
      onlyOneItem(subscription);
      const price = at(account.state.prices, form.get('price') ?? '');
      if (!price?.active) throw new Refused(400, { message: 'This plan is not for sale.' });
      changePrice(account, id, price.id);
      return;
    }
    case 'cancel':
      updateSubscription(account, id, { cancel_at_period_end: true });
      return;
    case 'cancel_at':
      updateSubscription(account, id, { cancel_at: 'max_period_end' });
      return;
    case 'keep':
      if (subscription.cancel_at_period_end) updateSubscription(account, id, { cancel_at_period_end: false });
      else updateSubscription(account, id, { cancel_at: '' });
      return;
    case 'retry':
      retryPayment(account, id);
      return;
    case 'renew':
    case 'fail':
      renew(account, id, form.get('do') === 'fail' ? 'declined' : 'good');
  }
}

function onlyOneItem({ items }: Subscription): void {
  if (items.length !== 1) throw new Refused(400, { message: 'This subscription can only be canceled here.' });
}
