import type { IncomingMessage, ServerResponse } from 'node:http';
import * as z from 'zod/mini';
import { type Actor, type By, system } from '../domain/actor.ts';
import { hasScope, type Standing, scopeOf, standingOf } from '../domain/authorization.ts';
import type { OperatorToken } from '../domain/operator-token.ts';
import { type Part, PROBLEMS, type ProblemCode, Unavailable } from '../errors.ts';
import type { Deps } from '../ports/deps.ts';
import type { Events } from '../ports/events.ts';
import type { LogLine, Noted } from '../ports/log-line.ts';
import { endAfterLingering, mustClose } from './body.ts';
import { cacheable } from './caching.ts';
import type {
  AnyHandlers,
  AnyReply,
  Caller,
  EndpointContract,
  FunctionContract,
  Refusal,
} from './contract.ts';
import { cookieOf } from './cookie.ts';
import { authenticate, challenge, credentialsIn } from './credentials.ts';
import { preflightHeaders, readableBy } from './cross-origin.ts';
import { dependenciesOf, guardDeps } from './dependencies.ts';
import { faultFields, withCauses } from './fault-fields.ts';
import { PAGE_HEADERS } from './html-page.ts';
import { IdempotencyKeyReused, readIdempotencyKey, recordsOnce } from './idempotency-key.ts';
import { countCall } from './limit.ts';
import { logToStandardOutput } from './log.ts';
import { openMeasures } from './metrics.ts';
import { type OperatorKeys, openOperatorKeys } from './operator-key.ts';
import { type Outgoing, refusalAnswer } from './problem.ts';
import { parseInput, refuseAnnounced } from './request.ts';
import { matchRoute } from './route.ts';
import { insufficientScope } from './scopes.ts';
import { originalOf } from './server-guard.ts';
import { openSignedEvent } from './stripe-signature.ts';
import { nextTraceparent, requestIdOf, type Trace, traceFields, traceOf } from './trace.ts';

/** `Retry-After` when a dependency is unavailable. */
const UNAVAILABLE_RETRY_SECONDS = 2;

const UNAVAILABLE_PROBLEM: Readonly<Record<Part, ProblemCode>> = {
  seats: 'SEATS_UNAVAILABLE',
  records: 'RECORDS_UNAVAILABLE',
  events: 'EVENTS_UNAVAILABLE',
  identity: 'IDENTITY_UNAVAILABLE',
  signing: 'SIGNING_UNAVAILABLE',
  limits: 'LIMITS_UNAVAILABLE',
  billing: 'BILLING_UNAVAILABLE',
  dns: 'DNS_UNAVAILABLE',
};

export type HttpFunction = (request: IncomingMessage, response: ServerResponse) => Promise<void>;

export interface ServeOptions {
  /** Also checks answers against their schemas: on in development and tests, off in production to save time. */
  readonly checkAnswers: boolean;
}

/**
 * Creates one HTTP function from a contract and its handlers: route, authenticate, read the body, parse, handle, answer,
 * log, measure. The server must be guarded (`guardServer`).
 * On any error the caller gets a problem document; no exception reaches the framework. Handlers and dependencies load
 * with the first request. Of the dependencies, only those that the contract names can be read.
 */
export function serve(
  contract: FunctionContract,
  loadHandlers: () => Promise<{ default: AnyHandlers }>,
  openDeps: () => Promise<Deps>,
  options: ServeOptions,
): HttpFunction {
  const service: Service = { contract, loadHandlers, options, operatorKeys: openOperatorKeys() };
  const measure = openMeasures(contract);
  const readable = readableBy(contract);
  const publishes = dependenciesOf(contract).has('events');
  let isCold = true;
  let guarded: { readonly from: Deps; readonly deps: Deps } | undefined;
  return async (request, response) => {
    const startedMs = performance.now();
    const requestId = requestIdOf(request.headers);
    const trace = traceOf(request.headers);
    const line: LogLine = {
      severity: 'INFO',
      message: '',
      function: contract.name,
      request_id: requestId,
      ...(isCold ? { cold: true } : {}),
    };
    isCold = false;
    let deps: Deps | undefined;
    let outgoing: Outgoing;
    const found: Found = {};
    try {
      const opened = await openDeps();
      if (guarded?.from !== opened) guarded = { from: opened, deps: guardDeps(contract, opened) };
      deps = guarded.deps;
      Object.assign(line, traceFields(trace, deps.projectId));
      const traced = trace && publishes ? withOwn(deps, { events: publishingIn(trace, deps.events) }) : deps;
      outgoing = await respond(service, { request, requestId, line, found, deps: traced });
    } catch (fault) {
      outgoing = faultAnswer(fault, requestId, line, found);
    }
    send(request, response, requestId, { ...outgoing, headers: { ...readable, ...outgoing.headers } });
    const seconds = (performance.now() - startedMs) / 1000;
    line.message ||= `${contract.name} ${outgoing.status}`;
    line.verdict = line.code ?? line.verdict ?? verdictOf(line.answer);
    line.httpRequest = {
      requestMethod: request.method,
      status: outgoing.status,
      latency: `${seconds.toFixed(6)}s`,
    };
    measure(line, seconds);
    (deps?.log ?? logToStandardOutput)(line);
  };
}

