import type * as z from 'zod/mini';
import type { EndpointContract, FunctionContract } from '../shared/http/contract.ts';

/**
 * Ids and credentials for sample requests. A test creates what its requests need; documentation and refused requests
 * can use ids that do not exist.
 */
export interface World {
  readonly tenantId: string;
  /** A license of the tenant. */
  readonly licenseId: string;
  /** A license of the tenant that a subscription pays for. */
  readonly boughtId: string;
  /** Another one, and an open dispute about its payment. */
  readonly disputedId: string;
  readonly disputeId: string;
  /** A session of the license that the caller may extend and end, and its newest token. */
  readonly sessionId: string;
  readonly sessionToken: string;
  /** Id of a usage record of the license. */
  readonly usageId: string;
  /** A member of the tenant, not its owner. */
  readonly userId: string;
  /** The e-mail address of a user who has signed in. */
  readonly email: string;
  readonly invitationId: string;
  /** The `jti` of a signed license that is revoked. */
  readonly revokedId: string;
  /** An event of Stripe that was set aside. */
  readonly stripeEventId: string;
  /** An operator token that no other request needs. */
  readonly operatorTokenId: string;
  /** Confirms an erasure that the caller has requested. */
  readonly confirmationToken: string;
  /** The refresh token of a sign-in that no other request needs. */
  readonly refreshToken: string;
  /** The one-time code of a sign-in, and the values to redeem it with. */
  readonly signInCode: string;
  readonly codeVerifier: string;
  readonly redirectUri: string;
  /** The parameters that the provider redirects the browser back with, and the browser's sign-in cookie. */
  readonly providerCode: string;
  readonly providerState: string;
  readonly signInCookie: string;
  /** The code that a device without a browser shows, and what its user decides with. */
  readonly userCode: string;
  readonly ticket: string;
  /** Makes a word unique, for requests whose id must not be used yet. */
  fresh(word: string): string;
  /** The `Stripe-Signature` header for a payload. */
  stripeSignature(payload: string): string;
}

/** A sample request for each endpoint of a contract, as `functions/<name>/example.ts` exports them. */
export type ExamplesOf<F extends FunctionContract> = {
  readonly [K in keyof F['endpoints']]: (world: World) => RequestOf<F['endpoints'][K]>;
};

type RequestOf<E extends EndpointContract> = Part<'params', E['params']> &
  Part<'query', E['query']> &
  // Stripe signs the bytes of the body.
  ('stripe' extends E['auth'][number] ? { readonly body: string } : Part<'body', E['body']>) & {
    readonly headers?: Readonly<Record<string, string>>;
  };

type Part<Name extends string, S> = S extends z.ZodMiniType
  ? Record<never, never> extends z.input<S>
    ? { readonly [N in Name]?: z.input<S> }
    : undefined extends z.input<S>
      ? { readonly [N in Name]?: z.input<S> }
      : { readonly [N in Name]: z.input<S> }
  : { readonly [N in Name]?: never };

/** A sample request of any endpoint, without the types of its contract. */
export interface AnyRequest {
  readonly params?: Readonly<Record<string, string>>;
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

export type AnyExamples = Readonly<Record<string, (world: World) => AnyRequest>>;
