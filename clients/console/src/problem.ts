import type { FieldError } from '../../sdk/src/api.ts';

/** A failed request, with a message for the user. */
export class Problem extends Error {
  override readonly name = 'Problem';
  /** The `code` of the server's problem document; `NO_ANSWER` without a response. */
  readonly code: string;
  /** The HTTP status; 0 without a response. */
  readonly status: number;
  /** Identifies the request in the server's log, for support. */
  readonly requestId: string | undefined;
  /** The Retry-After header. */
  readonly retryAfterSeconds: number | undefined;
  /** What is wrong with each field. */
  readonly fields: readonly FieldError[];
  /** The whole response body: some errors, such as that of a health check, carry a result. */
  readonly document: Readonly<Record<string, unknown>>;

  constructor(
    message: string,
    more: {
      readonly code: string;
      readonly status: number;
      readonly requestId?: string | undefined;
      readonly retryAfterSeconds?: number | undefined;
      readonly fields?: readonly FieldError[] | undefined;
      readonly document?: Readonly<Record<string, unknown>>;
      readonly cause?: unknown;
    },
  ) {
    super(message, { cause: more.cause });
    this.code = more.code;
    this.status = more.status;
    this.requestId = more.requestId;
    this.retryAfterSeconds = more.retryAfterSeconds;
    this.fields = more.fields ?? [];
    this.document = more.document ?? {};
  }
}

export function noAnswer(cause: unknown): Problem {
  return new Problem('The server could not be reached. Check your connection and try again.', {
    code: 'NO_ANSWER',
    status: 0,
    cause,
  });
}

/** Reads an error response. Responses of a proxy or Firebase Hosting have no problem document. */
export async function readProblem(response: Response): Promise<Problem> {
  const document = await documentOf(response);
  const text = (name: string): string | undefined => {
    const value = document[name];
    return typeof value === 'string' && value !== '' ? value : undefined;
  };
  const fields = Array.isArray(document.errors) ? document.errors.filter(isFieldError) : [];
  const title = text('title') ?? `The server returned an error (${response.status}).`;
  // With fields, `detail` only repeats them.
  const details =
    fields.length > 0 ? fields.map(({ at, detail }) => sentenceOf(at, detail)) : [text('detail')];
  const words = [title, ...details];
  return new Problem(words.filter((word) => word !== undefined).join(' '), {
    code: text('code') ?? 'UNKNOWN',
    status: response.status,
    requestId: text('request_id') ?? response.headers.get('x-request-id') ?? undefined,
    retryAfterSeconds: secondsOf(response.headers.get('retry-after')),
    fields,
    document,
  });
}

async function documentOf(response: Response): Promise<Record<string, unknown>> {
  if (!response.headers.get('content-type')?.includes('json')) return {};
  const body: unknown = await response.json().catch(() => undefined);
  return typeof body === 'object' && body !== null ? (body as Record<string, unknown>) : {};
}

function isFieldError(value: unknown): value is FieldError {
  return (
    typeof value === 'object' &&
    value !== null &&
    'at' in value &&
    'detail' in value &&
    typeof value.at === 'string' &&
    typeof value.detail === 'string'
  );
}

/** Shows the last part of a field's JSON pointer as its name, and an entry of a list by its number, from 1. */
function sentenceOf(at: string, detail: string): string {
  const [list = '', field = ''] = at.split('/').slice(-2);
  const name = (/^\d+$/.test(field) ? `${list} ${Number(field) + 1}` : field || list).replaceAll('_', ' ');
  return name === '' ? `It ${detail}.` : `“${name}” ${detail}.`;
}

function secondsOf(header: string | null): number | undefined {
  const seconds = Number(header ?? Number.NaN);
  return Number.isFinite(seconds) && seconds >= 0 ? seconds : undefined;
}
