import { once } from 'node:events';
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import http, { type IncomingMessage, type ServerResponse } from 'node:http';
import * as z from 'zod/mini';
import { type Answer, apiOf } from './api.ts';
import { decodeForm, missing } from './form.ts';
import { type Life, lifeOf } from './life.ts';
import { noPage, PAGE_POLICY, payPage, portalPage, returnPage } from './page.ts';
import { newId, newState, type State } from './state.ts';
import type { SentEvent, StandInOptions, StripeStandIn } from './types.ts';
import { senderOf } from './webhooks.ts';

const HOST = '127.0.0.1';
const BODY_BYTES = 65_536;
const PAGE_HEADERS = {
  'content-type': 'text/html; charset=utf-8',
  'content-security-policy': PAGE_POLICY,
  'cache-control': 'no-store',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
};

/**
 * Starts the stand-in. It must never be reachable by others, as anybody may pay with any card: it listens on 127.0.0.1
 * alone. Throws `EADDRINUSE` where `port` is taken.
 */
export async function startStripeStandIn(options: StandInOptions = {}): Promise<StripeStandIn> {
  const { file, nowMs = Date.now } = options;
  const state = (file !== undefined && readState(file)) || newState();
  const now = (): number => Math.floor(nowMs() / 1000);
  const calls: string[] = [];
  const sender = senderOf(state, now);
  let broken: Parameters<StripeStandIn['breakApi']>[0];
  let url = '';

  const tell = (type: string, object: object): SentEvent => {
    const event = eventOf(type, object, now());
    state.events.push(event);
    sender.queue(event);
    return event;
  };
  const life = lifeOf(state, now, tell);
  const api = apiOf(state, life, () => url, now);
  const save = (): void => {
    if (file !== undefined) writeState(file, state);
  };

  function answerCall(request: IncomingMessage, path: string, encoded: string): Answer | 'cut' {
    calls.push(`${request.method} ${path}`);
    const failure = broken?.startsWith('status ') ? Number(broken.slice('status '.length)) : undefined;
    if (failure !== undefined) {
      const error = { type: 'api_error', message: 'Stripe has a bad day.' };
      return { status: failure, body: JSON.stringify({ error }) };
    }
    if (broken === 'reset') return 'cut';
    const form = decodeForm(encoded);
    const answer = api({ method: request.method ?? 'GET', path, form, headers: request.headers });
    save();
    return broken === 'reset after doing' ? 'cut' : answer;
  }

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname, search } = new URL(request.url ?? '/', url);
    const body = await bodyOf(request);
    if (pathname.startsWith('/v1/')) {
      if (broken === 'hang') return;
      const answer = answerCall(request, pathname, request.method === 'POST' ? body : search.slice(1));
      if (answer === 'cut') {
        response.destroy();
        return;
      }
      const headers = { 'content-type': 'application/json', 'request-id': newId('req'), ...answer.headers };
      response.writeHead(answer.status, headers).end(answer.body);
      return;
    }
    const shown = pageFor(request.method ?? 'GET', pathname, new URLSearchParams(body), state, life);
    save();
    if ('location' in shown) response.writeHead(303, { location: shown.location }).end();
    else response.writeHead(shown.status, PAGE_HEADERS).end(shown.page);
  }

  const server = http.createServer((request, response) => {
    // A body that was cut or has no end, or a page that was asked for with what is no form of it.
    serve(request, response).catch(() => response.destroy());
  });
  server.listen(options.port ?? 0, HOST);
  await once(server, 'listening');
  const { port } = z.parse(z.object({ port: z.int() }), server.address());
  url = `http://${HOST}:${port}`;

  /** What is done by hand, kept like all else. */
  const byHand =
    <A extends unknown[], R>(work: (...given: A) => R) =>
    async (...given: A): Promise<R> => {
      const result = work(...given);
      save();
      return result;
    };
  const sessionAt = (idOrUrl: string) => state.sessions[idOrUrl.split('/').at(-1) ?? ''];

  return {
    apiKey: state.apiKey,
    webhookSecret: state.webhookSecret,
    host: HOST,
    port,
    url,
    returnUrl: `${url}/return`,
    events: state.events,
    calls,
    sendEventsTo: sender.sendTo,
    send: sender.send,
    idle: sender.idle,
    pay: byHand((idOrUrl, card = 'good') => {
      const session = sessionAt(idOrUrl);
      if (!session) throw missing('checkout.session', idOrUrl);
      life.pay(session, card);
    }),
    subscriptionOf: (idOrUrl) => sessionAt(idOrUrl)?.subscription ?? undefined,
    changeSeats: byHand(life.changeSeats),
    changePrice: byHand(life.changePrice),
    renew: byHand((id, card = 'good') => life.renew(id, card)),
    retryPayment: byHand((id, card = 'good') => life.retryPayment(id, card)),
    giveUp: byHand(life.giveUp),
    announceTrialEnd: byHand(life.announceTrialEnd),
    pause: byHand(life.pause),
    resume: byHand(life.resume),
    end: byHand((id) => void life.end(id)),
    chargeOf(id) {
      const invoiceId = state.subscriptions[id]?.latest_invoice;
      return Object.values(state.charges).find((charge) => charge.invoiceId === invoiceId)?.id;
    },
    refund: byHand(life.refund),
    dispute: byHand(life.dispute),
    closeDispute: byHand(life.closeDispute),
    deleteCustomer: byHand(life.deleteCustomer),
    tell: byHand(tell),
    subscription(id) {
      const found = state.subscriptions[id];
      const [item] = found?.items.data ?? [];
      if (!found || !item) return undefined;
      return {
        id,
        status: found.status,
        lookupKey: item.price.lookup_key,
        seats: item.quantity,
        periodEnd: item.current_period_end,
        cancelAt: found.cancel_at,
        endedAt: found.ended_at,
      };
    },
    get meterEvents() {
      return new Map(Object.entries(state.meterEvents));
    },
    breakApi(how) {
      broken = how;
    },
    async close() {
      sender.sendTo(undefined);
      await sender.idle();
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

type Shown = { readonly status: number; readonly page: string } | { readonly location: string };

function pageFor(method: string, path: string, form: URLSearchParams, state: State, life: Life): Shown {
  const [, kind, id = ''] = path.split('/');
  const session = kind === 'pay' ? state.sessions[id] : undefined;
  const portal = kind === 'portal' ? state.portals[id] : undefined;
  if (session && method === 'POST' && session.status === 'open') {
    const isDeclined = form.get('card')?.replaceAll(/\D/g, '') === '4000000000000002';
    const isPaid = life.pay(session, isDeclined ? 'declined' : 'good');
    return isPaid ? { location: session.success_url } : { status: 200, page: payPage(session, true) };
  }
  if (session) return { status: 200, page: payPage(session, false) };
  if (portal) {
    if (method === 'POST') {
      changeByPortal(form, portal.customer, state, life);
      return { location: path };
    }
    const theirs = Object.values(state.subscriptions).filter(({ customer }) => customer === portal.customer);
    return { status: 200, page: portalPage(theirs, portal.returnUrl) };
  }
  return path === '/return' ? { status: 200, page: returnPage() } : { status: 404, page: noPage() };
}

function changeByPortal(form: URLSearchParams, customer: string, state: State, life: Life): void {
  const id = form.get('subscription') ?? '';
  if (state.subscriptions[id]?.customer !== customer) throw missing('subscription', id);
  switch (form.get('do')) {
    case 'seats':
      life.changeSeats(id, z.parse(z.int().check(z.gte(1)), Number(form.get('seats'))));
      return;
    case 'cancel':
    case 'keep':
      life.cancelAtPeriodEnd(id, form.get('do') === 'cancel');
      return;
    case 'renew':
      life.renew(id, 'good');
      return;
    case 'fail':
      life.renew(id, 'declined');
  }
}

function eventOf(type: string, object: object, created: number): SentEvent {
  const id = newId('evt');
  const event = {
    id,
    object: 'event',
    api_version: '2026-10-28.endive',
    created,
    data: { object },
    livemode: false,
    pending_webhooks: 1,
    request: { id: null, idempotency_key: null },
    type,
  };
  return { id, type, created, body: JSON.stringify(event, null, 2) };
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  let body = '';
  for await (const chunk of request.setEncoding('utf8')) {
    body += chunk;
    if (body.length > BODY_BYTES) throw new Error('The request is too large.');
  }
  return body;
}

function readState(file: string): State | undefined {
  try {
    return { ...newState(), ...JSON.parse(readFileSync(file, 'utf8')) };
  } catch {
    return undefined;
  }
}

function writeState(file: string, state: State): void {
  writeFileSync(`${file}.new`, JSON.stringify(state), { mode: 0o600 });
  renameSync(`${file}.new`, file);
}
