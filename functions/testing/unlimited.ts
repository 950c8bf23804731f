import type { Deps } from '../../shared/ports/deps.ts';

/** Lets a test send more requests than a caller may. */
export function unlimited(deps: Deps): Deps {
  return {
    ...deps,
    limits: { take: async () => ({ verdict: 'ALLOWED', remaining: 1, resetSeconds: 1 }) },
  };
}
