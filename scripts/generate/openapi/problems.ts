import { UNCHANGEABLE_REASONS } from '../../../shared/domain/subscription-change.ts';
import { ENDING_OBSTACLES } from '../../../shared/domain/subscription-ending.ts';
import { PROBLEMS, type Problem, type ProblemCode } from '../../../shared/errors.ts';
import type { EndpointContract, FunctionContract } from '../../../shared/http/contract.ts';
import { dependenciesOf } from '../../../shared/http/dependencies.ts';
import type { Schema } from './schemas.ts';

/**
 * Every problem that an endpoint can return: its own, and those of the steps before and after its handler
 * (`shared/http/serve.ts`). An endpoint may list a dependency that only another endpoint of its function uses.
 */
export function problemsOf(contract: FunctionContract, endpoint: EndpointContract): ProblemCode[] {
  const { auth, limit, idempotencyKey, params, query, body } = endpoint;
  const isOpen = auth.every((grant) => grant === 'anyone');
  const codes = new Set<ProblemCode>([
    ...endpoint.problems,
    ...when(!isOpen, 'AUTHENTICATION_REQUIRED', 'CREDENTIALS_INVALID', 'FORBIDDEN'),
    // The tokens of operators have scopes, and wrong operator keys are limited.
    ...when(auth.includes('operator'), 'INSUFFICIENT_SCOPE', 'RATE_LIMITED'),
    ...when(limit, 'RATE_LIMITED'),
    ...when(params ?? query ?? body ?? idempotencyKey, 'VALIDATION_FAILED'),
    ...when(idempotencyKey, 'IDEMPOTENCY_KEY_REUSED'),
    ...when(body, 'UNSUPPORTED_MEDIA_TYPE'),
    ...when(body && endpoint.bodyType === undefined, 'INVALID_JSON'),
    'PAYLOAD_TOO_LARGE',
    'INTERNAL',
    ...unavailableDependencies(contract, endpoint),
  ]);
  const inOrder = Object.keys(PROBLEMS) as ProblemCode[];
  return inOrder.filter((code) => codes.has(code));
}

function unavailableDependencies(contract: FunctionContract, { limit }: EndpointContract): ProblemCode[] {
  const own = dependenciesOf(contract);
  return [
    ...when(own.has('seats') || own.has('seatMaintenance'), 'SEATS_UNAVAILABLE'),
    ...when(own.has('records') || own.has('seats'), 'RECORDS_UNAVAILABLE'),
    ...when(own.has('events'), 'EVENTS_UNAVAILABLE'),
    ...when(own.has('signer'), 'SIGNING_UNAVAILABLE'),
    ...when(own.has('signIn'), 'IDENTITY_UNAVAILABLE'),
    ...when(own.has('billing'), 'BILLING_UNAVAILABLE'),
    ...when(limit?.uncounted === 'refuse', 'LIMITS_UNAVAILABLE'),
  ];
}

function when(holds: unknown, ...codes: ProblemCode[]): ProblemCode[] {
  return holds ? codes : [];
}

/** True for problems with a `Retry-After` header. */
export function hasRetryAfter(code: ProblemCode): boolean {
  return /^(SEATS_EXHAUSTED|RATE_LIMITED|SIGNING_BUSY|[A-Z]+_UNAVAILABLE)$/.test(code);
}

/** True for problems with a `WWW-Authenticate` header if the credentials are the reason. */
export function hasChallenge(code: ProblemCode): boolean {
  return PROBLEMS[code].status === 401 || code === 'FORBIDDEN';
}

const count = { type: 'integer', minimum: 0 } as const;
const FIELD_ERRORS: Members = {
  errors: {
    type: 'array',
    description: 'The invalid fields.',
    items: { $ref: '#/components/schemas/FieldError' },
  },
};

type Members = Readonly<Record<string, Schema>>;

