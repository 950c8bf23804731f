import { PROBLEMS, type ProblemCode } from '../../../shared/errors.ts';
import type { EndpointContract, FunctionContract } from '../../../shared/http/contract.ts';
import type { Schema } from './schemas.ts';

/**
 * Every problem that an endpoint can answer: its own, and those that follow from what the server does before and after
 * its handler (`shared/http/serve.ts`). Parts can be away whichever way a function leans on them, so of those it may
 * name one that a single endpoint of the function never asks.
 */
export function problemsOf(contract: FunctionContract, endpoint: EndpointContract): ProblemCode[] {
  const { auth, limit, idempotencyKey, params, query, body } = endpoint;
  const isOpen = auth.every((grant) => grant === 'anyone');
  const codes = new Set<ProblemCode>([
    ...endpoint.problems,
    ...when(!isOpen, 'AUTHENTICATION_REQUIRED', 'CREDENTIALS_INVALID', 'FORBIDDEN'),
    ...when(limit, 'RATE_LIMITED'),
    ...when(params ?? query ?? body ?? idempotencyKey, 'VALIDATION_FAILED'),
    ...when(body, 'INVALID_JSON', 'UNSUPPORTED_MEDIA_TYPE'),
    'PAYLOAD_TOO_LARGE',
    'INTERNAL',
    ...partsOf(contract, endpoint),
  ]);
  const inOrder = Object.keys(PROBLEMS) as ProblemCode[];
  return inOrder.filter((code) => codes.has(code));
}

function partsOf({ roles, secrets }: FunctionContract, { limit }: EndpointContract): ProblemCode[] {
  const leansOn = (kind: string): boolean => roles.some((role) => role.startsWith(`roles/${kind}.`));
  return [
    ...when(leansOn('datastore'), 'SEATS_UNAVAILABLE', 'RECORDS_UNAVAILABLE'),
    ...when(leansOn('pubsub'), 'EVENTS_UNAVAILABLE'),
    ...when(leansOn('cloudkms'), 'SIGNING_UNAVAILABLE'),
    ...when(secrets.includes('GOOGLE_CLIENT_SECRET'), 'IDENTITY_UNAVAILABLE'),
    ...when(secrets.includes('STRIPE_SECRET_KEY'), 'BILLING_UNAVAILABLE'),
    ...when(limit?.uncounted === 'refuse', 'LIMITS_UNAVAILABLE'),
  ];
}

function when(holds: unknown, ...codes: ProblemCode[]): ProblemCode[] {
  return holds ? codes : [];
}

/** Those that come with `Retry-After`. */
export function tellsWhenToRetry(code: ProblemCode): boolean {
  return /^(SEATS_EXHAUSTED|RATE_LIMITED|SIGNING_BUSY|[A-Z]+_UNAVAILABLE)$/.test(code);
}

/** Those that come with `WWW-Authenticate` where the credentials are the reason. */
export function tellsWhoIsTaken(code: ProblemCode): boolean {
  return code === 'AUTHENTICATION_REQUIRED' || code === 'CREDENTIALS_INVALID' || code === 'FORBIDDEN';
}

const count = { type: 'integer', minimum: 0 } as const;
const FIELD_ERRORS: Members = {
  errors: {
    type: 'array',
    description: 'What is wrong, field by field.',
    items: { $ref: '#/components/schemas/FieldError' },
  },
};

type Members = Readonly<Record<string, Schema>>;

/** What a problem tells beside what all do (RFC 9457 section 3.2), and which of that is always there. */
const MEMBERS: Partial<Record<ProblemCode, { members: Members; required?: readonly string[] }>> = {
  VALIDATION_FAILED: { members: FIELD_ERRORS },
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
      max_days: { ...count, description: 'Days that a seat is lent for at most; 0 for not at all.' },
    },
  },
  BORROW_LIMIT_REACHED: {
    members: {
      borrowed: { ...count, description: 'Seats that are borrowed.' },
      borrowable: { ...count, description: 'Seats that may be borrowed at once.' },
    },
  },
  OWNER_MUST_STAY: {
    members: {
      tenants: {
        type: 'array',
        description: 'Tenants that need another owner first, where there may be several.',
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

/** What all problems have in common, each problem of `codes`, and what they are made of. */
export function problemSchemas(codes: Iterable<ProblemCode>): Record<string, Schema> {
  return {
    Problem: {
      type: 'object',
      description: 'A problem document (RFC 9457). Branch on `code`, which is stable.',
      properties: {
        type: { type: 'string', format: 'uri', description: '`urn:seatlease:problem:` and the code.' },
        title: { type: 'string', description: 'What the code means, in words that may change.' },
        status: { type: 'integer', description: 'The status of the answer.' },
        code: { type: 'string', description: 'What went wrong.' },
        detail: { type: 'string', description: 'What is particular about this time.' },
        request_id: { type: 'string', description: 'Name it when you ask for help.' },
      },
      required: ['type', 'title', 'status', 'code', 'request_id'],
    },
    FieldError: {
      type: 'object',
      properties: {
        at: {
          type: 'string',
          description:
            'A JSON pointer into the body (RFC 6901), or the name of a parameter or header; empty for the whole.',
        },
        detail: { type: 'string', description: 'What is wrong there.' },
      },
      required: ['at', 'detail'],
    },
    ...Object.fromEntries([...codes].map((code) => [schemaNameOf(code), schemaOf(code)])),
  };
}

function schemaOf(code: ProblemCode): Schema {
  const { status, title } = PROBLEMS[code];
  const { members = {}, required = Object.keys(members) } = MEMBERS[code] ?? {};
  return {
    description: title,
    allOf: [{ $ref: '#/components/schemas/Problem' }],
    type: 'object',
    properties: { status: { const: status }, code: { const: code }, ...members },
    required: ['status', 'code', ...required],
  };
}
