import { isClosing, type Tenant } from '../../shared/domain/users.ts';
import { DOMAIN_CLAIMS, TENANTS } from '../../shared/ports/collections.ts';
import type { Records } from '../../shared/ports/records.ts';

/** Renames a tenant, or changes its join domain. Returns `DOMAIN_TAKEN` if another tenant has that domain. */
export function changeTenant(
  tenantId: string,
  change: { name?: string | undefined; joinDomain?: string | null | undefined },
  records: Records,
): Promise<Tenant | 'TENANT_NOT_FOUND' | 'TENANT_CLOSED' | 'DOMAIN_TAKEN'> {
  return records.transact(async (transaction) => {
    const tenant = await transaction.get(TENANTS, tenantId);
    if (!tenant) return 'TENANT_NOT_FOUND';
    if (isClosing(tenant)) return 'TENANT_CLOSED';
    const { name = tenant.name, joinDomain = tenant.joinDomain } = change;
    const claim = joinDomain === null ? undefined : await transaction.get(DOMAIN_CLAIMS, joinDomain);
    if (claim && claim.tenantId !== tenantId) return 'DOMAIN_TAKEN';
    if (tenant.joinDomain !== null && tenant.joinDomain !== joinDomain) {
      transaction.delete(DOMAIN_CLAIMS, tenant.joinDomain);
    }
    if (joinDomain !== null) transaction.set(DOMAIN_CLAIMS, joinDomain, { domain: joinDomain, tenantId });
    const next = { ...tenant, name, joinDomain };
    transaction.set(TENANTS, tenantId, next);
    return next;
  });
}
