import { subscribe } from 'node:diagnostics_channel';
import type { IncomingMessage } from 'node:http';
import * as z from 'zod/mini';

/** Size limit of request bodies, unless the contract sets a larger one. */
export const LARGEST_BODY_BYTES = 64 * 1024;

/** Upper bound for every contract. The framework itself would accept a gigabyte. */
export const LARGEST_COLLECTED_BYTES = 256 * 1024;

/**
 * What the client sent, before `captureRawBodies` changed it. The framework parses bodies before any function sees
 * them, and answers broken ones itself with an HTML page (outside production with a stack trace). So each request is
 * marked as `application/octet-stream` before the framework sees it: then the framework passes the body on unchanged,
 * as `rawBody`. (Node publishes `http.server.request.start` before a server's own listeners run.) A body whose
 * `Content-Length` is too large is not collected at all. The framework also answers targets that it cannot parse with
 * an HTML page: they are replaced by `/`, and the original is kept here.
 */
interface Original {
  readonly target: string;
  readonly contentType: string | undefined;
  readonly contentEncoding: string | undefined;
  readonly contentLength: number;
}

const originals = new WeakMap<object, Original>();
let installed = false;

const StartedRequest = z.object({
  request: z.custom<IncomingMessage>((value) => typeof value === 'object' && value !== null),
});

/** Call it once per process, before the server accepts requests; more calls do nothing. */
export function captureRawBodies(): void {
  if (installed) return;
  installed = true;
  subscribe('http.server.request.start', (message) => {
    const { request } = z.parse(StartedRequest, message);
    const original = read(request);
    originals.set(request, original);
    request.headers['content-type'] = 'application/octet-stream';
    delete request.headers['content-encoding'];
    if (original.contentLength > LARGEST_COLLECTED_BYTES) delete request.headers['content-length'];
    if (!frameworkReads(original.target)) request.url = '/';
  });
}

/** What the client sent, unchanged. */
export function originalOf(request: IncomingMessage): Original {
  return originals.get(request) ?? read(request);
}

function read({ headers, url }: IncomingMessage): Original {
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
