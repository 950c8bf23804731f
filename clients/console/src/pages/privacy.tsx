import { useState } from 'preact/hooks';
import type { Me } from '../../../sdk/src/api.ts';
import { useConsole } from '../console.ts';
import { LeaveDialog } from '../members/member-dialogs.tsx';
import { ROLES } from '../members/roles.ts';
import { EraseDialog, type Target } from '../privacy/erase-dialog.tsx';
import { ExportForm } from '../privacy/export-form.tsx';
import { dateOf } from '../time.ts';
import { Button } from '../ui/button.tsx';
import { Page } from '../ui/page.tsx';
import { ownTenants, type TenantInView } from '../viewer.ts';

/** Exports and deletes the data of the user and of the tenants that they own. */
export function PrivacyPage() {
  const { viewer } = useConsole();
  return viewer.user ? <PrivacyOf user={viewer.user} /> : null;
}

function PrivacyOf({ user }: { readonly user: Me }) {
  const { call, viewer, reloadViewer, signOut } = useConsole();
  const [erasing, setErasing] = useState<Target>();
  const [leaving, setLeaving] = useState<TenantInView>();
  const { user_id, name, email, created_at } = user;
  const tenants = ownTenants(viewer);
  const tenantNames = new Map(tenants.map((tenant) => [tenant.tenantId, tenant.name]));
  return (
    <Page title="Personal data">
      <section class="card part" aria-labelledby="yours">
        <h2 id="yours">Your data</h2>
        <p>
          {name !== '' && `${name}, `}
          {email}, user since {dateOf(new Date(created_at))}.
        </p>
        <p class="quiet">
          The file contains all data about you: your name and e-mail addresses, present and former
          memberships, sign-ins, and the sessions and events of your programs.
        </p>
        <ExportForm
          of={user_id}
          verb="Download my data"
          read={(query) => call('gdprExportPerson', { query })}
        />
        <div class="buttons">
          <Button
            onClick={() => setErasing({ body: {}, title: 'Delete your data?', name: email, tenantNames })}
          >
            Delete my data…
          </Button>
        </div>
      </section>
      {tenants.map((tenant) => (
        <section key={tenant.tenantId} class="card part" aria-labelledby={`of-${tenant.tenantId}`}>
          <h2 id={`of-${tenant.tenantId}`}>{tenant.name}</h2>
          {tenant.role === 'owner' ? (
            <>
              <p class="quiet">
                You own this tenant. The file contains its members, licenses, subscriptions, sessions and
                events.
              </p>
              <ExportForm
                of={tenant.tenantId}
                verb="Download tenant data"
                label={`Download tenant data: ${tenant.name}`}
                read={(query) => call('gdprExportTenant', { params: { tenant_id: tenant.tenantId }, query })}
              />
              <div class="buttons">
                <Button
                  label={`Delete tenant…: ${tenant.name}`}
                  onClick={() =>
                    setErasing({
                      body: { tenant_id: tenant.tenantId },
                      title: `Delete ${tenant.name}?`,
                      name: tenant.name,
                      tenantNames,
                    })
                  }
                >
                  Delete tenant…
                </Button>
              </div>
            </>
          ) : (
            <>
              <p class="quiet">
                Your role is {ROLES[tenant.role === 'admin' ? 'admin' : 'member'].name.toLowerCase()}. Only
                the owner can download or delete the data of the tenant.
              </p>
              <Button label={`Leave tenant ${tenant.name}`} onClick={() => setLeaving(tenant)}>
                Leave tenant
              </Button>
            </>
          )}
        </section>
      ))}
      {erasing && (
        <EraseDialog
          target={erasing}
          onErased={() => {
            setErasing(undefined);
            if (erasing.body.tenant_id === undefined) signOut();
            else void reloadViewer();
          }}
          onClose={() => setErasing(undefined)}
        />
      )}
      {leaving && (
        <LeaveDialog
          tenant={leaving}
          userId={user_id}
          onDone={() => void reloadViewer()}
          onClose={() => setLeaving(undefined)}
        />
      )}
    </Page>
  );
}
