import { BACKOFFS, NEXT_STEPS, type NextSteps, type Step } from './api.ts';
import type { SeatleaseError } from './errors.ts';

/**
 * What follows a failed call: the only place where the SDK decides that, by the server's table. `isHeld`: after a heartbeat,
 * and after an acquire in place of a seat that was lost.
 */
export function stepAfter(error: SeatleaseError, isHeld: boolean): Step {
  const { next, whileHeld = next, byEnded = {} } = rowOf(error);
  const ended = String(error.members.ended);
  if (!isHeld) return next;
  return (Object.hasOwn(byEnded, ended) && byEnded[ended]) || whileHeld;
}

/** Whether the server has said that there is no right to a seat now: no offline grace follows. */
export function isRefusal(error: SeatleaseError): boolean {
  return rowOf(error).within === 'lease';
}

/** Whether there was no answer that says anything about the license. */
export function isOutage(error: SeatleaseError): boolean {
  return stepAfter(error, false) === 'outage';
}

/** Whether to send the request again: the step names a backoff. */
export function isRetry(step: Step): step is keyof typeof BACKOFFS {
  return step in BACKOFFS;
}

function rowOf({ code, status = 0 }: SeatleaseError): NextSteps {
  const rows: Readonly<Record<string, NextSteps>> = NEXT_STEPS;
  const isFailure = code === 'NO_ANSWER' || status === 429 || status >= 500;
  const others = NEXT_STEPS[isFailure ? 'INTERNAL' : 'VALIDATION_FAILED'];
  // The provider of access tokens says that the sign-in has ended.
  const known = code === 'SIGN_IN_REFUSED' ? 'CREDENTIALS_INVALID' : code;
  return (Object.hasOwn(rows, known) && rows[known]) || others;
}