interface Service {
  readonly contract: FunctionContract;
  readonly loadHandlers: () => Promise<{ default: AnyHandlers }>;
  readonly options: ServeOptions;
  readonly operatorKeys: OperatorKeys;
}

/** The endpoint of a request, once it is found: it decides how a refusal looks. */
interface Found {
  endpoint?: EndpointContract;
}

/** One request being served. Each step adds fields to its log line. */
interface Exchange {
  readonly found: Found;
  readonly request: IncomingMessage;
  readonly requestId: string;
  readonly line: LogLine;
  readonly deps: Deps;
}

type ResponseHeaders = Readonly<Record<string, string>>;

async function respond(service: Service, exchange: Exchange): Promise<Outgoing> {
  const { contract, loadHandlers, options } = service;
  const { request, line, deps } = exchange;
  // Not parsed with URL, which reads "//host" as an authority and throws on malformed targets.
  const [path = '/', search = ''] = originalOf(request).target.split(/\?(.*)/s);
  const route = matchRoute(contract, request.method ?? 'GET', path);
  if (route.found === 'nothing') return refuse(exchange, { problem: 'NOT_FOUND' });
  if (route.found === 'path') return answerOtherMethod(contract, exchange, route.allow);
  const { endpoint, name } = route;
  line.endpoint = `${endpoint.method} ${endpoint.path}`;
  exchange.found.endpoint = endpoint;

  const oversized = refuseAnnounced(request, endpoint);
  if (oversized) return refuse(exchange, oversized);
  const note = (fields: Noted): void => {
    // A later note never makes an error less severe.
    const severity = line.severity === 'ERROR' ? 'ERROR' : (fields.severity ?? line.severity);
    Object.assign(line, fields, { severity });
  };
  const caller = await callerOf(request, endpoint, deps, service.operatorKeys, note);
  if ('problem' in caller) return refuse(exchange, caller, challengeTo(exchange, endpoint, caller));
  line.caller = caller.kind;
  if (caller.kind === 'license') line.license_id = caller.licenseId;
  const beyond = caller.kind === 'operator' && (await useToken(caller.token, service, endpoint, exchange));
  if (beyond) return refuse(exchange, beyond, challengeTo(exchange, endpoint, beyond));
  const limited =
    endpoint.limit &&
    (await countCall(`${contract.name}.${name}`, endpoint.limit, caller, request, deps, note));
  if (limited?.refusal) return refuse(exchange, limited.refusal, limited.headers);
  const input = await parseInput(endpoint, request, route.params, search);
  if ('problem' in input) return refuse(exchange, input, limited?.headers);
  const idempotencyKey = endpoint.idempotencyKey && readIdempotencyKey(request);
  if (typeof idempotencyKey === 'object') return refuse(exchange, idempotencyKey, limited?.headers);

  const { default: handlers } = await loadHandlers();
  const handle = handlers[name];
  if (!handle) throw new Error(`${contract.name}: no handler for ${name}`);
  const standing = (tenantId: string): Standing => standingTo(tenantId, caller, endpoint);
  const cookie = cookieOf(request);
  const by: By = { actor: actorOf(caller, contract), requestId: exchange.requestId };
  const handlerDeps =
    endpoint.idempotencyKey === 'once' && idempotencyKey !== undefined
      ? withOwn(deps, {
          records: recordsOnce(
            { key: idempotencyKey, endpoint: `${contract.name}.${name}`, actor: by.actor, input },
            deps,
          ),
        })
      : deps;
  // `HandlersOf` checks the types where the handler is defined; here they are not known.
  const asked = { ...input, caller, by, standing, idempotencyKey, cookie, note } as never;
  const reply: AnyReply = await handle(asked, handlerDeps).catch(refuseReusedKey);
  return answerReply(endpoint, reply, limited?.headers, exchange, options);
}

