import type { License } from '../../sdk/src/api.ts';
import type { Call } from './api-call.ts';

/** As large as the server's pages may be. */
const PAGE = 100;

/** The tenant's newest licenses, and the one `wanted` where it is an older one. */
export async function readLicenses(
  call: Call,
  tenantId: string,
  wanted: string,
  signal: AbortSignal,
): Promise<License[]> {
  const { licenses } = await call('licensesList', { query: { tenant_id: tenantId, limit: PAGE }, signal });
  if (wanted === '' || licenses.some(({ license_id }) => license_id === wanted)) return licenses;
  const older = await call('licensesRead', { params: { license_id: wanted }, signal });
  return older.tenant_id === tenantId ? [...licenses, older] : licenses;
}

/** What people know a license by. */
export function nameOf({ plan, max, trial }: License): string {
  return `${planName(plan)}${trial ? ' trial' : ''}, ${seatsOf(max)}`;
}

export function planName(plan: License['plan']): string {
  return `${plan.slice(0, 1).toUpperCase()}${plan.slice(1)}`;
}

export function seatsOf(count: number): string {
  return count === 1 ? '1 seat' : `${count} seats`;
}

/** Why a license gives no seats now, in words; `undefined` for one that does. */
export function troubleOf({ status, hold, valid_until }: License, nowMs: number): string | undefined {
  if (hold !== null) return HOLD_WORDS[hold];
  if (status === 'suspended') return 'The vendor has suspended this license. Ask them why.';
  if (valid_until !== null && Date.parse(valid_until) <= nowMs) return 'This license has expired.';
  return undefined;
}

const HOLD_WORDS: Readonly<Record<NonNullable<License['hold']>, string>> = {
  payment: 'A payment is overdue, so no seats are given. Pay the open invoice to go on.',
  paused: 'The subscription is paused, so no seats are given.',
  dispute: 'A payment is disputed at the bank, so no seats are given until that is settled.',
  refund: 'The payment was given back, so no seats are given.',
};
