import type { ComponentChildren } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { useConsole } from '../console.ts';
import { type Link, operatorLinks, tenantLinks, userLinks } from '../pages.ts';
import { BASE, navigate, useAddress, useQueryValue } from '../router.ts';
import { ownTenants, type TenantInView, tenantHref } from '../viewer.ts';
import { Notice } from './alert.tsx';
import { Brand } from './brand.tsx';
import { Button } from './button.tsx';

interface ShellProps {
  /** The tenant that the page is about. */
  readonly tenant?: TenantInView | undefined;
  readonly children: ComponentChildren;
}

/** The frame of a page: the user, the tenant and the navigation. */
export function Shell({ tenant, children }: ShellProps) {
  const { viewer, signOut } = useConsole();
  const [first] = ownTenants(viewer);
  const shown = tenant ?? first;
  return (
    <div class="shell">
      <a class="skip" href="#content">
        Skip to content
      </a>
      <header class="top">
        <a class="brand" href={`${BASE}/`}>
          <Brand />
        </a>
        <div class="account">
          <span class="who" title={viewer.user?.email}>
            {viewer.user ? viewer.user.name || viewer.user.email : 'Operator key'}
          </span>
          <Button small onClick={signOut}>
            Sign out
          </Button>
        </div>
      </header>
      <nav class="side" aria-label="Console">
        {shown && <TenantLinks tenant={shown} />}
        <Links title="Operator" links={operatorLinks(viewer)} />
        <Links title="Account" links={userLinks(viewer)} />
      </nav>
      <main id="content" tabIndex={-1}>
        <OffersNotice />
        {children}
      </main>
    </div>
  );
}

/** Links to the viewer's invitations, unless that page is open. */
function OffersNotice() {
  const { viewer } = useConsole();
  const { pathname } = useAddress();
  const href = `${BASE}/invitations`;
  if (viewer.offers === 0 || pathname === href) return null;
  return (
    <Notice>
      <p>
        You have {viewer.offers === 1 ? 'an open invitation' : `${viewer.offers} open invitations`}.{' '}
        <a href={href}>Review</a>
      </p>
    </Notice>
  );
}

function TenantLinks({ tenant }: { readonly tenant: TenantInView }) {
  const { viewer } = useConsole();
  const tenants = ownTenants(viewer);
  const isForeign = !tenants.some(({ tenantId }) => tenantId === tenant.tenantId);
  const [license] = useQueryValue('license');
  // Links between pages keep the chosen license.
  const query = license === '' ? '' : `?license=${license}`;
  const choices = isForeign ? [tenant, ...tenants] : tenants;
  return (
    <>
      {choices.length > 1 ? (
        <label class="tenant-choice">
          <span class="sr-only">Tenant</span>
          <select
            value={tenant.tenantId}
            onChange={({ currentTarget }) => {
              const chosen = choices.find(({ tenantId }) => tenantId === currentTarget.value);
              const [link] = chosen ? tenantLinks(chosen) : [];
              navigate(link?.href ?? tenantHref(currentTarget.value, 'seats'));
            }}
          >
            {choices.map(({ tenantId, name }) => (
              <option key={tenantId} value={tenantId}>
                {name}
              </option>
            ))}
          </select>
        </label>
      ) : (
        <p class="tenant-name">{tenant.name}</p>
      )}
      <Links links={tenantLinks(tenant)} query={query} />
    </>
  );
}

interface LinksProps {
  readonly title?: string;
  readonly links: readonly Link[];
  /** Added to each link. */
  readonly query?: string;
}

function Links({ title, links, query = '' }: LinksProps) {
  const { pathname } = useAddress();
  const current = useRef<HTMLAnchorElement>(null);
  // On a narrow screen the links are a row that scrolls sideways.
  useEffect(() => current.current?.scrollIntoView({ block: 'nearest', inline: 'nearest' }), [pathname]);
  if (links.length === 0) return null;
  return (
    <>
      {title !== undefined && <p class="links-title">{title}</p>}
      <ul class="links">
        {links.map((link) => {
          const isCurrent = link.href === pathname;
          return (
            <li key={link.href}>
              <a
                href={`${link.href}${query}`}
                ref={isCurrent ? current : null}
                aria-current={isCurrent ? 'page' : undefined}
              >
                {link.title}
              </a>
            </li>
          );
        })}
      </ul>
    </>
  );
}
