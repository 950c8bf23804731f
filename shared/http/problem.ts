import { oauthErrorOf, PROBLEMS, type ProblemCode } from '../errors.ts';
import type { EndpointContract } from './contract.ts';
import { PAGE_HEADERS, problemPage } from './html-page.ts';

/** An HTTP answer, ready to send. */
export interface Outgoing {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** Sent as JSON, or as it is if it is a page. */
  readonly body?: unknown;
}

interface Problem {
  readonly problem: ProblemCode;
  readonly detail?: string | undefined;
  readonly members?: Readonly<Record<string, unknown>> | undefined;
  readonly retryAfterSeconds?: number | undefined;
}

/** A refusal in the form that the endpoint's contract names. An unknown address has no contract. */
export function refusalAnswer(
  refusals: EndpointContract['refusals'],
  requestId: string,
  refusal: Problem,
  headers: Readonly<Record<string, string>> = {},
): Outgoing {
  const answer = problemAnswer(requestId, refusal, headers);
  if (refusals === undefined) return answer;
  if (refusals === 'oauth') return oauthAnswer(answer, refusal);
  const { 'content-type': _, ...others } = answer.headers;
  const { signInAgainAt } = refusals;
  return {
    status: answer.status,
    headers: { ...others, ...PAGE_HEADERS },
    body: problemPage(PROBLEMS[refusal.problem].title, signInAgainAt, requestId),
  };
}

/**
 * The members that OAuth clients read (RFC 6749 section 5.2), beside those of the problem document: our own clients read
 * `code` everywhere, and support needs `request_id`. Statuses follow HTTP where RFC 6749 names none (413, 415, 429, 503).
 */
function oauthAnswer({ status, headers, body }: Outgoing, { problem, detail }: Problem): Outgoing {
  const words = detail ?? PROBLEMS[problem].title;
  return {
    status,
    headers: { ...headers, 'content-type': 'application/json' },
    body: { error: oauthErrorOf(problem), error_description: inOauthCharacters(words), ...Object(body) },
  };
}

/** RFC 6749 section 5.2 allows only these in `error_description`. */
function inOauthCharacters(text: string): string {
  return text.replaceAll('"', "'").replaceAll(/[^ -[\]-~]/g, '?');
}

/** A refusal as an RFC 9457 problem document. `retryAfterSeconds` also becomes the `Retry-After` header. */
export function problemAnswer(
  requestId: string,
  refusal: Problem,
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
