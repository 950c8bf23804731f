import type { Refusal } from './contract.ts';

export interface FieldError {
  /**
   * A JSON pointer into the body (RFC 6901), or the name of a parameter or header; '' for the whole request. Names that
   * the caller chose are shortened (`safeName`).
   */
  readonly at: string;
  readonly detail: string;
}

export const MAX_REPORTED_ERRORS = 10;

/** No place in a body of ours is deeper. */
const LONGEST_PLACE = 120;
const LONGEST_DETAIL = 240;

/** Refuses a request because of the values of its fields. The answer stays short whatever was sent. */
export function refuseFields<C extends 'VALIDATION_FAILED' | 'NOT_ENTITLED' | 'BILLED_BY_SUBSCRIPTION'>(
  problem: C,
  all: readonly FieldError[],
): Refusal<C> {
  const errors = all.slice(0, MAX_REPORTED_ERRORS).map(({ at, detail }) => ({
    at: at.slice(0, LONGEST_PLACE),
    detail: detail.slice(0, LONGEST_DETAIL),
  }));
  return {
    problem,
    detail: errors.map(({ at, detail }) => (at ? `${at}: ${detail}` : detail)).join('; '),
    members: { errors },
  };
}

/**
 * A name that the caller sent, as an answer may repeat it. All secrets that we know of are longer, or have other
 * characters: keys, tokens and codes of 160 random bits, signatures, e-mail addresses.
 */
export function safeName(name: string): string {
  return /^[\p{L}\d_-]{1,24}$/u.test(name) ? name : '…';
}
