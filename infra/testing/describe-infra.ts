import { inject } from 'vitest';
import { describeUnless } from '../../shared/testing/real-parts.ts';

/** A suite that needs the packages of `infra/`, unless they could not be installed. */
export function describeInfra(title: string, suite: () => void): void {
  describeUnless(inject('infraTrouble'), title, suite);
}
