import * as z from 'zod/mini';
import { Unavailable } from '../../errors.ts';

/** gRPC's status codes by the names that operators look them up by. */
const WORDS: ReadonlyMap<number, string> = new Map([
  [1, 'CANCELLED'],
  [2, 'UNKNOWN'],
  [3, 'INVALID_ARGUMENT'],
  [4, 'DEADLINE_EXCEEDED'],
  [5, 'NOT_FOUND'],
  [7, 'PERMISSION_DENIED'],
  [8, 'RESOURCE_EXHAUSTED'],
  [9, 'FAILED_PRECONDITION'],
  [10, 'ABORTED'],
  [13, 'INTERNAL'],
  [14, 'UNAVAILABLE'],
  [16, 'UNAUTHENTICATED'],
]);

export const RESOURCE_EXHAUSTED = 8;

/** Those that the next moment may mend. An exhausted quota is not one: asking again makes it worse. */
const RETRIED: ReadonlySet<number> = new Set([1, 2, 10, 13, 14]);

/** DEADLINE_EXCEEDED and UNAVAILABLE: perhaps nobody is at the other end any more. */
const UNHEARD: ReadonlySet<number> = new Set([4, 14]);

const RpcFailure = z.object({ code: z.number() });

/** An answer that was changed on its way, or is to another question. */
export class Spoiled extends Error {
  override readonly name = 'Spoiled';
}

/** What KMS answered in place of what was asked for. */
export class Refused extends Unavailable {
  readonly code: number;

  constructor(code: number, cause: unknown) {
    super('signing', `Cloud KMS answers ${WORDS.get(code) ?? code}`, { cause });
    this.code = code;
  }
}

export function isWorthRepeating(error: unknown): boolean {
  return error instanceof Spoiled || RETRIED.has(statusOf(error) ?? -1);
}

/** Whether the call may have failed for its connection alone. */
export function isUnheard(error: unknown): boolean {
  return UNHEARD.has(statusOf(error) ?? -1);
}

/** As callers of the port are told. What is no failure of a call, a fault of ours, stays what it is. */
export function asUnavailable(error: unknown): unknown {
  if (error instanceof Spoiled) return new Unavailable('signing', error.message, { cause: error });
  const code = statusOf(error);
  return code === undefined ? error : new Refused(code, error);
}

function statusOf(error: unknown): number | undefined {
  return z.safeParse(RpcFailure, error).data?.code;
}
