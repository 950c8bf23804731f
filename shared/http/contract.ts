import type * as z from 'zod/mini';
import type { By } from '../domain/actor.ts';
import type { Grant, ROLES, Role, Standing } from '../domain/authorization.ts';
import type { OperatorToken } from '../domain/operator-token.ts';
import type { ProblemCode } from '../errors.ts';
import type { SignedEvent } from '../ports/billing.ts';
import type { Deps } from '../ports/deps.ts';
import type { MeasuredField, Noted } from '../ports/log-line.ts';
import type { Proof } from '../ports/seats.ts';
import type { Dependency } from '../settings.ts';

/**
 * What a function promises, as plain data: importing a contract has no side effects. The server, the manifest, the
 * documentation and the infrastructure read it; the compiler checks the handler against it.
 */
export interface FunctionContract {
  /** In kebab case; also the name of the folder and of the deployed function. */
  readonly name: string;
  readonly summary: string;
  readonly memoryMiB: 256 | 512 | 1024;
  /** Maximum number of requests that one instance serves at a time. */
  readonly concurrency: number;
  /**
   * Upper bound of instances on Cloud Run; `instances` of a stack can lower it. It limits the bill and the load on the
   * backends: 100 where clients take and keep seats (8,000 requests at a time; one more instance costs less than a
   * refused seat), 1 for the sweep (two would block each other), 20 where clients or machines call occasionally, 10
   * where users do.
   */
  readonly maxInstances: number;
  readonly timeoutSeconds: number;
  /** All IAM roles of the function's service account. */
  readonly roles: readonly string[];
  /**
   * The dependencies that its handlers read. With those that the server needs for the endpoints, they decide which
   * settings and secrets the function gets.
   */
  readonly uses: readonly Dependency[];
  /** Numeric log fields that are also OpenTelemetry metrics. */
  readonly measures?: readonly MeasureContract[];
  readonly endpoints: Readonly<Record<string, EndpointContract>>;
}

/** A metric: a counter adds up the numbers, a gauge keeps the last one. Units follow UCUM. */
export interface MeasureContract {
  /** The log field that holds the number. */
  readonly field: MeasuredField;
  readonly kind: 'counter' | 'gauge';
  readonly name: string;
  readonly unit: string;
  readonly description: string;
}

export interface EndpointContract {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Public path. `{name}` matches one segment and is described in `params`. */
  readonly path: string;
  /** An imperative sentence of at most 60 characters. */
  readonly summary: string;
  /** Further details, for the OpenAPI document only. */
  readonly description?: string;
  /** Who may call: the endpoint's line in the authorization table. */
  readonly auth: readonly Grant[];
  /**
   * Where the tenants and roles of a signed-in user come from: the records, which are current, or, for endpoints that
   * must not read records, the access token, which can be outdated until it expires.
   */
  readonly standing?: 'record' | 'token';
  readonly limit?: LimitContract;
  /**
   * Accepts an `Idempotency-Key`. `once`: the handler's first transaction is done once for a key (`recordsOnce` in
   * `idempotency-key.ts`), and the handler answers with what that transaction returns. `handler`: the handler itself makes
   * retries safe. Every POST that creates something under a new id or with a new secret has it.
   */
  readonly idempotencyKey?: 'once' | 'handler';
  /** Set it to accept larger bodies than `LARGEST_BODY_BYTES`, up to `LARGEST_COLLECTED_BYTES`. */
  readonly largestBodyBytes?: number;
  readonly params?: z.ZodMiniType;
  readonly query?: z.ZodMiniType;
  readonly body?: z.ZodMiniType;
  /** The body is a form (`application/x-www-form-urlencoded`) in place of JSON. */
  readonly bodyType?: 'form';
  /**
   * What a refused request gets in place of a problem document: an OAuth error (RFC 6749 section 5.2), or, where a
   * browser is sent, a page with a link to `signInAgainAt`.
   */
  readonly refusals?: 'oauth' | { readonly signInAgainAt: string };
  readonly answers: Readonly<Record<string, AnswerContract>>;
  /** Its own problems, in addition to those that every endpoint can return. */
  readonly problems: readonly ProblemCode[];
}

/** How often one caller may call an endpoint. */
export interface LimitContract {
  /** What counts as one caller: a network address, or the caller that the credentials identify. */
  readonly by: 'address' | 'caller';
  readonly requests: number;
  readonly windowSeconds: number;
  /** What to do with calls while the rate limits are unavailable. */
  readonly uncounted: 'serve' | 'refuse';
}

