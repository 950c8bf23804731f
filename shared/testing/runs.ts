import { inject } from 'vitest';

declare module 'vitest' {
  interface ProvidedContext {
    /** Whether this is `npm run test:long`. */
    isLongRun: boolean;
  }
}

/** How much a test of random cases tries: `quick` of them in `npm test`, `many` in `npm run test:long`. */
export function runs<T>(quick: T, many: T): T {
  return inject('isLongRun') ? many : quick;
}
