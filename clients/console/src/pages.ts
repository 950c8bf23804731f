import type { ComponentType } from 'preact';
import { AuditPage } from './pages/audit.tsx';
import { BillingPage } from './pages/billing.tsx';
import { InvitationsPage } from './pages/invitations.tsx';
import { LicensesPage } from './pages/licenses.tsx';
import { MembersPage } from './pages/members.tsx';
import { OperatorHealthPage } from './pages/operator-health.tsx';
import { OperatorKeysPage } from './pages/operator-keys.tsx';
import { OperatorLicensesPage } from './pages/operator-licenses.tsx';
import { OperatorStripeEventsPage } from './pages/operator-stripe-events.tsx';
import { OperatorTenantsPage } from './pages/operator-tenants.tsx';
import { OperatorTokensPage } from './pages/operator-tokens.tsx';
import { OperatorUsersPage } from './pages/operator-users.tsx';
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
 * The list of all pages. To add one, write a component with a `<Page>` in a file in `pages/`, and add a line here.
 * Its address, link, title and audience follow from that.
 */
interface Entry<Props> {
  /** The last part of the address. */
  readonly slug: string;
  /** The text of links to it. */
  readonly title: string;
  readonly page: ComponentType<Props>;
}

/** `/console/tenants/{tenant_id}/{slug}`, for admins of the tenant, or for all its members. */
export const TENANT_PAGES: readonly (Entry<TenantPageProps> & { readonly forMembers?: true })[] = [
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
  { slug: 'users', title: 'Users', page: OperatorUsersPage },
  { slug: 'tokens', title: 'Operator tokens', page: OperatorTokensPage },
  { slug: 'keys', title: 'Signing keys', page: OperatorKeysPage },
  { slug: 'stripe-events', title: 'Stripe events', page: OperatorStripeEventsPage },
  { slug: 'health', title: 'Health', page: OperatorHealthPage },
];

/** `/console/{slug}`, for every signed-in user, but not for the operator key. */
export const USER_PAGES: readonly Entry<object>[] = [
  { slug: 'invitations', title: 'Invitations', page: InvitationsPage },
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

export function userLinks({ user }: Viewer): Link[] {
  return user ? USER_PAGES.map(({ slug, title }) => ({ href: `${BASE}/${slug}`, title })) : [];
}

/** The address of the viewer's first page; `undefined` if they have none yet. */
export function homeOf(viewer: Viewer): string | undefined {
  const tenants = ownTenants(viewer);
  const first = tenants.find(({ role }) => isAdmin(role)) ?? tenants[0];
  const links = [...(first ? tenantLinks(first) : []), ...operatorLinks(viewer), ...userLinks(viewer)];
  return links[0]?.href;
}

/** What the viewer sees at an address. */
export type Destination =
  | { readonly kind: 'home' }
  | { readonly kind: 'page'; readonly page: ComponentType<object> }
  | { readonly kind: 'tenant'; readonly tenantId: string; readonly slug: string }
  | { readonly kind: 'not-found' };

export function destinationOf(pathname: string, viewer: Viewer): Destination {
  const [first, second, third, ...rest] = pathname.slice(BASE.length).split('/').filter(Boolean);
  if (first === undefined) return { kind: 'home' };
  if (rest.length > 0) return { kind: 'not-found' };
  if (first === 'tenants' && second !== undefined) {
    return { kind: 'tenant', tenantId: second, slug: third ?? '' };
  }
  const isOperators = first === 'operator';
  const pages = isOperators ? (viewer.isOperator ? OPERATOR_PAGES : []) : viewer.user ? USER_PAGES : [];
  const slug = isOperators ? second : second === undefined ? first : undefined;
  const found = pages.find((entry) => entry.slug === slug);
  return found ? { kind: 'page', page: found.page } : { kind: 'not-found' };
}

/** The page of a tenant at `slug`, if it exists and the role can open it. */
export function tenantPageOf(slug: string, role: Role): ComponentType<TenantPageProps> | undefined {
  return pagesFor(role).find((entry) => entry.slug === slug)?.page;
}

function pagesFor(role: Role) {
  return TENANT_PAGES.filter(({ forMembers }) => forMembers || isAdmin(role));
}
