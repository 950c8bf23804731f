import type { IncomingMessage, ServerResponse } from 'node:http';
import { originalOf } from './server-guard.ts';

/** Size limit of request bodies, unless the contract sets a larger one. */
export const LARGEST_BODY_BYTES = 64 * 1024;

/** Upper bound for every contract, and for what is read of a body that no endpoint needs. */
export const LARGEST_COLLECTED_BYTES = 256 * 1024;

/** How long a client that is still sending has to read its answer before the connection is closed. */
const LINGER_MS = 1_000;

/** `TOO_LARGE`: more bytes came than allowed; no more are read. `CUT`: the connection ended before the body did. */
export type Body = Buffer | 'TOO_LARGE' | 'CUT';

/**
 * Reads the body, and stops at the first byte above `largestBytes`: only what arrives is counted, since a chunked body
 * announces no size. How long it may take is limited by the server (`guardServer`).
 */
export function readBody(request: IncomingMessage, largestBytes: number): Promise<Body> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    const end = (body: Body): void => {
      request.off('data', onData).off('end', onEnd).off('close', onClose);
      resolve(body);
    };
    const onData = (chunk: Buffer): void => {
      bytes += chunk.length;
      if (bytes <= largestBytes) {
        chunks.push(chunk);
        return;
      }
      request.pause();
      end('TOO_LARGE');
    };
    const onEnd = (): void => end(Buffer.concat(chunks, bytes));
    const onClose = (): void => end('CUT');
    if (request.readableEnded) onEnd();
    else if (request.destroyed) onClose();
    else request.on('data', onData).on('end', onEnd).on('close', onClose);
  });
}

/** The size that the request announces, 0 if it announces none. */
export function announcedBytes(request: IncomingMessage): number {
  return Number(originalOf(request).contentLength ?? 0);
}

/**
 * Whether an answer must close the connection: so much of the body may still come that reading on costs more than a new
 * connection. (Node reads what is left of every body that was not read.)
 */
export function mustClose(request: IncomingMessage): boolean {
  const { contentLength } = originalOf(request);
  return (
    !request.complete && (contentLength === undefined || Number(contentLength) > LARGEST_COLLECTED_BYTES)
  );
}

/**
 * Ends an answer that was written whole while the client is still sending. A connection that is closed with unread bytes
 * in it is reset, and the client may lose the answer (RFC 9112 section 9.6): so a little more is read and thrown away
 * first, limited in bytes and time.
 */
export function endAfterLingering(request: IncomingMessage, response: ServerResponse): void {
  let bytes = 0;
  const end = (): void => {
    clearTimeout(timer);
    request.off('data', onData).off('end', end).pause();
    response.end();
  };
  const onData = (chunk: Buffer): void => {
    bytes += chunk.length;
    if (bytes > LARGEST_COLLECTED_BYTES) end();
  };
  const timer = setTimeout(end, LINGER_MS);
  request.on('data', onData).once('end', end).resume();
  response.once('close', () => clearTimeout(timer));
}
