import { subscribe } from 'node:diagnostics_channel';
import http, { type IncomingMessage, type Server } from 'node:http';
import * as z from 'zod/mini';

/**
 * Time limits of a server. Node's own are 60 s for the headers and 300 s for the request, checked every 30 s
 * (https://nodejs.org/api/http.html#serverheaderstimeout), and the functions-framework leaves them at that. A client
 * that is later gets Node's own 408 without a body, and loses its connection.
 */
export const TIME_LIMITS = {
  /** From the start of the request, or of the connection, to the end of the headers. */
  headersTimeout: 10_000,
  /** To the end of the body: 64 KiB in 20 s is the slowest mobile network. */
  requestTimeout: 20_000,
  connectionsCheckingInterval: 2_000,
} as const;

/** What the client sent, before `guardServer` changed it. */
interface Original {
  readonly target: string;
  readonly contentLength: string | undefined;
}

const originals = new WeakMap<object, Original>();
let guardsAll = false;

/** Limits the time of its requests. Call it before the server listens: the interval of the checks is read then. */
export function limitTime(server: Server): void {
  Object.assign(server, TIME_LIMITS);
}

/**
 * Limits the time of a framework's server, and lets the function read bodies itself. The framework would collect bodies
 * of up to a gigabyte before any function sees them, and parse them by their type: it answers broken ones itself with an
 * HTML page (outside production with a stack trace). It takes a request without `Content-Length` and `Transfer-Encoding`
 * for one without a body (https://github.com/jshttp/type-is, `hasBody`), and leaves the stream alone. The framework also
 * answers targets that it cannot parse with an HTML page: they are replaced by `/`, and the original is kept here.
 */
export function guardServer(server: Server): void {
  limitTime(server);
  server.prependListener('request', (request: IncomingMessage) => {
    if (originals.has(request)) return;
    const original = read(request);
    originals.set(request, original);
    delete request.headers['content-length'];
    delete request.headers['transfer-encoding'];
    if (!frameworkReads(original.target)) request.url = '/';
  });
}

/**
 * Guards every HTTP server that this process will start: the framework creates its own. Node publishes this channel
 * before a server listens (https://nodejs.org/api/diagnostics_channel.html#net).
 */
export function guardAllServers(): void {
  if (guardsAll) return;
  guardsAll = true;
  subscribe('tracing:net.server.listen:asyncStart', (message) => {
    const { server } = z.parse(Listening, message);
    if (server instanceof http.Server) guardServer(server);
  });
}

const Listening = z.object({ server: z.unknown() });

/** What the client sent, unchanged. */
export function originalOf(request: IncomingMessage): Original {
  return originals.get(request) ?? read(request);
}

function read({ headers, url }: IncomingMessage): Original {
  return { target: url ?? '/', contentLength: headers['content-length'] };
}

function frameworkReads(target: string): boolean {
  try {
    decodeURIComponent(target.split('?', 1)[0] ?? '');
    return target !== '*';
  } catch {
    return false;
  }
}
