import http, { type ClientRequest, type IncomingMessage } from 'node:http';
import https from 'node:https';
import type { Socket } from 'node:net';
import {
  MAX_ANSWER_BYTES,
  NoAnswer,
  type Request,
  type Response,
  type SendOptions,
  type Transport,
} from '../platform.ts';
import { Stopwatch } from '../stopwatch.ts';
import { nodeClock } from './clock.ts';
import { describeFailure } from './failure.ts';

/** Servers close idle connections after 5 s (https://nodejs.org/api/http.html#serverkeepalivetimeout) or later. */
const IDLE_CONNECTION_MS = 4_000;

/**
 * A pending connect keeps the program running, despite `unref`, for minutes if nothing answers. A background request gives it
 * up before it delays the end of the program noticeably.
 */
const BACKGROUND_CONNECT_MS = 1_500;

/** The host program may pass its own, for special proxies or certificates. */
export interface Agents {
  readonly http: http.Agent;
  readonly https: https.Agent;
}

export interface Address {
  readonly address: string;
  readonly family: number;
}

export interface NodeTransport extends Transport {
  /** Where the last answer from this host came from: the host, or a proxy. */
  addressOf(url: string): Address | undefined;
  /** From now on, pending requests do not keep the program running. */
  stopWaiting(): void;
}

/** Not `fetch`: its connections keep a program running when its event loop is otherwise empty. */
export function nodeTransport(
  agents: Agents = keepAliveAgents(),
  backgroundConnectMs = BACKGROUND_CONNECT_MS,
  clock = nodeClock,
): NodeTransport {
  const pending = new Set<ClientRequest>();
  const idle = new WeakMap<Socket, Stopwatch>();
  const addresses = new Map<string, Address>();
  return {
    addressOf: (url) => addresses.get(new URL(url).host),
    async send(request, options) {
      closeIdle(agents, idle);
      const sent = open(request, agents);
      pending.add(sent);
      sent.on('response', ({ socket: { remoteAddress: address, remoteFamily } }) => {
        if (address === undefined) return;
        addresses.set(new URL(request.url).host, { address, family: remoteFamily === 'IPv6' ? 6 : 4 });
      });
      try {
        return await answerOf(sent, request, options, backgroundConnectMs);
      } catch (error) {
        const url = new URL(request.url);
        throw new NoAnswer(`No answer from ${url.origin}: ${describeFailure(error, url)}`, { cause: error });
      } finally {
        pending.delete(sent);
        sent.destroy();
        if (sent.socket) idle.set(sent.socket, new Stopwatch(clock));
      }
    },
    stopWaiting() {
      for (const sent of pending) {
        if (sent.socket && !sent.socket.connecting) sent.socket.unref();
        else sent.destroy();
      }
    },
  };
}

/**
 * The agents close idle connections by a timer. After a sleep or a stop of the program, a heartbeat is due before the timer
 * fires, and before the end of the connection is noticed: it would be lost.
 */
function closeIdle(agents: Agents, idle: WeakMap<Socket, Stopwatch>): void {
  for (const { freeSockets } of [agents.http, agents.https])
    for (const socket of Object.values(freeSockets).flat())
      if (socket && Number(idle.get(socket)?.read()) > IDLE_CONNECTION_MS) socket.destroy();
}

function keepAliveAgents(): Agents {
  const options = {
    keepAlive: true,
    timeout: IDLE_CONNECTION_MS,
    proxyEnv: proxyEnvironment(),
  };
  return { http: new http.Agent(options), https: new https.Agent(options) };
}

/** Only Node's global agents follow NODE_USE_ENV_PROXY and `--use-env-proxy`; other agents need an option. */
export function proxyEnvironment(): NodeJS.ProcessEnv | undefined {
  const { NODE_USE_ENV_PROXY } = process.env;
  return NODE_USE_ENV_PROXY === '1' || hasNodeOption('--use-env-proxy') ? { ...process.env } : undefined;
}

/** Whether Node was started with this option, as an argument or in NODE_OPTIONS. */
export function hasNodeOption(option: string): boolean {
  const { NODE_OPTIONS = '' } = process.env;
  return [...process.execArgv, ...NODE_OPTIONS.split(/\s+/)].includes(option);
}

function open({ method, url, headers, body }: Request, agents: Agents): ClientRequest {
  const length = body === undefined ? {} : { 'content-length': Buffer.byteLength(body) };
  const options = { method, headers: { ...headers, ...length } };
  return new URL(url).protocol === 'https:'
    ? https.request(url, { ...options, agent: agents.https })
    : http.request(url, { ...options, agent: agents.http });
}

function answerOf(
  sent: ClientRequest,
  { body }: Request,
  options: SendOptions,
  backgroundConnectMs: number,
): Promise<Response> {
  const { timeoutMs, background, signal } = options;
  return new Promise((answered, failed) => {
    const giveUp = (why: string) => () => sent.destroy(new Error(why));
    // Only the socket may keep the program running, not this timer.
    const seconds = Number((timeoutMs / 1000).toPrecision(2));
    const timer = setTimeout(giveUp(`timed out after ${seconds} s`), timeoutMs).unref();
    const cancel = giveUp('the request was canceled');
    signal?.addEventListener('abort', cancel, { once: true });
    // The agent calls `ref` on a reused socket.
    if (background) {
      const noConnection = giveUp(`no connection within ${backgroundConnectMs / 1000} s`);
      sent.on('socket', (socket) => unrefSocket(socket, backgroundConnectMs, noConnection));
    }
    let isAnswered = false;
    sent.on('response', (message) => {
      isAnswered = true;
      bodyOf(message).then((text) => answered(responseOf(message, text)), failed);
    });
    sent.on('error', failed);
    sent.on('close', () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', cancel);
      // `close` comes before the last part of an answer is read, and without an error if the request was canceled.
      if (!isAnswered) failed(new Error('the connection was closed'));
    });
    if (signal?.aborted) cancel();
    else sent.end(body);
  });
}

/** Keeps the socket from delaying the end of the program. */
function unrefSocket(socket: Socket, connectMs: number, giveUp: () => void): void {
  socket.unref();
  if (!socket.connecting) return;
  const timer = setTimeout(giveUp, connectMs).unref();
  socket.once('connect', () => clearTimeout(timer));
  socket.once('close', () => clearTimeout(timer));
}

async function bodyOf(message: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of message) {
    bytes += chunk.length;
    if (bytes > MAX_ANSWER_BYTES) throw new Error('the answer is larger than 1 MiB');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function responseOf({ statusCode = 0, headers }: IncomingMessage, body: string): Response {
  return {
    status: statusCode,
    header(name) {
      const value = headers[name];
      return Array.isArray(value) ? value.join(', ') : value;
    },
    body,
  };
}
