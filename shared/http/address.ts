import type { IncomingMessage } from 'node:http';
import { isIPv6 } from 'node:net';

/**
 * The network address that a request comes from. Each proxy appends the address of its caller to `X-Forwarded-For`.
 * Only the last `hops` entries are from our proxies; the caller can forge everything before them.
 */
export function addressOf(request: IncomingMessage, hops: number): string {
  const added = String(request.headers['x-forwarded-for'] ?? '').split(',');
  const named = hops > 0 ? added.at(-hops)?.trim() : undefined;
  return named || (request.socket?.remoteAddress ?? '');
}

/**
 * The part of `address` that identifies one caller. For IPv6 this is the first 64 bits: the smallest block that anyone
 * gets (RFC 6177 section 2), so one caller can use any address in it.
 */
export function networkOf(address: string): string {
  if (!isIPv6(address)) return address;
  const [mapped] = /(?<=^::ffff:)[\d.]+$/i.exec(address) ?? [];
  if (mapped !== undefined) return mapped;
  const [head = '', tail] = address.split('::');
  const groups = (part: string): string[] => (part === '' ? [] : part.split(':'));
  const after = groups(tail ?? '');
  const before = groups(head);
  const filled = tail === undefined ? 0 : 8 - before.length - after.length;
  return [...before, ...Array<string>(filled).fill('0'), ...after]
    .slice(0, 4)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(':');
}