export interface AnswerContract {
  readonly status: 200 | 201 | 204 | 302 | 503;
  readonly description: string;
  readonly body?: z.ZodMiniType;
  /** The body is the text of an HTML page, made by `htmlPage`. */
  readonly isPage?: true;
  /** How long public caches may keep the answer. Without it, the answer must not be cached. */
  readonly cacheSeconds?: number;
}

/** The caller. The seat scripts verify a license key, in the same round trip as the work. */
export type Caller =
  | { readonly kind: 'license'; readonly licenseId: string; readonly proof: Proof }
  /** Uses an operator token or the operator key, or is a signed-in user who is an operator. */
  | {
      readonly kind: 'operator';
      readonly proof: Proof;
      readonly userId?: string | undefined;
      /** It allows only what its scopes allow; the other operators are allowed everything. */
      readonly token?: OperatorToken | undefined;
    }
  | Person
  | { readonly kind: 'scheduler' }
  | { readonly kind: 'pubsub' }
  /** Its event is verified together with its signature. */
  | { readonly kind: 'stripe'; readonly delivery: SignedEvent }
  | { readonly kind: 'anyone' };

/** A signed-in user. */
export interface Person {
  readonly kind: 'person';
  readonly userId: string;
  readonly signInId: string;
  /** Role by tenant id. */
  readonly tenants: Readonly<Record<string, Role>>;
  readonly proof: Proof;
}

/** The kind of caller that has a grant. */
type KindOf<G extends Grant> = G extends (typeof ROLES)[number] ? 'person' : G;

/** Keeps the literal types of the contract; `HandlersOf` checks the handler against them. */
export function defineFunction<const F extends FunctionContract>(contract: F): F {
  return contract;
}

type Parsed<S> = S extends z.ZodMiniType ? z.output<S> : undefined;

interface Input<E extends EndpointContract> {
  readonly params: Parsed<E['params']>;
  readonly query: Parsed<E['query']>;
  readonly body: Parsed<E['body']>;
  readonly caller: Extract<Caller, { kind: KindOf<E['auth'][number]> }>;
  /** Who calls, and by which request: for the audit log. */
  readonly by: By;
  /** What the caller may do in a tenant, by the endpoint's line in the authorization table. */
  standing(tenantId: string): Standing;
  /** The client's `Idempotency-Key`, if the endpoint accepts one. */
  readonly idempotencyKey: string | undefined;
  /** Value of the one cookie that Firebase Hosting passes on. */
  readonly cookie: string | undefined;
  /** Adds fields to the request's log line. Never pass a key, a token or what a client reports about itself. */
  note(fields: Noted): void;
}

/** One of the endpoint's answers, by name. The contract has its status. */
type Answer<E extends EndpointContract> = {
  [A in keyof E['answers']]: {
    readonly answer: A;
    readonly body: Parsed<E['answers'][A]['body']>;
    readonly headers?: Readonly<Record<string, string>>;
  };
}[keyof E['answers']];

/** An expected refusal. `because` goes to the log only. */
export interface Refusal<C extends ProblemCode = ProblemCode> {
  readonly problem: C;
  readonly detail?: string | undefined;
  /** Further members of the problem document (RFC 9457 section 3.2). */
  readonly members?: Readonly<Record<string, unknown>> | undefined;
  /** Sent as `Retry-After`, in seconds. */
  readonly retryAfterSeconds?: number | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly because?: string | undefined;
}

/** The request that the handler of the endpoint `K` receives. */
export type RequestOf<F extends FunctionContract, K extends keyof F['endpoints']> = Input<F['endpoints'][K]>;

/**
 * What the handler of the endpoint `K` may return: an answer of the contract, or a refusal with one of its problems.
 */
export type ReplyOf<F extends FunctionContract, K extends keyof F['endpoints']> =
  | Answer<F['endpoints'][K]>
  | Refusal<F['endpoints'][K]['problems'][number]>;

/** One handler for each endpoint of the contract. */
export type HandlersOf<F extends FunctionContract> = {
  readonly [K in keyof F['endpoints']]: (request: RequestOf<F, K>, deps: Deps) => Promise<ReplyOf<F, K>>;
};

/** Handlers of any contract, for code that does not know the contract's types. */
export interface AnyHandlers {
  readonly [endpoint: string]: (input: never, deps: Deps) => Promise<AnyReply>;
}

export type AnyReply =
  | {
      readonly answer: PropertyKey;
      readonly body: unknown;
      readonly headers?: Readonly<Record<string, string>>;
    }
  | Refusal;
