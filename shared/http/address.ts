import type { IncomingMessage } from 'node:http';

/**
 * The network address that a request comes from, as far as it can be believed: each proxy adds whoever called it to the
 * end of `X-Forwarded-For`, and only the last `hops` of them are ours; what stands before is the caller's own word.
 */
export function addressOf(request: IncomingMessage, hops: number): string {
  const added = String(request.headers['x-forwarded-for'] ?? '').split(',');
  const named = hops > 0 ? added.at(-hops)?.trim() : undefined;
  return named || (request.socket?.remoteAddress ?? '');
}
