import type { Me } from '../../sdk/src/api.ts';
import { BASE } from './router.ts';

/** Who looks at the console. */
export interface Viewer {
  /** `undefined` for whoever has shown the operator key, and is nobody in particular. */
  readonly person: Me | undefined;
  readonly isOperator: boolean;
}

/** What the viewer is in a tenant. Operators may see all of them. */
export type Role = Me['tenants'][number]['role'] | 'operator';

export interface TenantInView {
  readonly tenantId: string;
  readonly name: string;
  readonly role: Role;
}

/** What a page of a tenant is given. */
export interface TenantPageProps {
  readonly tenant: TenantInView;
}

/** Tenants that the viewer belongs to. */
export function ownTenants({ person }: Viewer): TenantInView[] {
  return (person?.tenants ?? []).map(({ tenant_id, name, role }) => ({ tenantId: tenant_id, name, role }));
}

/** Whether somebody of that role looks after the tenant: members only take seats. */
export function isAdmin(role: Role): boolean {
  return role !== 'member';
}

/** The address of a tenant's page. */
export function tenantHref(tenantId: string, slug: string): string {
  return `${BASE}/tenants/${tenantId}/${slug}`;
}
