import type * as z from 'zod/mini';
import type { EndpointContract, FunctionContract } from '../shared/http/contract.ts';

/**
 * What sample requests name. A test creates what its requests need; documentation and refused requests do with ids of
 * nothing.
 */
export interface World {
  readonly tenantId: string;
  /** A license of the tenant. */
  readonly licenseId: string;
  /** A license of the tenant that a subscription pays for. */
  readonly boughtId: string;
  /** A session of the license that the caller may extend and end, and its newest token. */
  readonly sessionId: string;
  readonly sessionToken: string;
  /** A member of the tenant, not its owner. */
  readonly userId: string;
  /** The address of someone who has signed in. */
  readonly email: string;
  readonly invitationId: string;
  /** Confirms an erasure that the caller has asked for. */
  readonly confirmationToken: string;
  /** Of a sign-in that no other request needs. */
  readonly refreshToken: string;
  /** The one-time code of a sign-in, and what it is redeemed with. */
  readonly signInCode: string;
  readonly codeVerifier: string;
  readonly redirectUri: string;
  /** What the provider sends a browser back with, and the cookie that the browser has had since. */
  readonly providerCode: string;
  readonly providerState: string;
  readonly signInCookie: string;
  /** Makes a word unique in the suite, where a request must not name what is there already. */
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
  // Stripe signs the bytes of what it sends.
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

/** A sample request seen from outside, where the contract's own types are no longer known. */
export interface AnyRequest {
  readonly params?: Readonly<Record<string, string>>;
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

export type AnyExamples = Readonly<Record<string, (world: World) => AnyRequest>>;
