import type * as z from 'zod/mini';
import type { Grant, ROLES, Role, Standing } from '../domain/authorization.ts';
import type { BillingEvent } from '../domain/billing-event.ts';
import type { ProblemCode } from '../errors.ts';
import type { Deps } from '../ports/deps.ts';
import type { MeasuredField, Noted } from '../ports/log-line.ts';
import type { Proof } from '../ports/seats.ts';
import { DEPLOYED, SETTING_NAMES, SETTINGS, type SecretName } from '../settings.ts';

/**
 * What a function promises, as inert data: importing a contract touches nothing. The server, the manifest, the
 * documentation and the infrastructure read it; the compiler holds the handler to it.
 */
export interface FunctionContract {
  /** Kebab case: the folder's name and the deployed function's. */
  readonly name: string;
  readonly summary: string;
  readonly memoryMiB: 256 | 512 | 1024;
  /** Requests that one instance serves at a time. */
  readonly concurrency: number;
  /**
   * Instances that Cloud Run may run of it at once: what bounds the bill, and the load on what stands behind. 100 where
   * clients take and keep seats (8,000 requests at a time; one more instance costs less than a seat that was refused), 1
   * for the sweep, of which two would only stand in each other's way, 20 where clients or machines call now and then, 10
   * where people do.
   */
  readonly maxInstances: number;
  readonly timeoutSeconds: number;
  /** IAM roles that the function's own service account holds, and no others. */
  readonly roles: readonly string[];
  /** The settings that it gets from Secret Manager. */
  readonly secrets: readonly SecretName[];
  /** Numbers of its log lines that are counted by OpenTelemetry too. */
  readonly measures?: readonly MeasureContract[];
  readonly endpoints: Readonly<Record<string, EndpointContract>>;
}

/** What a number means: how many more there are, or how many there are now. Units are those of UCUM. */
export interface MeasureContract {
  /** The field of the log line that has it. */
  readonly field: MeasuredField;
  readonly kind: 'counter' | 'gauge';
  readonly name: string;
  readonly unit: string;
  readonly description: string;
}

export interface EndpointContract {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Public path; `{name}` stands for one segment, described in `params`. */
  readonly path: string;
  /** An imperative sentence of at most 60 characters. */
  readonly summary: string;
  /** What the summary leaves out; for the OpenAPI document alone. */
  readonly description?: string;
  /** Who may call: the endpoint's line of the authorization table. */
  readonly auth: readonly Grant[];
  /**
   * What the tenants and roles of a signed-in person are taken from: the records, as they are now, or, where no record may
   * be read on the way, the access token, which may be as old as it lives.
   */
  readonly standing?: 'record' | 'token';
  readonly limit?: LimitContract;
  /** Whether `Idempotency-Key` makes a request that is sent again the same one. */
  readonly idempotencyKey?: 'optional';
  /** Where it must take larger bodies than others do, up to `LARGEST_COLLECTED_BYTES`. */
  readonly largestBodyBytes?: number;
  readonly params?: z.ZodMiniType;
  readonly query?: z.ZodMiniType;
  readonly body?: z.ZodMiniType;
  readonly answers: Readonly<Record<string, AnswerContract>>;
  /** Problems of its own, beside those that every endpoint can answer. */
  readonly problems: readonly ProblemCode[];
}

/** How often one caller may call an endpoint. */
export interface LimitContract {
  /** Who is one caller: a network address, or whoever the credentials name. */
  readonly by: 'address' | 'caller';
  readonly requests: number;
  readonly windowSeconds: number;
  /** What happens while calls cannot be counted. */
  readonly uncounted: 'serve' | 'refuse';
}

export interface AnswerContract {
  readonly status: 200 | 201 | 204 | 302 | 503;
  readonly description: string;
  readonly body?: z.ZodMiniType;
  /** How long anybody may keep the answer. Where absent, nobody may. */
  readonly cacheSeconds?: number;
}

/** Who calls. A license key is proven by the seat scripts, in the same round trip as the work. */
export type Caller =
  | { readonly kind: 'license'; readonly licenseId: string; readonly proof: Proof }
  /** Whoever holds the operator key, or is signed in as one of the vendor's people. */
  | { readonly kind: 'operator'; readonly proof: Proof; readonly userId?: string | undefined }
  | Person
  | { readonly kind: 'scheduler' }
  | { readonly kind: 'pubsub' }
  /** What is called for is the event, which is proven with its signature. */
  | { readonly kind: 'stripe'; readonly event: BillingEvent }
  | { readonly kind: 'anyone' };

/** Somebody who is signed in. */
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

const SECRETS = SETTING_NAMES.filter((name): name is SecretName => SETTINGS[name].source === 'secret');

/** The secrets that no deployed function starts without. */
export const COMMON_SECRETS = SECRETS.filter((name) => {
  const { required = [] } = SETTINGS[name];
  return required === 'always' || required.includes(DEPLOYED);
});

/** The secrets of functions that call Stripe or are called by it. */
export const BILLING_SECRETS = SECRETS.filter((name) => SETTINGS[name].field === 'billing');

/** Keeps the contract's literal types, which `HandlersOf` checks the handler against. */
export function defineFunction<const F extends FunctionContract>(contract: F): F {
  return contract;
}

type Parsed<S> = S extends z.ZodMiniType ? z.output<S> : undefined;

interface Input<E extends EndpointContract> {
  readonly params: Parsed<E['params']>;
  readonly query: Parsed<E['query']>;
  readonly body: Parsed<E['body']>;
  readonly caller: Extract<Caller, { kind: KindOf<E['auth'][number]> }>;
  /** How the caller stands towards a tenant, by the endpoint's line of the authorization table. */
  standing(tenantId: string): Standing;
  /** What the client calls this request by, where the endpoint takes it. */
  readonly idempotencyKey: string | undefined;
  /** The one cookie that Firebase Hosting lets through. */
  readonly cookie: string | undefined;
  /** Adds fields to the request's log line. Never pass a key, a token or what a client says about itself. */
  note(fields: Noted): void;
}

/** One of the endpoint's answers by name; its status is the contract's business. */
type Answer<E extends EndpointContract> = {
  [A in keyof E['answers']]: {
    readonly answer: A;
    readonly body: Parsed<E['answers'][A]['body']>;
    readonly headers?: Readonly<Record<string, string>>;
  };
}[keyof E['answers']];

/** An expected "no". `because` is for the log alone. */
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

/** What the handler of the endpoint `K` is called with. */
export type RequestOf<F extends FunctionContract, K extends keyof F['endpoints']> = Input<F['endpoints'][K]>;

/** What it may return: one of the contract's answers, or a refusal with one of its problems. */
export type ReplyOf<F extends FunctionContract, K extends keyof F['endpoints']> =
  | Answer<F['endpoints'][K]>
  | Refusal<F['endpoints'][K]['problems'][number]>;

/** One handler for each endpoint of the contract. */
export type HandlersOf<F extends FunctionContract> = {
  readonly [K in keyof F['endpoints']]: (request: RequestOf<F, K>, deps: Deps) => Promise<ReplyOf<F, K>>;
};

/** Handlers seen from outside, where the contract's own types are no longer known. */
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
