import type { IncomingMessage } from 'node:http';
import { isIPv6 } from 'node:net';

/**
 * The network address that a request comes from, as far as it can be believed: each proxy adds whoever called it to the
 * end of `X-Forwarded-For`, and only the last `hops` of them are ours; what stands before is the caller's own word.
 */
export function addressOf(request: IncomingMessage, hops: number): string {
  const added = String(request.headers['x-forwarded-for'] ?? '').split(',');
  const named = hops > 0 ? added.at(-hops)?.trim() : undefined;
  return named || (request.socket?.remoteAddress ?? '');
}

/**
 * What counts as one caller of `address`: of IPv6 the first 64 bits, which is the least that anybody is given (RFC 6177
 * section 2), and so the least that anybody would have to change.
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
