import { subscribe } from 'node:diagnostics_channel';
import type { IncomingMessage } from 'node:http';
import * as z from 'zod/mini';

/**
 * The framework parses bodies before any function sees them, and answers broken ones itself with an HTML page, outside
 * production with a stack trace. So each request is marked, before the framework sees it, as bytes of no particular
 * kind: the framework hands those over untouched as `rawBody`, and what the client said about them is kept here.
 * (Node publishes `http.server.request.start` before a server's own listeners run.)
 */
interface BodyHeaders {
  readonly contentType: string | undefined;
  readonly contentEncoding: string | undefined;
}

const said = new WeakMap<object, BodyHeaders>();
let installed = false;

const StartedRequest = z.object({
  request: z.custom<IncomingMessage>((value) => typeof value === 'object' && value !== null),
});

/** Call once in the process, before the server takes requests; more calls do nothing. */
export function takeBodiesRaw(): void {
  if (installed) return;
  installed = true;
  subscribe('http.server.request.start', (message) => {
    const { request } = z.parse(StartedRequest, message);
    said.set(request, bodyHeaders(request));
    request.headers['content-type'] = 'application/octet-stream';
    delete request.headers['content-encoding'];
  });
}

/** What the client said of its body. */
export function bodyHeadersOf(request: IncomingMessage): BodyHeaders {
  return said.get(request) ?? bodyHeaders(request);
}

function bodyHeaders({ headers }: IncomingMessage): BodyHeaders {
  return { contentType: headers['content-type'], contentEncoding: headers['content-encoding'] };
}
