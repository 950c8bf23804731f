import type { Deps } from '../../shared/ports/deps.ts';
import type { Limits } from '../../shared/ports/limits.ts';

/** Rate limits that allow every request, for tests that send many as one caller. */
export const NO_LIMITS: Limits = {
  take: async () => ({ verdict: 'ALLOWED', remaining: 1, resetSeconds: 1 }),
};

export function unlimited(deps: Deps): Deps {
  return { ...deps, limits: NO_LIMITS };
}