function refuseReusedKey(fault: unknown): Refusal {
  if (fault instanceof IdempotencyKeyReused) return { problem: 'IDEMPOTENCY_KEY_REUSED' };
  throw fault;
}

/** Answers a path that has endpoints, but none with this method: a browser's preflight request, or a mistake. */
function answerOtherMethod(
  contract: FunctionContract,
  exchange: Exchange,
  allow: readonly string[],
): Outgoing {
  const { method, headers } = exchange.request;
  const isPreflight = method === 'OPTIONS' && headers['access-control-request-method'] !== undefined;
  const preflight = isPreflight ? preflightHeaders(contract, allow) : undefined;
  if (!preflight) return refuse(exchange, { problem: 'METHOD_NOT_ALLOWED' }, { allow: allow.join(', ') });
  exchange.line.answer = 'preflight';
  return { status: 204, headers: preflight };
}

function answerReply(
  endpoint: EndpointContract,
  reply: AnyReply,
  limitHeaders: ResponseHeaders | undefined,
  exchange: Exchange,
  options: ServeOptions,
): Outgoing {
  if ('problem' in reply) {
    return refuse(exchange, reply, {
      ...limitHeaders,
      ...challengeTo(exchange, endpoint, reply),
    });
  }
  const name = String(reply.answer);
  exchange.line.answer = name;
  const outgoing = answerOf(endpoint, reply, { ...limitHeaders, ...reply.headers }, options);
  const { cacheSeconds } = endpoint.answers[name] ?? {};
  return cacheSeconds === undefined
    ? outgoing
    : cacheable(outgoing, cacheSeconds, exchange.request.headers['if-none-match']);
}

/** The caller gets the problem; the log also gets `because`. */
function refuse(
  { line, requestId, found }: Exchange,
  refusal: Refusal,
  headers: ResponseHeaders = {},
): Outgoing {
  line.code = refusal.problem;
  if (refusal.because !== undefined) line.because = refusal.because;
  if (line.severity === 'INFO' && PROBLEMS[refusal.problem].status >= 500) line.severity = 'WARNING';
  return refusalAnswer(found.endpoint?.refusals, requestId, refusal, { ...headers, ...refusal.headers });
}

/** Only for refusals because of credentials. OAuth clients are told how they could authenticate (RFC 6749 section 5.2). */
function challengeTo(
  { request }: Exchange,
  { auth, refusals }: EndpointContract,
  { problem }: Refusal,
): ResponseHeaders {
  const isAboutCredentials =
    PROBLEMS[problem].status === 401 || problem === 'FORBIDDEN' || problem === 'INSUFFICIENT_SCOPE';
  if (isAboutCredentials && refusals === 'oauth') return { 'www-authenticate': 'Basic realm="seatlease"' };
  const value = isAboutCredentials && challenge(auth, request, problem);
  return value ? { 'www-authenticate': value } : {};
}

/** Stripe signs its requests; all other callers send credentials. */
async function callerOf(
  request: IncomingMessage,
  endpoint: EndpointContract,
  deps: Deps,
  operatorKeys: OperatorKeys,
  note: (fields: Noted) => void,
): Promise<Caller | Refusal> {
  const { auth, standing, refusals } = endpoint;
  // Public clients have no credentials. One that sends some expects them to be checked.
  if (refusals === 'oauth' && request.headers.authorization !== undefined)
    return { problem: 'CLIENT_UNKNOWN', because: 'the request has credentials of a client' };
  if (auth.includes('stripe')) return openSignedEvent(request, endpoint, deps);
  const credentials = credentialsIn(request, auth);
  if ('problem' in credentials) return credentials;
  const checkOperatorKey = operatorKeys.checkFor(request, deps, note);
  return authenticate(credentials.header, auth, deps, checkOperatorKey, standing);
}

/** Records the use of an operator token, and refuses what is beyond its scopes. */
async function useToken(
  token: OperatorToken | undefined,
  { contract }: Service,
  { method }: EndpointContract,
  { line, deps }: Exchange,
): Promise<Refusal | undefined> {
  if (!token) return undefined;
  line.operator_token_id = token.tokenId;
  try {
    const { recordUse } = await import('../use-cases/operator-tokens.ts');
    await recordUse(token, deps.records, deps.clock.nowMs());
  } catch (fault) {
    // The next call tries again: a request does not fail because its time cannot be recorded.
    Object.assign(line, {
      severity: 'WARNING',
      because: `last use not recorded: ${withCauses(fault)}`,
    });
  }
  const scope = scopeOf(contract.name, method);
  return hasScope(token.scopes, scope) ? undefined : insufficientScope([scope]);
}

