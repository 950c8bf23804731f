import { describe, inject, test } from 'vitest';
import { PARTS, type RealPart } from './find-real-parts.ts';

/**
 * A suite that runs against a real part. Where the part is missing the suite is a visible skip that names it, or,
 * under `REAL_PARTS=required`, a failure: CI must not pass by having nothing to test against.
 */
export function describeReal(part: RealPart, title: string, suite: () => void): void {
  if (!inject('missingParts').includes(part)) {
    describe(`${title} (real ${part})`, suite);
    return;
  }
  const missing = `${title}: ${part} is not installed (${PARTS[part].install})`;
  if (process.env.REAL_PARTS === 'required') {
    test(missing, () => {
      throw new Error(`REAL_PARTS=required, but ${missing}`);
    });
  } else {
    test.skip(missing, () => {});
  }
}
