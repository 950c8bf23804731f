import { createHash, timingSafeEqual } from 'node:crypto';

/**
 * Checks whether a presented text is `secret`, in constant time: both are hashed first, so that the compared values
 * always have the same length.
 */
export function secretMatcher(secret: string): (presented: string) => boolean {
  const hash = (text: string): Buffer => createHash('sha256').update(text).digest();
  const expected = hash(secret);
  return (presented) => timingSafeEqual(hash(presented), expected);
}
