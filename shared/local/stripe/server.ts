import { once } from 'node:events';
import http, { type IncomingMessage, type ServerResponse } from 'node:http';
import * as z from 'zod/mini';
import { forOwnHosts } from '../own-hosts.ts';
import { readBody } from '../read-body.ts';
import { type Account, type NewEvent, newEvent } from './account.ts';
import { type Answer, answerCall, type Call } from './api.ts';
import {
  creditOf,
  customersOfTenant,
  latestChargeOf,
  openControls,
  openSessionsFor,
  prorationOf,
  readMeterEvents,
  readSubscription,
  statusOfSession,
  subscriptionBoughtIn,
} from './controls.ts';
import { invoicesOf } from './dashboard.ts';
import { decodeForm } from './form.ts';
import { checkEvent } from './official/events.ts';
import { NotOfStripe } from './official/objects.ts';
import { answerPage } from './page-routes.ts';
import { PAGE_POLICY } from './pages.ts';
import { show } from './show.ts';
import { newId, newState } from './state.ts';
import { readState, writeState } from './state-file.ts';
import type { ApiFailure, FakeStripe, FakeStripeOptions, SentEvent } from './types.ts';
import { openSender } from './webhooks.ts';

const HOST = '127.0.0.1';
const MAX_CHARACTERS = 65_536;
const PAGE_HEADERS = {
  'content-type': 'text/html; charset=utf-8',
  'content-security-policy': PAGE_POLICY,
  'cache-control': 'no-store',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
};

/**
 * Starts a fake Stripe. Anyone can pay with any card, so other machines must never reach it: it listens only on
 * 127.0.0.1. Throws `EADDRINUSE` if `port` is taken, and an error that names `file` if that is not a state file.
 */
export async function startFakeStripe(options: FakeStripeOptions = {}): Promise<FakeStripe> {
  // Reads `Date.now` at each call, because tests replace it.
  const { file, nowMs = () => Date.now(), onDefect = fail } = options;
  const state = (file !== undefined && readState(file)) || newState();
  const now = (): number => Math.floor(nowMs() / 1000);
  const sender = openSender(state, now);
  let url = '';
  const queue = (sent: SentEvent): SentEvent => {
    state.events.push(sent);
    sender.queue(sent);
    return sent;
  };
  const add = (event: NewEvent): SentEvent => {
    const { id, type, created } = event;
    return queue({ id, type, created, body: JSON.stringify(event, null, 2) });
  };
  const account: Account = {
    state,
    now,
    pagesUrl: () => url,
    publish(type, stored) {
      const event = newEvent(type, show(state, stored), now());
      checkEvent(event);
      return add(event);
    },
    emit: (type, object, apiVersion) => add(newEvent(type, object, now(), apiVersion)),
    queue,
  };
  const save = (): void => {
    if (file !== undefined) writeState(file, state);
  };
  const traffic: Traffic = { calls: [], failure: undefined };
  const server = http.createServer(
    forOwnHosts((request, response) => {
      serve(request, response, account, traffic, save).catch((error: unknown) => {
        // If it is not a bug of the fake, the body was cut off or is too long.
        response.destroy();
        if (error instanceof NotOfStripe) onDefect(error);
      });
    }),
  );
  // Keeps the addresses of pages after a restart, unless another program uses the port now.
  const port = await listen(server, options.port === undefined ? [state.port, 0] : [options.port]);
  url = `http://${HOST}:${port}`;
  state.port = port;
  save();

  return {
    apiKey: state.apiKey,
    webhookSecret: state.webhookSecret,
    host: HOST,
    port,
    url,
    returnUrl: `${url}/return`,
    events: state.events,
    calls: traffic.calls,
    sendEventsTo: sender.sendTo,
    send: sender.send,
    idle: sender.idle,
    ...openControls(account, save),
    sessionStatus: (sessionIdOrUrl) => statusOfSession(account, sessionIdOrUrl),
    openSessions: (licenseId) => openSessionsFor(account, licenseId),
    customersOf: (tenantId) => customersOfTenant(state, tenantId),
    subscriptionOf: (sessionIdOrUrl) => subscriptionBoughtIn(state, sessionIdOrUrl),
    chargeOf: (subscriptionId) => latestChargeOf(state, subscriptionId),
    invoicesOf: (subscriptionId) => invoicesOf(state, subscriptionId),
    prorationOf: (subscriptionId) => prorationOf(state, subscriptionId),
    creditOf: (subscriptionId) => creditOf(state, subscriptionId),
    subscription: (subscriptionId) => readSubscription(state, subscriptionId),
    get meterEvents() {
      return readMeterEvents(state);
    },
    breakApi(failure, only) {
      traffic.failure = failure && { how: failure, only };
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

/** Ends the process, or fails the tests. */
function fail(error: Error): void {
  setImmediate(() => {
    throw error;
  });
}

interface Traffic {
  readonly calls: string[];
  /** How API calls fail at the moment. */
  failure: { readonly how: ApiFailure; readonly only: RegExp | undefined } | undefined;
}

async function serve(
  request: IncomingMessage,
  response: ServerResponse,
  account: Account,
  traffic: Traffic,
  save: () => void,
): Promise<void> {
  const { method = 'GET', headers } = request;
  const address = new URL(request.url ?? '/', account.pagesUrl());
  const { pathname: path, search } = address;
  const body = await readBody(request, MAX_CHARACTERS);
  if (/^\/v[12]\//.test(path)) {
    const form = decodeForm(method === 'POST' ? body : search.slice(1));
    serveCall({ method, path, form, headers }, response, account, traffic, save);
    return;
  }
  const answer = answerPage(account, method, address, new URLSearchParams(body));
  save();
  if ('location' in answer) response.writeHead(303, { location: answer.location }).end();
  else response.writeHead(answer.status, PAGE_HEADERS).end(answer.page);
}

function serveCall(
  call: Call,
  response: ServerResponse,
  account: Account,
  { calls, failure: broken }: Traffic,
  save: () => void,
): void {
  const called = `${call.method} ${call.path}`;
  calls.push(called);
  const failure = (broken?.only?.test(called) ?? true) ? broken?.how : undefined;
  if (failure === 'hang') return;
  if (failure === 'reset') {
    response.destroy();
    return;
  }
  if (failure === 'saved 500') {
    sendAnswer(response, answerCall(account, call, failureOf(500)));
    save();
    return;
  }
  if (failure === 'refuse') {
    const error = { type: 'invalid_request_error', message: 'Stripe refuses this.' };
    sendAnswer(response, { status: 400, body: JSON.stringify({ error }) });
    return;
  }
  if (failure?.startsWith('status ')) {
    sendAnswer(response, failureOf(Number(failure.slice('status '.length))));
    return;
  }
  const answer = answerCall(account, call);
  save();
  if (failure === 'reset after doing') response.destroy();
  else sendAnswer(response, answer);
}

function failureOf(status: number): Answer {
  const error = { type: 'api_error', message: 'An error occurred at Stripe.' };
  return { status, body: JSON.stringify({ error }) };
}

function sendAnswer(response: ServerResponse, { status, body, headers }: Answer): void {
  const own = { 'content-type': 'application/json', 'request-id': newId('req') };
  response.writeHead(status, { ...own, ...headers }).end(body);
}

/** Listens on the first of `ports` that is free. */
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
