import http, { type IncomingMessage, type OutgoingHttpHeaders } from 'node:http';
import https from 'node:https';
import { urlToHttpOptions } from 'node:url';
import type { Requester, UpstashRequest, UpstashResponse } from '@upstash/redis';
import { type RedisLimit, Unavailable } from '../../errors.ts';

const DEFAULT_TIMEOUT_MS = 1_200;
const DEFAULT_MAX_SOCKETS = 128;
const MAX_ANSWER_BYTES = 8 * 1024 * 1024;
const MAX_ERROR_CHARACTERS = 300;

/** Connection losses that are worth a retry. Others (a name not found, an invalid certificate) will not change. */
const CONNECTION_LOSSES: readonly unknown[] = ['ECONNRESET', 'ECONNREFUSED', 'EPIPE'];

/**
 * Redis errors about the server's state, not about the command. Redis 6.2 wraps an error raised inside a script as
 * `ERR Error running script …: -OOM command not allowed …`, so the code may follow a dash.
 */
const CANNOT_SERVE_CODE =
  /(?:^|[\s:]-)(LOADING|READONLY|MASTERDOWN|BUSY|OOM|CLUSTERDOWN|TRYAGAIN|MISCONF|NOREPLICAS|NOAUTH|WRONGPASS|NOPERM)\b/;

/**
 * The errors of a Redis that refuses commands until an operator acts. The texts of Upstash are those of its pages
 * (https://upstash.com/docs/redis/troubleshooting, `max_requests_limit`, `max_daily_request_limit`,
 * `db_capacity_quota_exceeded`). It documents no text for a used-up bandwidth: a guess that follows the others.
 */
const LIMIT_ERRORS: readonly (readonly [RegExp, RedisLimit])[] = [
  [/(?:^|[\s:-])OOM\b/, 'memory'],
  [/(?:^|[\s:-])READONLY\b/, 'read-only'],
  [/DB capacity quota exceeded/i, 'memory'],
  [/max (?:daily )?requests? limit exceeded/i, 'commands'],
  [/bandwidth\b.* exceeded/i, 'bandwidth'],
];
const OTHER_QUOTA = /max concurrent connections exceeded/i;

/**
 * Above its commands per second, Upstash slows a database down (https://upstash.com/docs/redis/help/faq). This status
 * is not in the list of its REST API; it has no other meaning (RFC 6585 section 4).
 */
const TOO_MANY_REQUESTS = 429;

export interface HttpRequesterOptions {
  /** The REST address, `http:` or `https:`, with or without a trailing slash. */
  readonly url: string;
  readonly token: string;
  /** Limit for one request from call to response, including its one retry and any wait for a socket. Default: 1,200. */
  readonly timeoutMs?: number | undefined;
  /** Open connections; further requests wait for one within their `timeoutMs`. Default: 128. */
  readonly maxSockets?: number;
}

/** Redis answered with an error about the command: `NOSCRIPT …`, `WRONGTYPE …`, `EXECABORT …`. */
export class RedisError extends Error {
  override readonly name = 'RedisError';
}

/**
 * Upstash's REST protocol over keep-alive connections, for `openRedis`: half the CPU of the stock client's `fetch`.
 *
 * If Redis is unavailable (no connection, no response in time, an HTTP error, an unreadable response or one larger than
 * 8 MiB, a Redis error about the server's state such as `LOADING`) it throws `Unavailable('seats')`, with the limit if
 * Redis has reached one. A Redis error about the command throws `RedisError`, in which `createScript().exec` looks for
 * `NOSCRIPT`; inside a pipeline it is that item's `error`.
 *
 * A request whose connection is lost is retried once, so each command may run twice: every script must be idempotent
 * for its request. Error messages contain neither token nor arguments. Idle connections do not keep the process alive;
 * `close` closes them all.
 */
