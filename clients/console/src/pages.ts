import type { ComponentType } from 'preact';
import { AuditPage } from './pages/audit.tsx';
import { BillingPage } from './pages/billing.tsx';
import { LicensesPage } from './pages/licenses.tsx';
import { MembersPage } from './pages/members.tsx';
import { OperatorHealthPage } from './pages/operator-health.tsx';
import { OperatorKeysPage } from './pages/operator-keys.tsx';
import { OperatorLicensesPage } from './pages/operator-licenses.tsx';
import { OperatorPeoplePage } from './pages/operator-people.tsx';
import { OperatorTenantsPage } from './pages/operator-tenants.tsx';
import { PrivacyPage } from './pages/privacy.tsx';
import { SeatsPage } from './pages/seats.tsx';
import { UsagePage } from './pages/usage.tsx';
import { BASE } from './router.ts';
import {
  isAdmin,
  ownTenants,
  type Role,
  type TenantInView,
  type TenantPageProps,
  tenantHref,
  type Viewer,
} from './viewer.ts';

/**
 * The one list of pages. To add one: a file in `pages/` that gives a component with a `<Page>` in it, and a line here.
 * Everything else (address, link, title, who is shown it) follows.
 */
interface Entry<Props> {
  /** Last part of the address. */
  readonly slug: string;
  /** As links name it. */
  readonly title: string;
  readonly page: ComponentType<Props>;
}

/** `/console/tenants/{tenant_id}/{slug}`, for those who look after the tenant unless `everybody` in it may. */
export const TENANT_PAGES: readonly (Entry<TenantPageProps> & { readonly everybody?: true })[] = [
  { slug: 'seats', title: 'Seats', page: SeatsPage },
  { slug: 'usage', title: 'Usage', page: UsagePage },
  { slug: 'licenses', title: 'Licenses', page: LicensesPage },
  { slug: 'members', title: 'Members', page: MembersPage },
  { slug: 'billing', title: 'Plan and billing', page: BillingPage },
  { slug: 'audit', title: 'Audit log', page: AuditPage },
];

/** `/console/operator/{slug}`, for operators. */
export const OPERATOR_PAGES: readonly Entry<object>[] = [
  { slug: 'tenants', title: 'Tenants', page: OperatorTenantsPage },
  { slug: 'licenses', title: 'All licenses', page: OperatorLicensesPage },
  { slug: 'people', title: 'People', page: OperatorPeoplePage },
  { slug: 'keys', title: 'Signing keys', page: OperatorKeysPage },
  { slug: 'health', title: 'Health', page: OperatorHealthPage },
];

/** `/console/{slug}`, for everybody who is signed in as a person. */
export const PERSON_PAGES: readonly Entry<object>[] = [
  { slug: 'personal-data', title: 'Personal data', page: PrivacyPage },
];

export interface Link {
  readonly href: string;
  readonly title: string;
}

export function tenantLinks({ tenantId, role }: TenantInView): Link[] {
  return pagesFor(role).map(({ slug, title }) => ({ href: tenantHref(tenantId, slug), title }));
}

export function operatorLinks({ isOperator }: Viewer): Link[] {
  return isOperator
    ? OPERATOR_PAGES.map(({ slug, title }) => ({ href: `${BASE}/operator/${slug}`, title }))
    : [];
}

export function personLinks({ person }: Viewer): Link[] {
  return person ? PERSON_PAGES.map(({ slug, title }) => ({ href: `${BASE}/${slug}`, title })) : [];
}

/** Where the viewer begins; `undefined` where there is nothing for them yet. */
export function homeOf(viewer: Viewer): string | undefined {
  const tenants = ownTenants(viewer);
  const first = tenants.find(({ role }) => isAdmin(role)) ?? tenants[0];
  const links = [...(first ? tenantLinks(first) : []), ...operatorLinks(viewer), ...personLinks(viewer)];
  return links[0]?.href;
}

/** What an address shows to the viewer. */
export type Destination =
  | { readonly kind: 'home' }
  | { readonly kind: 'page'; readonly page: ComponentType<object> }
  | { readonly kind: 'tenant'; readonly tenantId: string; readonly slug: string }
  | { readonly kind: 'nothing' };

export function destinationOf(pathname: string, viewer: Viewer): Destination {
  const [first, second, third, ...rest] = pathname.slice(BASE.length).split('/').filter(Boolean);
  if (first === undefined) return { kind: 'home' };
  if (rest.length > 0) return { kind: 'nothing' };
  if (first === 'tenants' && second !== undefined) {
    return { kind: 'tenant', tenantId: second, slug: third ?? '' };
  }
  const isOperators = first === 'operator';
  const pages = isOperators ? (viewer.isOperator ? OPERATOR_PAGES : []) : viewer.person ? PERSON_PAGES : [];
  const slug = isOperators ? second : second === undefined ? first : undefined;
  const found = pages.find((entry) => entry.slug === slug);
  return found ? { kind: 'page', page: found.page } : { kind: 'nothing' };
}

/** The page of a tenant under that name; none where it is not for whoever has that role. */
export function tenantPageOf(slug: string, role: Role): ComponentType<TenantPageProps> | undefined {
  return pagesFor(role).find((entry) => entry.slug === slug)?.page;
}

function pagesFor(role: Role) {
  return TENANT_PAGES.filter(({ everybody }) => everybody || isAdmin(role));
}
