import { inject } from 'vitest';

declare module 'vitest' {
  interface ProvidedContext {
    /** Whether this is `npm run test:long`. */
    isLongRun: boolean;
  }
}

/** The size of a test with random cases: `quick` in `npm test`, `many` in `npm run test:long`. */
export function runs<T>(quick: T, many: T): T {
  return inject('isLongRun') ? many : quick;
}
