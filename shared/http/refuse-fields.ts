import type { Refusal } from './contract.ts';

export interface FieldError {
  /** Where: a JSON pointer into the body (RFC 6901), or the name of a query or path parameter; '' for the whole. */
  readonly at: string;
  readonly detail: string;
}

/** Refuses a request for what its fields say, each by its name. */
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
