import * as z from 'zod/mini';
import type { Entitlement } from './entitlement.ts';
import { entitlementOf, type License } from './license.ts';
import { PLAN_NAMES } from './plans.ts';
import type { Session } from './session.ts';

const DAY_MS = 24 * 3600 * 1000;

/**
 * The content of a signed license, in the names and formats that everyone who verifies one sees: the license can be
 * used offline on the machine with `fingerprint` until `offline_until`. It names no session, because later sessions of the
 * same holder on that machine use it, too.
 */
export const LicenseDataSchema = z.strictObject({
  /** Unique for each signed license: with it one can be revoked, and found in the audit log (RFC 7519 section 4.1.7). */
  jti: z.string(),
  license_id: z.string(),
  tenant_id: z.string(),
  plan: z.enum(PLAN_NAMES),
  features: z.array(z.string()),
  /** Numbers that the vendor's app defines, by name. */
  limits: z.record(z.string(), z.int()),
  /** Seats of the license: how many can be held at once, including this one. */
  seats: z.int(),
  fingerprint: z.string(),
  issued_at: z.string(),
  /** When this document expires. Equal to `offline_until`, for readers who expect the usual name. */
  expires_at: z.string(),
  offline_until: z.string(),
});
export type LicenseData = z.infer<typeof LicenseDataSchema>;

/** What a client can request: at most what the license grants. Fields that it leaves out are filled in. */
export type LicenseAsk = {
  readonly [F in Exclude<keyof LicenseData, 'issued_at' | 'jti'>]?: LicenseData[F] | undefined;
};

/** A requested field that exceeds the license. */
export interface Excess {
  readonly field: keyof LicenseAsk;
  readonly detail: string;
}

/** Until when a client with this session can run offline, in milliseconds since the epoch. */
export function offlineUntilMs(
  { kind, expiresAtMs }: Pick<Session, 'kind' | 'expiresAtMs'>,
  terms: Pick<Entitlement, 'offlineGraceDays' | 'validUntilMs'>,
  nowMs: number,
): number {
  // Borrowing sets its own end; the grace is for clients that meant to stay online.
  const graceMs = kind === 'loan' ? 0 : nowMs + terms.offlineGraceDays * DAY_MS;
  return Math.min(Math.max(expiresAtMs, graceMs), terms.validUntilMs ?? Number.POSITIVE_INFINITY);
}

export interface LicenseDraft {
  readonly data: LicenseData;
  /** When it would end if no earlier end is requested. */
  readonly endsAtMs: number;
}

/** The document for a session of a license, limited to what `ask` requests, or all fields that exceed the license. */
export function draftLicenseData(
  license: License,
  session: Session,
  ask: LicenseAsk,
  { nowMs, jti }: { readonly nowMs: number; readonly jti: string },
): LicenseDraft | { readonly excess: readonly Excess[] } {
  const terms = entitlementOf(license);
  const { features, limits } = terms.entitlements;
  const untilMs = offlineUntilMs(session, terms, nowMs);
  const whole: Omit<LicenseData, 'issued_at' | 'jti'> = {
    license_id: license.licenseId,
    tenant_id: license.tenantId,
    plan: license.plan,
    features: [...features],
    limits: { ...limits },
    seats: license.max,
    fingerprint: session.facts.fingerprint,
    expires_at: timestamp(untilMs),
    offline_until: timestamp(untilMs),
  };
  const excess = [
    ...IDENTITIES.flatMap((field) =>
      (ask[field] ?? whole[field]) === whole[field] ? [] : [{ field, detail: 'does not match this session' }],
    ),
    ...ENDS.flatMap((field) => excessiveEnd(field, ask[field], untilMs, nowMs)),
    ...(ask.features ?? [])
      .filter((feature) => !features.includes(feature))
      .map((feature) => ({ field: 'features' as const, detail: `${feature} is not in the license` })),
    ...Object.entries(ask.limits ?? {}).flatMap(([name, limit]) => excessiveLimit(name, limit, limits)),
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
      jti,
      ...whole,
      features: features.filter((feature) => ask.features?.includes(feature) ?? true),
      limits: ask.limits ?? whole.limits,
      seats: ask.seats ?? license.max,
      issued_at: timestamp(nowMs),
      expires_at: end,
      offline_until: end,
    },
    endsAtMs: untilMs,
  };
}

/** Fields that a request can only repeat. */
const IDENTITIES = ['license_id', 'tenant_id', 'plan', 'fingerprint'] as const;
const ENDS = ['expires_at', 'offline_until'] as const;

function excessiveEnd(
  field: (typeof ENDS)[number],
  requested: string | undefined,
  untilMs: number,
  nowMs: number,
): Excess[] {
  if (requested === undefined) return [];
  const atMs = Date.parse(requested);
  if (atMs > untilMs) return [{ field, detail: `must not be later than ${timestamp(untilMs)}` }];
  return atMs <= nowMs ? [{ field, detail: 'must be in the future' }] : [];
}

function excessiveLimit(name: string, requested: number, limits: LicenseData['limits']): Excess[] {
  const granted = Object.hasOwn(limits, name) ? limits[name] : undefined;
  if (granted === undefined) return [{ field: 'limits', detail: `${name} is not in the license` }];
  return requested > granted ? [{ field: 'limits', detail: `${name} is at most ${granted}` }] : [];
}

function timestamp(atMs: number): string {
  return new Date(atMs).toISOString();
}
