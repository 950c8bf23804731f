import { once } from 'node:events';
import http, { type IncomingMessage, type ServerResponse } from 'node:http';
import * as z from 'zod/mini';
import { type Answer, apiOf } from './api.ts';
import { lifeOf } from './lifecycle.ts';
import { visit } from './page-routes.ts';
import { PAGE_POLICY } from './pages.ts';
import { decodeForm } from './parameters.ts';
import { API_VERSION, at, found, newId, newState } from './state.ts';
import { readState, writeState } from './state-file.ts';
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
 * alone. Throws `EADDRINUSE` where `port` is taken, and what it is where `file` holds no state of a stand-in.
 */
export async function startStripeStandIn(options: StandInOptions = {}): Promise<StripeStandIn> {
  // Asked anew each time: the clock of tests comes and goes.
  const { file, nowMs = () => Date.now() } = options;
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
      calls.push(`${request.method} ${pathname}`);
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
    const shown = visit(request.method ?? 'GET', pathname, new URLSearchParams(body), state, life);
    save();
    if ('location' in shown) response.writeHead(303, { location: shown.location }).end();
    else response.writeHead(shown.status, PAGE_HEADERS).end(shown.page);
  }

  const server = http.createServer((request, response) => {
    // A body that was cut, or has no end.
    serve(request, response).catch(() => response.destroy());
  });
  // Pages that were shown before are where they were, unless somebody else has moved in.
  const port = await listen(server, options.port === undefined ? [state.port, 0] : [options.port]);
  url = `http://${HOST}:${port}`;
  state.port = port;
  save();

  /** What is done by hand, kept like all else. */
  const byHand =
    <A extends unknown[], R>(work: (...given: A) => R) =>
    async (...given: A): Promise<R> => {
      const result = work(...given);
      save();
      return result;
    };
  const idIn = (idOrUrl: string): string => idOrUrl.split('/').at(-1) ?? '';

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
      life.pay(found(state.sessions, idIn(idOrUrl), 'checkout.session'), card);
    }),
    subscriptionOf: (idOrUrl) => at(state.sessions, idIn(idOrUrl))?.subscription ?? undefined,
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
      const invoiceId = at(state.subscriptions, id)?.latest_invoice;
      const paid = Object.values(state.charges).find(
        ({ payment_intent }) => at(state.paidInvoices, payment_intent) === invoiceId,
      );
      return paid?.id;
    },
    refund: byHand(life.refund),
    dispute: byHand(life.dispute),
    closeDispute: byHand(life.closeDispute),
    deleteCustomer: byHand(life.deleteCustomer),
    tell: byHand(tell),
    subscription(id) {
      const known = at(state.subscriptions, id);
      const [item] = known?.items.data ?? [];
      if (!known || !item) return undefined;
      return {
        id,
        status: known.status,
        lookupKey: item.price.lookup_key,
        seats: item.quantity,
        periodEnd: item.current_period_end,
        cancelAt: known.cancel_at,
        endedAt: known.ended_at,
      };
    },
    get meterEvents() {
      const taken = new Map<string, (typeof state.usage)[number]>();
      for (const event of state.usage) {
        let name = event.identifier;
        while (taken.has(name)) name += ' again';
        taken.set(name, event);
      }
      return taken;
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

function eventOf(type: string, object: object, created: number): SentEvent {
  const id = newId('evt');
  const event = {
    id,
    object: 'event',
    api_version: API_VERSION,
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

/** On the first of `ports` that is free. */
async function listen(server: http.Server, ports: readonly number[]): Promise<number> {
  const [port = 0, ...others] = ports;
  try {
    server.listen(port, HOST);
    await once(server, 'listening');
  } catch (error) {
    const isTaken = error instanceof Error && 'code' in error && error.code === 'EADDRINUSE';
    if (!isTaken || others.length === 0) throw error;
    return listen(server, others);
  }
  return z.parse(z.object({ port: z.int() }), server.address()).port;
}
