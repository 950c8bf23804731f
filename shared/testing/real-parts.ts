import { describe, inject, test } from 'vitest';
import { PARTS, type RealPart } from './find-real-parts.ts';

/** A suite that runs against a real server or tool, if it is installed. */
export function describeReal(part: RealPart, title: string, suite: () => void): void {
  const isMissing = inject('missingParts').includes(part);
  const reason = isMissing ? `${part} is not installed (${PARTS[part].install})` : '';
  describeUnless(reason, isMissing ? title : `${title} (real ${part})`, suite);
}

/**
 * A suite that runs if `reason` is empty. Otherwise it is skipped visibly, with the reason. With `REAL_PARTS=required`
 * it fails instead, so that CI cannot pass without running it.
 */
export function describeUnless(reason: string, title: string, suite: () => void): void {
  if (!reason) {
    describe(title, suite);
    return;
  }
  const missing = `${title}: ${reason}`;
  if (process.env.REAL_PARTS === 'required') {
    test(missing, () => {
      throw new Error(`REAL_PARTS=required, but ${missing}`);
    });
  } else {
    test.skip(missing, () => {});
  }
}
