import http, { type IncomingMessage, type OutgoingHttpHeaders } from 'node:http';
import https from 'node:https';
import { urlToHttpOptions } from 'node:url';
import { Unavailable } from '../../errors.ts';
import {
  DEFAULT_TIMEOUT_MS,
  limitIn,
  MAX_ANSWER_BYTES,
  noAnswer,
  type RedisEngine,
  refusalOf,
  sendAtMostTwice,
  startCall,
  tooLarge,
  unreadable,
} from './engine.ts';

const DEFAULT_MAX_SOCKETS = 128;

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

/**
 * Upstash's REST protocol over keep-alive connections: half the CPU of the stock client's `fetch`. An HTTP error is
 * `Unavailable` too.
 */
export function httpRequester(options: HttpRequesterOptions): RedisEngine {
  const link = openLink(options);
  // Upstash answers each request with a token. Sent with the next request, it makes sure that a read from a replica
  // includes this process's own writes.
  let syncToken = '';

  return {
    timeoutMs: link.timeoutMs,
    scriptPrefix: lockingPrefix,
    async command(command, call = startCall(link.timeoutMs)) {
      const body = JSON.stringify(command);
      const answer = await sendAtMostTwice(
        call,
        () =>
          send(link, {
            headers: { ...link.headers, 'upstash-sync-token': syncToken },
            body,
            deadlineMs: call.deadlineMs,
          }),
        // After one lost connection, idle ones are likely lost too (a restarted server, a frozen function): the one
        // retry must not be spent on another of them.
        () => dropIdleSockets(link.agent),
      );
      syncToken = answer.syncToken;
      return resultIn(answer);
    },
    close: () => link.agent.destroy(),
  };
}

/**
 * The first line of a script. Without the flag it locks the whole database, with it only its keys: then each key that it
 * uses must be in KEYS (https://upstash.com/docs/redis/features/key-locking).
 */
export function lockingPrefix({ isReadOnly }: { readonly isReadOnly: boolean }): string {
  return `#!lua flags=${isReadOnly ? 'no-writes,' : ''}allow-key-locking\n`;
}

interface Link {
  readonly client: typeof http | typeof https;
  readonly agent: http.Agent;
  readonly origin: ReturnType<typeof urlToHttpOptions>;
  readonly path: string;
  readonly headers: OutgoingHttpHeaders;
  readonly timeoutMs: number;
}

interface Message {
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
    path: target.pathname.replace(/\/+$/, '') || '/',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    timeoutMs: timeoutMs ?? DEFAULT_TIMEOUT_MS,
  };
}

function send(link: Link, { headers, body, deadlineMs }: Message): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const outgoing = link.client.request({
      ...link.origin,
      agent: link.agent,
      method: 'POST',
      path: link.path,
      headers: { ...headers, 'content-length': Buffer.byteLength(body) },
    });
    const fail = (error: unknown) => {
      clearTimeout(timer);
      reject(error);
      outgoing.destroy();
    };
    const timer = setTimeout(
      () => fail(noAnswer(link.timeoutMs)),
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
    if (bytes > MAX_ANSWER_BYTES) fail(tooLarge());
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

function resultIn(answer: Answer): unknown {
  const body = parse(answer);
  if (isRecord(body) && typeof body.error === 'string') throw refusalOf(body.error);
  if (answer.status !== 200 || !isRecord(body) || !('result' in body)) throw unreadable();
  return body.result;
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

/** The error in a body that need not be Redis' own, as a proxy may have written it; empty if there is none. */
function errorIn(text: string): string {
  try {
    const body: unknown = JSON.parse(text);
    return isRecord(body) && typeof body.error === 'string' ? body.error : '';
  } catch {
    return '';
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