/** What a client does after a problem, in words. */
export function nextInWords(next: NonNullable<Problem['whileHeld']>): string {
  if ('do' in next) {
    if (next.do !== 'retry') return next.do;
    return `retry (${next.backoff}${next.within ? `, within the ${next.within}` : ''})`;
  }
  const byStep = Map.groupBy(Object.entries(next.byEnded), ([, step]) => nextInWords(step));
  return [...byStep]
    .map(
      ([step, endings]) => `${step} if \`ended\` is ${endings.map(([name]) => `\`${name}\``).join(' or ')}`,
    )
    .join('; ');
}

/** The extension members of a problem (RFC 9457 section 3.2), and which of them are required. */
const MEMBERS: Partial<Record<ProblemCode, { members: Members; required?: readonly string[] }>> = {
  VALIDATION_FAILED: { members: FIELD_ERRORS },
  INSUFFICIENT_SCOPE: {
    members: {
      scopes: { type: 'array', description: 'The missing scopes.', items: { type: 'string' } },
    },
  },
  NOT_ENTITLED: { members: FIELD_ERRORS },
  BILLED_BY_SUBSCRIPTION: { members: FIELD_ERRORS },
  SEATS_EXHAUSTED: {
    members: {
      active: { ...count, description: 'Seats taken.' },
      max: { ...count, description: 'Seats of the license.' },
      retry_after: { ...count, description: 'Seconds until the next lease ends.' },
    },
  },
  BORROW_NOT_ALLOWED: {
    members: {
      max_days: {
        ...count,
        description: 'The most days that a seat can be borrowed for; 0 if borrowing is off.',
      },
    },
  },
  BORROW_LIMIT_REACHED: {
    members: {
      borrowed: { ...count, description: 'Seats that are borrowed.' },
      borrowable: { ...count, description: 'The most seats that can be borrowed at once.' },
    },
  },
  SESSION_NOT_FOUND: {
    members: {
      ended: {
        type: 'string',
        enum: ['released', 'evicted', 'expired', 'unknown'],
        description: 'Why the session has ended, if the caller may know. Treat other values like `unknown`.',
      },
    },
    required: [],
  },
  SESSION_ENDED: {
    members: {
      ended: {
        type: 'string',
        enum: ['released', 'evicted'],
        description: 'How the session ended.',
      },
    },
  },
  SESSIONS_EXHAUSTED: {
    members: {
      max_sessions: { ...count, description: 'The most programs that can share one seat.' },
    },
  },
  SIGNED_LIMIT: {
    members: {
      limit: { ...count, description: 'The most machines that can hold a signed license at once.' },
    },
  },
  PAYMENT_REQUIRED: {
    members: {
      pay_url: {
        type: ['string', 'null'],
        description: 'The page of Stripe where the invoice can be paid. The change is made once it is paid.',
      },
      pay_until: {
        type: ['string', 'null'],
        format: 'date-time',
        description: 'The invoice can be paid until then. Later, request the change again.',
      },
    },
  },
  SUBSCRIPTION_CHANGED: {
    members: { seats: { ...count, description: 'The number of seats now.' } },
  },
  SUBSCRIPTION_UNCHANGEABLE: {
    members: {
      reason: {
        type: 'string',
        enum: [...new Set([...UNCHANGEABLE_REASONS, ...ENDING_OBSTACLES])],
        description: 'Why it cannot be changed. The detail says what to do.',
      },
    },
  },
  OWNER_MUST_STAY: {
    members: {
      tenants: {
        type: 'array',
        description: 'Tenants that need another owner first. Present if there can be several.',
        items: { $ref: '#/components/schemas/TenantId' },
      },
    },
    required: [],
  },
};

/** `SEATS_EXHAUSTED` is `SeatsExhaustedProblem`. */
export function schemaNameOf(code: ProblemCode): string {
  const words = code.split('_').map((word) => word.charAt(0) + word.slice(1).toLowerCase());
  return `${words.join('')}Problem`;
}

/** The schema of all problems, one for each problem of `codes`, and the schemas that they use. */
export function problemSchemas(codes: Iterable<ProblemCode>): Record<string, Schema> {
  return {
    Problem: {
      type: 'object',
      description: 'A problem document (RFC 9457). Branch on `code`, which is stable.',
      properties: {
        type: { type: 'string', format: 'uri', description: '`urn:seatlease:problem:` and the code.' },
        title: { type: 'string', description: 'The meaning of the code, in words that may change.' },
        status: { type: 'integer', description: 'The HTTP status.' },
        code: { type: 'string', description: 'What went wrong.' },
        detail: { type: 'string', description: 'Details of this occurrence.' },
        request_id: { type: 'string', description: 'The request’s id. Include it when you contact support.' },
      },
      required: ['type', 'title', 'status', 'code', 'request_id'],
    },
    OAuthError: {
      type: 'object',
      description: 'An OAuth error (RFC 6749 section 5.2), with the members of a problem.',
      properties: {
        error: { type: 'string', description: 'The error code of OAuth.' },
        error_description: { type: 'string', description: 'What went wrong, in words that may change.' },
      },
      required: ['error', 'error_description'],
    },
    FieldError: {
      type: 'object',
      properties: {
        at: {
          type: 'string',
          description:
            'A JSON pointer into the body (RFC 6901), or the name of a parameter or header. Empty for the whole body.',
        },
        detail: { type: 'string', description: 'Why the value is invalid.' },
      },
      required: ['at', 'detail'],
    },
    ...Object.fromEntries([...codes].map((code) => [schemaNameOf(code), schemaOf(code)])),
  };
}

function schemaOf(code: ProblemCode): Schema {
  const { status, title, next, whileHeld }: Problem = PROBLEMS[code];
  const { members = {}, required = Object.keys(members) } = MEMBERS[code] ?? {};
  return {
    description: title,
    'x-next': next,
    ...(whileHeld && { 'x-next-while-held': whileHeld }),
    allOf: [{ $ref: '#/components/schemas/Problem' }],
    type: 'object',
    properties: { status: { const: status }, code: { const: code }, ...members },
    required: ['status', 'code', ...required],
  };
}