export function httpRequester(options: HttpRequesterOptions): Requester & { close(): void } {
  const link = openLink(options);
  // Upstash answers each request with a token. Sent with the next request, it makes sure that a read from a replica
  // includes this process's own writes.
  let syncToken = '';

  async function request<TResult>(input: UpstashRequest): Promise<UpstashResponse<TResult>> {
    if (input.isStreaming) throw new TypeError('The requester supports commands only, not streams.');
    const answer = await sendAtMostTwice(link, {
      path: [link.basePath, ...(input.path ?? [])].join('/') || '/',
      headers: { ...input.headers, ...link.headers, 'upstash-sync-token': syncToken },
      body: JSON.stringify(input.body),
      deadlineMs: performance.now() + link.timeoutMs,
    });
    syncToken = answer.syncToken;
    const read = isBatch(input) ? readBatch(answer, input.body.length) : readOne(answer);
    // `TResult` is declared by the caller; no transport can check it. The client's own interface has no other type for
    // the array that answers a batch.
    return read as UpstashResponse<TResult>;
  }

  return { request, close: () => link.agent.destroy() };
}

interface Link {
  readonly client: typeof http | typeof https;
  readonly agent: http.Agent;
  readonly origin: ReturnType<typeof urlToHttpOptions>;
  readonly basePath: string;
  readonly headers: OutgoingHttpHeaders;
  readonly timeoutMs: number;
}

interface Message {
  readonly path: string;
  readonly headers: OutgoingHttpHeaders;
  readonly body: string;
  /** On the `performance.now()` clock. */
  readonly deadlineMs: number;
}

interface Answer {
  readonly status: number;
  readonly text: string;
  readonly syncToken: string;
}

function openLink({ url, token, timeoutMs, maxSockets }: HttpRequesterOptions): Link {
  const target = new URL(url);
  const client = target.protocol === 'https:' ? https : http;
  return {
    client,
    // By default an agent sets TCP_NODELAY on its sockets, and idle sockets do not keep the process alive.
    agent: new client.Agent({ keepAlive: true, maxSockets: maxSockets ?? DEFAULT_MAX_SOCKETS }),
    origin: urlToHttpOptions(target),
    basePath: target.pathname.replace(/\/+$/, ''),
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    timeoutMs: timeoutMs ?? DEFAULT_TIMEOUT_MS,
  };
}

async function sendAtMostTwice(link: Link, message: Message): Promise<Answer> {
  try {
    return await send(link, message);
  } catch (error) {
    if (!CONNECTION_LOSSES.includes(codeOf(error))) throw asUnavailable(error);
  }
  // After one lost connection, idle ones are likely lost too (a restarted server, a frozen function): the one retry
  // must not be spent on another of them.
  dropIdleSockets(link.agent);
  try {
    return await send(link, message);
  } catch (error) {
    throw asUnavailable(error);
  }
}

function send(link: Link, { path, headers, body, deadlineMs }: Message): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const outgoing = link.client.request({
      ...link.origin,
      agent: link.agent,
      method: 'POST',
      path,
      headers: { ...headers, 'content-length': Buffer.byteLength(body) },
    });
    const fail = (error: unknown) => {
      clearTimeout(timer);
      reject(error);
      outgoing.destroy();
    };
    const timer = setTimeout(
      () => fail(new Unavailable('seats', `no answer within ${link.timeoutMs} ms`)),
      Math.max(0, deadlineMs - performance.now()),
    );
    outgoing.on('error', fail);
    outgoing.on('response', (incoming) => {
      collect(incoming, fail, (text) => {
        clearTimeout(timer);
        resolve({ status: incoming.statusCode ?? 0, text, syncToken: syncTokenOf(incoming) });
      });
    });
    // As text, which Node sends in one packet with the headers.
    outgoing.end(body);
  });
}

function collect(incoming: IncomingMessage, fail: (error: unknown) => void, done: (text: string) => void) {
  const chunks: Buffer[] = [];
  let bytes = 0;
  incoming.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes > MAX_ANSWER_BYTES) fail(new Unavailable('seats', 'the response is larger than 8 MiB'));
    else chunks.push(chunk);
  });
  incoming.on('error', fail);
  incoming.on('end', () => done(Buffer.concat(chunks).toString('utf8')));
}

