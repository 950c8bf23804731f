import { createHash } from 'node:crypto';
import type { Outgoing } from './problem.ts';

/**
 * A public answer that caches may keep for `cacheSeconds`, with an entity tag of its content. A caller who sends the
 * same tag in `If-None-Match` gets a 304 (RFC 9110 sections 8.8.3 and 13.1.2, RFC 9111).
 */
export function cacheable(
  outgoing: Outgoing,
  cacheSeconds: number,
  ifNoneMatch: string | undefined,
): Outgoing {
  const etag = `"${createHash('sha256').update(JSON.stringify(outgoing.body)).digest('base64url')}"`;
  const headers = { ...outgoing.headers, 'cache-control': `public, max-age=${cacheSeconds}`, etag };
  // If-None-Match requires weak comparison: proxies that compress mark the tag as weak.
  const held = (ifNoneMatch ?? '').split(',').map((tag) => tag.trim().replace(/^W\//, ''));
  if (!held.includes(etag) && !held.includes('*')) return { ...outgoing, headers };
  return { status: 304, headers };
}
