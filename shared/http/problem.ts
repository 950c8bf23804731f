import { PROBLEMS, type ProblemCode } from '../errors.ts';

/** An HTTP answer, ready to send. */
export interface Outgoing {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

/** A refusal as an RFC 9457 problem document. `retryAfterSeconds` also becomes the `Retry-After` header. */
export function problemAnswer(
  requestId: string,
  refusal: {
    readonly problem: ProblemCode;
    readonly detail?: string | undefined;
    readonly members?: Readonly<Record<string, unknown>> | undefined;
    readonly retryAfterSeconds?: number | undefined;
  },
  headers: Readonly<Record<string, string>> = {},
): Outgoing {
  const { problem: code, detail, members, retryAfterSeconds } = refusal;
  const { status, title } = PROBLEMS[code];
  return {
    status,
    headers: {
      'content-type': 'application/problem+json',
      ...(retryAfterSeconds === undefined ? {} : { 'retry-after': String(retryAfterSeconds) }),
      ...headers,
    },
    body: {
      type: `urn:seatlease:problem:${code.toLowerCase().replaceAll('_', '-')}`,
      title,
      status,
      code,
      ...(detail === undefined ? {} : { detail }),
      ...members,
      request_id: requestId,
    },
  };
}
