import type { Me } from '../../sdk/src/api.ts';
import { BASE } from './router.ts';

/** The user of the console. */
export interface Viewer {
  /** `undefined` with the operator key, which belongs to no user. */
  readonly user: Me | undefined;
  readonly isOperator: boolean;
  /** How many invitations and offers of ownership wait for an answer. */
  readonly offers: number;
}

/** The viewer's role in a tenant. Operators can open every tenant. */
export type Role = Me['tenants'][number]['role'] | 'operator';

export interface TenantInView {
  readonly tenantId: string;
  readonly name: string;
  readonly role: Role;
}

/** The props of a tenant's page. */
export interface TenantPageProps {
  readonly tenant: TenantInView;
}

/** The tenants that the viewer is a member of. */
export function ownTenants({ user }: Viewer): TenantInView[] {
  return (user?.tenants ?? []).map(({ tenant_id, name, role }) => ({ tenantId: tenant_id, name, role }));
}

/** Whether a role can manage the tenant. Members can only use seats. */
export function isAdmin(role: Role): boolean {
  return role !== 'member';
}

/** The address of a tenant's page. */
export function tenantHref(tenantId: string, slug: string): string {
  return `${BASE}/tenants/${tenantId}/${slug}`;
}
