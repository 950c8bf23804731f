import * as z from 'zod/mini';
import { ActorSchema } from './actor.ts';
import { type GrantedScope, hasScope } from './authorization.ts';
import { hashSecret } from './ids.ts';

const HOUR_MS = 3600 * 1000;
const DAY_MS = 24 * HOUR_MS;

/** Tokens expire within a year, so that one that is forgotten does not work for ever. */
export const LONGEST_TOKEN_DAYS = 365;
export const DEFAULT_TOKEN_DAYS = 90;
/** How long before its expiry a token is reported as expiring. */
export const EXPIRING_MS = 14 * DAY_MS;
/** The last use is recorded with this precision: at most one write an hour and token. */
const USE_RECORDED_EVERY_MS = HOUR_MS;

/** An operator's credential with a name, scopes and an expiry. */
export const OperatorTokenSchema = z.object({
  tokenId: z.string(),
  /** Free text by its creator: never in the audit log or in log lines. */
  name: z.string(),
  /** `hashSecret` of the whole token. */
  hash: z.string(),
  /** Those of another release may have names that this one does not know, which grant nothing. */
  scopes: z.array(z.string()),
  createdAtMs: z.int(),
  /** The operator who created it. Revoking a token revokes those that it created. */
  createdBy: ActorSchema,
  expiresAtMs: z.int(),
  /** At most an hour old; `null` if it was never used. */
  lastUsedAtMs: z.nullable(z.int()),
  revokedAtMs: z.nullable(z.int()),
  /** When it expires, or when it was revoked. It is kept after that, so that events which name its id can be understood. */
  endsAtMs: z.int(),
});
export type OperatorToken = z.infer<typeof OperatorTokenSchema>;

export interface TokenTerms {
  readonly tokenId: string;
  readonly secret: string;
  readonly name: string;
  readonly scopes: readonly GrantedScope[];
  readonly createdBy: OperatorToken['createdBy'];
  readonly expiresAtMs: number;
}

export function newToken({ secret, scopes, ...terms }: TokenTerms, nowMs: number): OperatorToken {
  return {
    ...terms,
    hash: hashSecret(secret),
    scopes: [...new Set(scopes)],
    createdAtMs: nowMs,
    lastUsedAtMs: null,
    revokedAtMs: null,
    endsAtMs: terms.expiresAtMs,
  };
}

/** When a new token expires: `days` from now. Without them, after the usual time, but not after its creator. */
export function expiryOf(
  days: number | undefined,
  creator: OperatorToken | undefined,
  nowMs: number,
): number {
  if (days !== undefined) return nowMs + days * DAY_MS;
  return Math.min(nowMs + DEFAULT_TOKEN_DAYS * DAY_MS, creator?.expiresAtMs ?? Number.POSITIVE_INFINITY);
}

export type TokenStatus = 'active' | 'expiring' | 'expired' | 'revoked';

export function statusOf(
  { revokedAtMs, expiresAtMs }: Pick<OperatorToken, 'revokedAtMs' | 'expiresAtMs'>,
  nowMs: number,
): TokenStatus {
  if (revokedAtMs !== null) return 'revoked';
  if (nowMs >= expiresAtMs) return 'expired';
  return nowMs >= expiresAtMs - EXPIRING_MS ? 'expiring' : 'active';
}

/** Those of `wanted` that are not included in `held`. */
export function scopesBeyond(held: readonly string[], wanted: readonly string[]): string[] {
  return wanted.filter((scope) => !hasScope(held, scope));
}

/** Whether this use must be recorded. */
export function isUseDue({ lastUsedAtMs }: Pick<OperatorToken, 'lastUsedAtMs'>, nowMs: number): boolean {
  return lastUsedAtMs === null || nowMs >= lastUsedAtMs + USE_RECORDED_EVERY_MS;
}
