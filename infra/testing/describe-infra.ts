import { describe, inject, test } from 'vitest';

/**
 * A suite that needs the packages of `infra/`. Where they could not be installed it is a visible skip that says why, or,
 * under `REAL_PARTS=required`, a failure.
 */
export function describeInfra(title: string, suite: () => void): void {
  const trouble = inject('infraTrouble');
  if (!trouble) {
    describe(title, suite);
  } else if (process.env.REAL_PARTS === 'required') {
    test(title, () => {
      throw new Error(`REAL_PARTS=required, but ${trouble}`);
    });
  } else {
    test.skip(`${title}: ${trouble}`, () => {});
  }
}
