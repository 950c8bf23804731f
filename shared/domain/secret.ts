import { createHash, timingSafeEqual } from 'node:crypto';
import { hashSecret } from './ids.ts';

/** Checks whether a presented text is the secret with this `hash` (SHA-256, hexadecimal), in constant time. */
export function hashMatcher(hash: string): (presented: string) => boolean {
  const expected = Buffer.from(hash, 'hex');
  return (presented) => timingSafeEqual(sha256(presented).digest(), expected);
}

/** Checks whether a presented text is `secret`, in constant time. */
export function secretMatcher(secret: string): (presented: string) => boolean {
  return hashMatcher(sha256(secret).digest('hex'));
}

/** Whether `hash` is the `hashSecret` of a presented text, in constant time. */
export function hasHash(presented: string, hash: string): boolean {
  const [actual, expected] = [Buffer.from(hashSecret(presented)), Buffer.from(hash)];
  return actual.length === expected.length && timingSafeEqual(actual, expected);
}

function sha256(text: string) {
  return createHash('sha256').update(text);
}