function answerOf(
  endpoint: EndpointContract,
  reply: { answer: PropertyKey; body: unknown },
  headers: ResponseHeaders,
  options: ServeOptions,
): Outgoing {
  const answer = endpoint.answers[String(reply.answer)];
  if (!answer) throw new Error(`no answer named ${String(reply.answer)}`);
  if (!answer.body) return { status: answer.status, headers };
  if (options.checkAnswers) z.parse(answer.body, reply.body);
  return {
    status: answer.status,
    headers: { ...(answer.isPage ? PAGE_HEADERS : { 'content-type': 'application/json' }), ...headers },
    body: reply.body,
  };
}

/** Callers who are not identified, and services, have our function act for them. */
function actorOf(caller: Caller, { name }: FunctionContract): Actor {
  switch (caller.kind) {
    case 'person':
      return { kind: 'user', id: caller.userId };
    case 'operator':
      return { kind: 'operator', id: caller.token?.tokenId ?? caller.userId ?? 'bootstrap' };
    case 'license':
      return { kind: 'license', id: caller.licenseId };
    default:
      return system(name);
  }
}

/** Operators may access every tenant; callers who are not signed in have access to none. */
function standingTo(tenantId: string, caller: Caller, { auth }: EndpointContract): Standing {
  if (caller.kind === 'operator') return 'ALLOWED';
  if (caller.kind !== 'person' || !Object.hasOwn(caller.tenants, tenantId)) return 'STRANGER';
  return standingOf(auth, caller.tenants[tenantId]);
}

/** Inherits the other dependencies, with their guards. */
function withOwn(deps: Deps, own: Partial<Deps>): Deps {
  return Object.create(deps, Object.getOwnPropertyDescriptors(own));
}

/** Publishes events with the trace of the request; each call gets its own span. */
function publishingIn(trace: Trace, events: Events): Events {
  return {
    publish: (seatEvents) => events.publish(seatEvents, nextTraceparent(trace)),
    ping: () => events.ping(),
    close: () => events.close(),
  };
}

/** An answer's name in the style of problem codes: `granted` becomes GRANTED. */
function verdictOf(answer = ''): string {
  return answer.toUpperCase();
}

function faultAnswer(fault: unknown, requestId: string, line: LogLine, { endpoint }: Found): Outgoing {
  Object.assign(line, faultFields(fault));
  const unavailable = fault instanceof Unavailable;
  const problem: ProblemCode = unavailable ? UNAVAILABLE_PROBLEM[fault.part] : 'INTERNAL';
  line.code = problem;
  return refusalAnswer(endpoint?.refusals, requestId, {
    problem,
    retryAfterSeconds: unavailable ? UNAVAILABLE_RETRY_SECONDS : undefined,
  });
}

function textOf({ headers, body }: Outgoing): string {
  return headers['content-type'] === PAGE_HEADERS['content-type']
    ? String(body)
    : `${JSON.stringify(body)}\n`;
}

/** Sends an answer, unless one was sent already or the client has disconnected. */
export function send(
  request: IncomingMessage,
  response: ServerResponse,
  requestId: string,
  outgoing: Outgoing,
): void {
  if (response.headersSent || response.destroyed) return;
  // The line break keeps a shell's prompt off the last line of curl's output.
  const text = outgoing.body === undefined ? undefined : textOf(outgoing);
  const isLast = mustClose(request);
  response.writeHead(outgoing.status, {
    // Hosting removes `Set-Cookie` from answers that are not private, also from those that no cache may store:
    // https://github.com/firebase/firebase-tools/blob/master/src/hosting/proxy.ts
    'cache-control': 'private, no-store',
    'x-content-type-options': 'nosniff',
    'x-request-id': requestId,
    ...outgoing.headers,
    ...(text === undefined ? {} : { 'content-length': Buffer.byteLength(text) }),
    ...(isLast && { connection: 'close' }),
  });
  const sent = request.method === 'HEAD' ? undefined : text;
  if (!isLast) {
    response.end(sent);
    return;
  }
  if (sent === undefined) response.flushHeaders();
  else response.write(sent);
  endAfterLingering(request, response);
}
