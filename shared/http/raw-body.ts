import { subscribe } from 'node:diagnostics_channel';
import type { IncomingMessage } from 'node:http';
import * as z from 'zod/mini';

/** What an endpoint takes unless its contract says otherwise. */
export const LARGEST_BODY_BYTES = 64 * 1024;

/** No endpoint needs more, whatever its contract says; the framework would take a gigabyte. */
export const LARGEST_COLLECTED_BYTES = 256 * 1024;

/**
 * The framework parses bodies before any function sees them, and answers broken ones itself with an HTML page, outside
 * production with a stack trace. So each request is marked, before the framework sees it, as bytes of no particular
 * kind: the framework hands those over untouched as `rawBody`, and what the client said about them is kept here.
 * (Node publishes `http.server.request.start` before a server's own listeners run.) A body that is too large by its
 * own account is not collected at all, and a target that the framework cannot take apart, which it answers likewise,
 * is kept here too and stands as `/` before it.
 */
interface Said {
  readonly target: string;
  readonly contentType: string | undefined;
  readonly contentEncoding: string | undefined;
  readonly contentLength: number;
}

const said = new WeakMap<object, Said>();
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
    const original = read(request);
    said.set(request, original);
    request.headers['content-type'] = 'application/octet-stream';
    delete request.headers['content-encoding'];
    if (original.contentLength > LARGEST_COLLECTED_BYTES) delete request.headers['content-length'];
    if (!frameworkReads(original.target)) request.url = '/';
  });
}

/** What the client said, whatever the framework was told. */
export function saidBy(request: IncomingMessage): Said {
  return said.get(request) ?? read(request);
}

function read({ headers, url }: IncomingMessage): Said {
  return {
    target: url ?? '/',
    contentType: headers['content-type'],
    contentEncoding: headers['content-encoding'],
    contentLength: Number(headers['content-length'] ?? 0),
  };
}

function frameworkReads(target: string): boolean {
  try {
    decodeURIComponent(target.split('?', 1)[0] ?? '');
    return target !== '*';
  } catch {
    return false;
  }
}
