import type { Life } from './lifecycle.ts';
import { payPage, portalPage, returnPage, trouble } from './pages.ts';
import { Refused } from './parameters.ts';
import { at, found, type State } from './state.ts';

/** Stripe's own test card that is declined (docs.stripe.com/testing); every other one is good. */
const DECLINED_CARD = '4000000000000002';
/** As many seats as anybody buys, and more. */
const SEATS = /^[1-9]\d{0,5}$/;

export type Shown = { readonly status: number; readonly page: string } | { readonly location: string };

/** What a browser is shown, and what a form that it sends does. */
export function visit(method: string, path: string, form: URLSearchParams, state: State, life: Life): Shown {
  try {
    return (method === 'POST' ? sent(path, form, state, life) : undefined) ?? shown(path, state, life);
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    return { status: error.status, page: trouble('That does not go', error.message) };
  }
}

function shown(path: string, state: State, life: Life): Shown {
  const [, kind, id = ''] = path.split('/');
  switch (kind) {
    case 'pay': {
      const session = found(state.sessions, id, 'checkout.session');
      life.expireIfDue(session);
      return { status: 200, page: payPage(session, found(state.wishes, id, 'checkout.session'), false) };
    }
    case 'portal': {
      const { customer, returnUrl } = found(state.portals, id, 'page');
      const theirs = Object.values(state.subscriptions).filter((one) => one.customer === customer);
      return { status: 200, page: portalPage(theirs, returnUrl) };
    }
    case 'return':
      return { status: 200, page: returnPage() };
    default:
      return { status: 404, page: trouble('Nothing here', 'There is nothing at this address.') };
  }
}

/** `undefined` where a form makes no difference any more: what is there now is shown. */
function sent(path: string, form: URLSearchParams, state: State, life: Life): Shown | undefined {
  const [, kind, id = ''] = path.split('/');
  if (kind === 'pay') {
    const session = found(state.sessions, id, 'checkout.session');
    life.expireIfDue(session);
    if (session.status !== 'open') return undefined;
    const isDeclined = form.get('card')?.replaceAll(/\D/g, '') === DECLINED_CARD;
    if (life.pay(session, isDeclined ? 'declined' : 'good')) return { location: session.success_url };
    return { status: 200, page: payPage(session, found(state.wishes, id, 'checkout.session'), true) };
  }
  if (kind === 'portal') {
    changeByPortal(form, found(state.portals, id, 'page').customer, state, life);
    return { location: path };
  }
  return undefined;
}

function changeByPortal(form: URLSearchParams, customer: string, state: State, life: Life): void {
  const id = form.get('subscription') ?? '';
  if (at(state.subscriptions, id)?.customer !== customer)
    throw new Refused(404, { message: 'It is not yours.' });
  switch (form.get('do')) {
    case 'seats': {
      const seats = form.get('seats') ?? '';
      if (!SEATS.test(seats)) throw new Refused(400, { message: 'The number of seats is not one.' });
      life.changeSeats(id, Number(seats));
      return;
    }
    case 'cancel':
    case 'keep':
      life.cancelAtPeriodEnd(id, form.get('do') === 'cancel');
      return;
    case 'retry':
      life.retryPayment(id, 'good');
      return;
    case 'renew':
    case 'fail':
      life.renew(id, form.get('do') === 'fail' ? 'declined' : 'good');
  }
}
