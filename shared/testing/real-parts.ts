import { describe, inject, test } from 'vitest';
import { PARTS, type RealPart } from './find-real-parts.ts';

/** A suite that runs against a real part, unless that is missing. */
export function describeReal(part: RealPart, title: string, suite: () => void): void {
  const isMissing = inject('missingParts').includes(part);
  const trouble = isMissing ? `${part} is not installed (${PARTS[part].install})` : '';
  describeUnless(trouble, isMissing ? title : `${title} (real ${part})`, suite);
}

/**
 * A suite that runs unless there is `trouble`, in words. Then it is a visible skip that says it, or, under
 * `REAL_PARTS=required`, a failure: CI must not pass by having nothing to test against.
 */
export function describeUnless(trouble: string, title: string, suite: () => void): void {
  if (!trouble) {
    describe(title, suite);
    return;
  }
  const missing = `${title}: ${trouble}`;
  if (process.env.REAL_PARTS === 'required') {
    test(missing, () => {
      throw new Error(`REAL_PARTS=required, but ${missing}`);
    });
  } else {
    test.skip(missing, () => {});
  }
}