function syncTokenOf(incoming: IncomingMessage): string {
  const token = incoming.headers['upstash-sync-token'];
  return typeof token === 'string' ? token : '';
}

function dropIdleSockets(agent: http.Agent): void {
  for (const sockets of Object.values(agent.freeSockets)) {
    for (const socket of sockets ?? []) socket.destroy();
  }
}

function readOne(answer: Answer): { result: unknown } {
  const body = parse(answer);
  if (isRecord(body) && typeof body.error === 'string') throw refusal(body.error);
  if (answer.status !== 200 || !isRecord(body) || !('result' in body)) throw unreadable();
  return { result: body.result };
}

function readBatch(answer: Answer, commandCount: number): ({ result: unknown } | { error: string })[] {
  const body = parse(answer);
  if (isRecord(body) && typeof body.error === 'string') throw refusal(body.error);
  if (answer.status !== 200 || !Array.isArray(body) || body.length !== commandCount) throw unreadable();
  return body.map(readItem);
}

function readItem(item: unknown): { result: unknown } | { error: string } {
  if (isRecord(item) && typeof item.error === 'string') {
    const error = refusal(item.error);
    // The caller must repeat the whole batch, so its other results are of no use.
    if (error instanceof Unavailable) throw error;
    return { error: error.message };
  }
  if (isRecord(item) && 'result' in item) return { result: item.result };
  throw unreadable();
}

function parse({ status, text }: Answer): unknown {
  if (status !== 200 && status !== 400) {
    const redisLimit = limitIn(errorIn(text)) ?? (status === TOO_MANY_REQUESTS ? 'commands' : undefined);
    throw new Unavailable('seats', `HTTP ${status}`, { redisLimit });
  }
  try {
    return JSON.parse(text);
  } catch {
    // The parser's own error quotes the text, which may be stored data: it must not become the cause.
    throw unreadable();
  }
}

function refusal(message: string): Unavailable | RedisError {
  const code = CANNOT_SERVE_CODE.exec(message)?.[1];
  const redisLimit = limitIn(message);
  if (code) return new Unavailable('seats', `Redis answered ${code}`, { redisLimit });
  if (redisLimit)
    return new Unavailable('seats', `the database has reached its limit of ${redisLimit}`, { redisLimit });
  if (OTHER_QUOTA.test(message)) return new Unavailable('seats', 'a quota of the database is exceeded');
  return new RedisError(withoutArguments(message));
}

function limitIn(error: string): RedisLimit | undefined {
  return LIMIT_ERRORS.find(([pattern]) => pattern.test(error))?.[1];
}

/** The error in a body that need not be Redis' own, as a proxy may have written it; empty if there is none. */
function errorIn(text: string): string {
  try {
    const body: unknown = JSON.parse(text);
    return isRecord(body) && typeof body.error === 'string' ? body.error : '';
  } catch {
    return '';
  }
}

/** Redis quotes the arguments after an unknown command's name. */
function withoutArguments(message: string): string {
  return message.replace(/,?\s*with args beginning with:[\s\S]*$/i, '').slice(0, MAX_ERROR_CHARACTERS);
}

function unreadable(): Unavailable {
  return new Unavailable('seats', 'the response is unreadable');
}

function asUnavailable(error: unknown): Unavailable {
  if (error instanceof Unavailable) return error;
  return new Unavailable('seats', `connection failed (${codeOf(error) ?? 'no code'})`, { cause: error });
}

function codeOf(error: unknown): string | undefined {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return typeof code === 'string' ? code : undefined;
}

function isBatch(input: UpstashRequest): input is UpstashRequest & { body: unknown[] } {
  const [endpoint] = input.path ?? [];
  return (endpoint === 'pipeline' || endpoint === 'multi-exec') && Array.isArray(input.body);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
