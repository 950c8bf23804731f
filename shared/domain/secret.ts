import { createHash, timingSafeEqual } from 'node:crypto';

/** Checks whether a presented text is the secret with this `hash` (SHA-256, hexadecimal), in constant time. */
export function hashMatcher(hash: string): (presented: string) => boolean {
  const expected = Buffer.from(hash, 'hex');
  return (presented) => timingSafeEqual(sha256(presented).digest(), expected);
}

/** Checks whether a presented text is `secret`, in constant time. */
export function secretMatcher(secret: string): (presented: string) => boolean {
  return hashMatcher(sha256(secret).digest('hex'));
}

function sha256(text: string) {
  return createHash('sha256').update(text);
}
