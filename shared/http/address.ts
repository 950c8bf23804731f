import type { IncomingMessage } from 'node:http';
import { isIPv6 } from 'node:net';

/**
 * The network address that a request comes from: entry number `hops` of `X-Forwarded-For`, counted from the end. Each
 * proxy appends the address of its caller, so the caller can forge all entries before those of our proxies. On a
 * function's own URL Google's front end appends the last entry; nothing else is certain about a request that can also
 * come in there. Other headers with addresses, such as `Fastly-Client-IP`, are the caller's own text there.
 */
export function addressOf(request: IncomingMessage, hops: number): string {
  const added = String(request.headers['x-forwarded-for'] ?? '').split(',');
  return added.at(-hops)?.trim() || (request.socket?.remoteAddress ?? '');
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
