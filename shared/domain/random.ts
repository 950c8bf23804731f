import { randomFillSync } from 'node:crypto';

/**
 * Fetched from the operating system in one call: a call costs more than the rest of creating an id, and each request
 * creates two.
 */
const POOL_BYTES = 4096;

const pool = Buffer.alloc(POOL_BYTES);
let takenBytes = POOL_BYTES;

/** `count` random bytes fit for secrets, at most 4096. The pool keeps no copy of them. */
export function randomBytesOf(count: number): Buffer {
  if (count > POOL_BYTES) throw new RangeError(`cannot return more than ${POOL_BYTES} random bytes at once`);
  if (takenBytes + count > POOL_BYTES) {
    randomFillSync(pool);
    takenBytes = 0;
  }
  const place = pool.subarray(takenBytes, takenBytes + count);
  takenBytes += count;
  const taken = Buffer.from(place);
  place.fill(0);
  return taken;
}
