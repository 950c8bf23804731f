/**
 * `ok`: as it must be. `warning`: it works, but not for long or not well. `error`: a deploy or the deployed suite fails.
 * `unknown`: it could not be checked.
 */
export const LEVELS = ['ok', 'unknown', 'warning', 'error'] as const;
export type Level = (typeof LEVELS)[number];

/** One result of a check. */
export interface Verdict {
  readonly level: Level;
  /** What was found, in one sentence. Never a secret. */
  readonly found: string;
  /** What to do, in one sentence: a command, a setting or a page. Absent if everything is ok. */
  readonly cure?: string;
}

export interface Finding extends Verdict {
  readonly area: string;
  readonly check: string;
}

export function ok(found: string): Verdict {
  return { level: 'ok', found };
}

export function warning(found: string, cure: string): Verdict {
  return { level: 'warning', found, cure };
}

export function failed(found: string, cure: string): Verdict {
  return { level: 'error', found, cure };
}

export function unknown(found: string, cure: string): Verdict {
  return { level: 'unknown', found, cure };
}
