import type { License } from '../../sdk/src/api.ts';
import type { Call } from './api-call.ts';

/** The largest page that the API returns. */
const PAGE = 100;

/** Reads the tenant's newest licenses, and the one with the id `wanted` if it is older. */
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

/** The name of a license in lists and headings. */
export function nameOf({ plan, max, trial }: License): string {
  return `${planName(plan)}${trial ? ' trial' : ''}, ${seatsOf(max)}`;
}

export function planName(plan: License['plan']): string {
  return `${plan.slice(0, 1).toUpperCase()}${plan.slice(1)}`;
}

export function seatsOf(count: number): string {
  return count === 1 ? '1 seat' : `${count} seats`;
}

export function overdraftSeatsOf(count: number): string {
  return count === 1 ? '1 overdraft seat' : `${count} overdraft seats`;
}

/** Limits by name, as one line. */
export function limitsText(limits: License['limits']): string {
  return Object.entries(limits)
    .map(([name, limit]) => `${name}: ${limit.toLocaleString('en')}`)
    .join(', ');
}

/** Why a license grants no seats now; `undefined` if it does. */
export function troubleOf({ status, hold, valid_until }: License, nowMs: number): string | undefined {
  if (hold !== null) return HOLD_TEXTS[hold];
  if (status === 'suspended') return 'The vendor has suspended this license. Contact the vendor.';
  if (valid_until !== null && Date.parse(valid_until) <= nowMs) return 'This license has expired.';
  return undefined;
}

const HOLD_TEXTS: Readonly<Record<NonNullable<License['hold']>, string>> = {
  payment:
    'A payment is overdue, so no seats can be acquired. Pay the open invoice on the page “Plan and billing”.',
  paused: 'The subscription is paused, so no seats can be acquired.',
  dispute: 'A payment is disputed at the bank, so no seats can be acquired until the dispute is settled.',
  refund: 'The payment was refunded, so no seats can be acquired.',
};
