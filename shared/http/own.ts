import type { Standing } from '../domain/authorization.ts';
import { licenseOfSession } from '../domain/ids.ts';
import type { ProblemCode } from '../errors.ts';
import type { Caller, Refusal } from './contract.ts';
import { refuseFields } from './refuse-fields.ts';

type StandingTo = (tenantId: string) => Standing;

/**
 * `found` if the caller has access to its tenant. An object of another tenant is refused exactly like one that does not
 * exist.
 */
export function own<T extends { readonly tenantId: string }, C extends ProblemCode>(
  found: T | undefined,
  standing: StandingTo,
  unknown: C,
): T | Refusal<C | 'FORBIDDEN'> {
  const stands = found === undefined ? 'STRANGER' : standing(found.tenantId);
  if (found === undefined || stands === 'STRANGER') return { problem: unknown };
  return stands === 'FORBIDDEN' ? { problem: 'FORBIDDEN' } : found;
}

/**
 * The tenant that a list request is for: the one it names, or else the user's only tenant with access to the list. For
 * operators, no tenant means all tenants: `undefined`. What spends money or gives a license away names its tenant.
 */
export function requestedTenant(
  named: string | undefined,
  caller: Extract<Caller, { kind: 'operator' | 'person' }>,
  standing: StandingTo,
):
  | { readonly tenantId: string | undefined }
  | Refusal<'TENANT_NOT_FOUND' | 'FORBIDDEN' | 'VALIDATION_FAILED'> {
  if (caller.kind === 'operator') return { tenantId: named };
  if (named !== undefined) return own({ tenantId: named }, standing, 'TENANT_NOT_FOUND');
  const allowed = Object.keys(caller.tenants).filter((tenantId) => standing(tenantId) === 'ALLOWED');
  const [only] = allowed;
  if (only === undefined) return { problem: 'FORBIDDEN' };
  if (allowed.length === 1) return { tenantId: only };
  return refuseFields('VALIDATION_FAILED', [
    { at: 'tenant_id', detail: 'is required when you have several tenants' },
  ]);
}

/** Like `requestedTenant`, but operators must name a tenant, too. */
export function requiredTenant(
  named: string | undefined,
  caller: Extract<Caller, { kind: 'operator' | 'person' }>,
  standing: StandingTo,
): { readonly tenantId: string } | Refusal<'TENANT_NOT_FOUND' | 'FORBIDDEN' | 'VALIDATION_FAILED'> {
  const found = requestedTenant(named, caller, standing);
  if ('problem' in found) return found;
  const { tenantId } = found;
  return tenantId === undefined
    ? refuseFields('VALIDATION_FAILED', [{ at: 'tenant_id', detail: 'is required' }])
    : { tenantId };
}

/**
 * The license that a request about a session is for: the license of the key or, for a signed-in user, of the session.
 */
export function requestedLicense(caller: Caller, sessionId: string): string {
  return caller.kind === 'license' ? caller.licenseId : licenseOfSession(sessionId);
}
