import { createHash, timingSafeEqual } from 'node:crypto';

/**
 * Tells whether a presented text is `secret`, in a time that says nothing about it: both are hashed first, so that what
 * is compared is always of one length.
 */
export function secretMatcher(secret: string): (presented: string) => boolean {
  const hash = (text: string): Buffer => createHash('sha256').update(text).digest();
  const expected = hash(secret);
  return (presented) => timingSafeEqual(hash(presented), expected);
}
