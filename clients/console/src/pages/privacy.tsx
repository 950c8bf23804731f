import { useState } from 'preact/hooks';
import type { Me } from '../../../sdk/src/api.ts';
import { useConsole } from '../console.ts';
import { LeaveDialog } from '../members/member-dialogs.tsx';
import { ROLE_WORDS } from '../members/roles.ts';
import { EraseDialog, type Target } from '../privacy/erase-dialog.tsx';
import { ExportForm } from '../privacy/export-form.tsx';
import { dateOf } from '../time.ts';
import { Button } from '../ui/button.tsx';
import { Page } from '../ui/page.tsx';
import { ownTenants, type TenantInView } from '../viewer.ts';

/** What is kept of a person and of the tenants that they own, to take along or to have deleted. */
export function PrivacyPage() {
  const { viewer } = useConsole();
  return viewer.person ? <PrivacyOf person={viewer.person} /> : null;
}

function PrivacyOf({ person }: { readonly person: Me }) {
  const { call, viewer, reloadViewer, signOut } = useConsole();
  const [erasing, setErasing] = useState<Target>();
  const [leaving, setLeaving] = useState<TenantInView>();
  const { user_id, name, email, created_at } = person;
  const tenants = ownTenants(viewer);
  const tenantNames = new Map(tenants.map((tenant) => [tenant.tenantId, tenant.name]));
  return (
    <Page title="Personal data">
      <section class="card part" aria-labelledby="yours">
        <h2 id="yours">Yours</h2>
        <p>
          {name !== '' && `${name}, `}
          {email}, here since {dateOf(new Date(created_at))}.
        </p>
        <p class="quiet">
          The file has all that is kept of you: who you are, where you belong, your sign-ins, and the sessions
          and events of your programs.
        </p>
        <ExportForm
          of={user_id}
          verb="Download my data"
          ask={(query) => call('gdprExportPerson', { query })}
        />
        <div class="buttons">
          <Button
            onClick={() => setErasing({ body: {}, title: 'Delete yourself here?', name: email, tenantNames })}
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
                You own it. Its file has its people, licenses, subscriptions, sessions and events.
              </p>
              <ExportForm
                of={tenant.tenantId}
                verb="Download its data"
                label={`Download its data: ${tenant.name}`}
                ask={(query) => call('gdprExportTenant', { params: { tenant_id: tenant.tenantId }, query })}
              />
              <div class="buttons">
                <Button
                  label={`Delete it…: ${tenant.name}`}
                  onClick={() =>
                    setErasing({
                      body: { tenant_id: tenant.tenantId },
                      title: `Delete ${tenant.name}?`,
                      name: tenant.name,
                      tenantNames,
                    })
                  }
                >
                  Delete it…
                </Button>
              </div>
            </>
          ) : (
            <>
              <p class="quiet">
                You belong to it as{' '}
                {ROLE_WORDS[tenant.role === 'admin' ? 'admin' : 'member'].name.toLowerCase()}. Its data is its
                owner’s.
              </p>
              <Button label={`Leave ${tenant.name}`} onClick={() => setLeaving(tenant)}>
                Leave
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
