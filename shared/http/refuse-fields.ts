import type { Refusal } from './contract.ts';

export interface FieldError {
  /** A JSON pointer into the body (RFC 6901), or the name of a parameter or header; '' for the whole request. */
  readonly at: string;
  readonly detail: string;
}

/** Refuses a request because of the values of its fields. */
export function refuseFields<C extends 'VALIDATION_FAILED' | 'NOT_ENTITLED' | 'BILLED_BY_SUBSCRIPTION'>(
  problem: C,
  errors: readonly FieldError[],
): Refusal<C> {
  return {
    problem,
    detail: errors.map(({ at, detail }) => (at ? `${at}: ${detail}` : detail)).join('; '),
    members: { errors },
  };
}
