import * as z from 'zod/mini';
import type { Entitlement } from './entitlement.ts';
import { entitlementOf, type License } from './license.ts';
import { PLAN_NAMES } from './plans.ts';
import type { Session } from './session.ts';

const DAY_MS = 24 * 3600 * 1000;

/**
 * What a signed license says, in the names and forms that everybody who verifies one sees: a license that may be used
 * on the machine of `fingerprint`, without asking anybody, until `offline_until`.
 */
export const LicenseDataSchema = z.strictObject({
  license_id: z.string(),
  tenant_id: z.string(),
  plan: z.enum(PLAN_NAMES),
  features: z.array(z.string()),
  /** Seats of the license: how many may be held at once, of which this is one. */
  seats: z.int(),
  fingerprint: z.string(),
  session_id: z.string(),
  issued_at: z.string(),
  /** When this document ends; the same as `offline_until`, for those who look for an end by its usual name. */
  expires_at: z.string(),
  offline_until: z.string(),
});
export type LicenseData = z.infer<typeof LicenseDataSchema>;

/** What a client may ask to be signed: some of the license, never more of it. What it leaves out is filled in. */
export type LicenseAsk = {
  readonly [F in Exclude<keyof LicenseData, 'issued_at'>]?: LicenseData[F] | undefined;
};

/** What in an ask goes beyond the license. */
export interface Excess {
  readonly field: keyof LicenseAsk;
  readonly detail: string;
}

/** Until when a client with this session may run without asking, milliseconds since the epoch. */
export function offlineUntilMs(
  session: Pick<Session, 'expiresAtMs' | 'borrowedUntilMs'>,
  terms: Pick<Entitlement, 'offlineGraceDays' | 'validUntilMs'>,
  nowMs: number,
): number {
  const { expiresAtMs, borrowedUntilMs } = session;
  // Who borrows has said for how long; the grace is for those who meant to stay online.
  const graceMs = borrowedUntilMs === undefined ? nowMs + terms.offlineGraceDays * DAY_MS : 0;
  return Math.min(Math.max(expiresAtMs, graceMs), terms.validUntilMs ?? Number.POSITIVE_INFINITY);
}

export interface LicenseDraft {
  readonly data: LicenseData;
  /** When it would end, were no earlier end asked for. */
  readonly endsAtMs: number;
}

/** The document for a session of a license as far as `ask` wants it, or all that it wants too much. */
export function draftLicenseData(
  license: License,
  session: Session,
  ask: LicenseAsk,
  nowMs: number,
): LicenseDraft | { readonly excess: readonly Excess[] } {
  const untilMs = offlineUntilMs(session, entitlementOf(license), nowMs);
  const whole: Omit<LicenseData, 'issued_at'> = {
    license_id: license.licenseId,
    tenant_id: license.tenantId,
    plan: license.plan,
    features: license.features,
    seats: license.max,
    fingerprint: session.facts.fingerprint,
    session_id: session.sessionId,
    expires_at: timestamp(untilMs),
    offline_until: timestamp(untilMs),
  };
  const excess = [
    ...IDENTITIES.flatMap((field) =>
      (ask[field] ?? whole[field]) === whole[field] ? [] : [{ field, detail: 'is not that of this session' }],
    ),
    ...ENDS.flatMap((field) => excessiveEnd(field, ask[field], untilMs, nowMs)),
    ...(ask.features ?? [])
      .filter((feature) => !license.features.includes(feature))
      .map((feature) => ({ field: 'features' as const, detail: `${feature} is not in the license` })),
    ...((ask.seats ?? 0) > license.max
      ? [{ field: 'seats' as const, detail: `the license has ${license.max}` }]
      : []),
  ];
  if (excess.length > 0) return { excess };
  const end = timestamp(
    Math.min(untilMs, ...ENDS.flatMap((field) => (ask[field] === undefined ? [] : [Date.parse(ask[field])]))),
  );
  return {
    data: {
      ...whole,
      features: license.features.filter((feature) => ask.features?.includes(feature) ?? true),
      seats: ask.seats ?? license.max,
      issued_at: timestamp(nowMs),
      expires_at: end,
      offline_until: end,
    },
    endsAtMs: untilMs,
  };
}

/** What an ask can only repeat. */
const IDENTITIES = ['license_id', 'tenant_id', 'plan', 'fingerprint', 'session_id'] as const;
const ENDS = ['expires_at', 'offline_until'] as const;

function excessiveEnd(
  field: (typeof ENDS)[number],
  asked: string | undefined,
  untilMs: number,
  nowMs: number,
): Excess[] {
  if (asked === undefined) return [];
  const atMs = Date.parse(asked);
  if (atMs > untilMs) return [{ field, detail: `can be ${timestamp(untilMs)} at the latest` }];
  return atMs <= nowMs ? [{ field, detail: 'is over already' }] : [];
}

function timestamp(atMs: number): string {
  return new Date(atMs).toISOString();
}
