import { randomFillSync } from 'node:crypto';

/**
 * Taken from the operating system at once: a call of it costs more than the rest of an id does, and each request makes
 * two ids.
 */
const POOL_BYTES = 4096;

const pool = Buffer.alloc(POOL_BYTES);
let takenBytes = POOL_BYTES;

/** `count` random bytes fit for secrets, at most 4096; nothing of them stays behind. */
export function randomBytesOf(count: number): Buffer {
  if (count > POOL_BYTES) throw new RangeError(`at most ${POOL_BYTES} random bytes at once`);
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
