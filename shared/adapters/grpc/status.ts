import * as z from 'zod/mini';
import { type Part, Unavailable } from '../../errors.ts';

/** gRPC's status codes (https://grpc.io/docs/guides/status-codes/). Importing them from grpc-js would load grpc-js. */
export const STATUS = {
  OK: 0,
  CANCELLED: 1,
  UNKNOWN: 2,
  INVALID_ARGUMENT: 3,
  DEADLINE_EXCEEDED: 4,
  NOT_FOUND: 5,
  ALREADY_EXISTS: 6,
  PERMISSION_DENIED: 7,
  RESOURCE_EXHAUSTED: 8,
  FAILED_PRECONDITION: 9,
  ABORTED: 10,
  OUT_OF_RANGE: 11,
  UNIMPLEMENTED: 12,
  INTERNAL: 13,
  UNAVAILABLE: 14,
  DATA_LOSS: 15,
  UNAUTHENTICATED: 16,
} as const;

/** Statuses of a service that is unavailable, whatever the request is. */
export const CANNOT_SERVE: readonly number[] = [
  STATUS.DEADLINE_EXCEEDED,
  STATUS.RESOURCE_EXHAUSTED,
  STATUS.ABORTED,
  STATUS.INTERNAL,
  STATUS.UNAVAILABLE,
];

const names = new Map<number, string>(Object.entries(STATUS).map(([name, code]) => [code, name]));

const ServiceError = z.object({ code: z.number(), details: z.optional(z.string()) });

/** The status of a failed call; `undefined` if the error is something else, such as a bug of ours. */
export function statusOf(error: unknown): number | undefined {
  return z.safeParse(ServiceError, error).data?.code;
}

/** Whether `error` is a failed call with one of these statuses. */
export function hasStatus(error: unknown, statuses: readonly number[]): boolean {
  const status = statusOf(error);
  return status !== undefined && statuses.includes(status);
}

/** The name under which operators can look the status up. */
export function statusName(code: number): string {
  return names.get(code) ?? `status ${code}`;
}

/**
 * Converts a failed call with one of `statuses` to `Unavailable`; returns any other error unchanged. The reason, for
 * the log, is what `service` answered: `Pub/Sub failed with NOT_FOUND (5): …`.
 */
export function asUnavailable(
  part: Part,
  service: string,
  statuses: readonly number[],
  error: unknown,
): unknown {
  const { data: failure } = z.safeParse(ServiceError, error);
  if (!failure || !statuses.includes(failure.code)) return error;
  const status = `${statusName(failure.code)} (${failure.code})`;
  const because = `${service} failed with ${status}: ${failure.details ?? 'no details'}`;
  return new Unavailable(part, because, { cause: error });
}
