import type { ComponentChildren } from 'preact';
import type { License } from '../../../sdk/src/api.ts';
import { useConsole } from '../console.ts';
import { nameOf, readLicenses } from '../licenses.ts';
import { useQueryValue } from '../router.ts';
import { type TenantInView, tenantHref } from '../viewer.ts';
import { Loaded } from './loaded.tsx';
import { Page } from './page.tsx';
import { useLoad } from './use-load.ts';

interface LicensePageProps {
  readonly title: string;
  readonly tenant: TenantInView;
  /** Renders the content for one license. */
  render(license: License): ComponentChildren;
}

/** A page about one license of a tenant. The user can choose the license if there are several. */
export function LicensePage({ title, tenant, render }: LicensePageProps) {
  const { call } = useConsole();
  const [wanted, setWanted] = useQueryValue('license');
  const licenses = useLoad(
    (signal) => readLicenses(call, tenant.tenantId, wanted, signal),
    [call, tenant.tenantId],
  );
  const chosen = licenses.value?.find(({ license_id }) => license_id === wanted) ?? licenses.value?.[0];
  return (
    <Page
      title={title}
      of={tenant.name}
      aside={
        licenses.value &&
        chosen &&
        licenses.value.length > 1 && (
          <label class="inline-field">
            License
            <select
              value={chosen.license_id}
              onChange={({ currentTarget }) => setWanted(currentTarget.value)}
            >
              {licenses.value.map((license) => (
                <option key={license.license_id} value={license.license_id}>
                  {nameOf(license)} ({license.license_id})
                </option>
              ))}
            </select>
          </label>
        )
      }
    >
      <Loaded
        of={licenses}
        render={() =>
          chosen ? <div key={chosen.license_id}>{render(chosen)}</div> : <NoLicenses tenant={tenant} />
        }
      />
    </Page>
  );
}

export function NoLicenses({ tenant }: { readonly tenant: TenantInView }) {
  return (
    <div class="empty">
      <h2>No licenses yet</h2>
      <p>
        {tenant.name} has no license. <a href={tenantHref(tenant.tenantId, 'billing')}>Buy seats</a> or ask
        the vendor for a license.
      </p>
    </div>
  );
}
