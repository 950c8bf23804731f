import { useState } from 'preact/hooks';
import { useConsole } from '../console.ts';
import { EraseDialog } from '../privacy/erase-dialog.tsx';
import { ExportButton } from '../privacy/export-button.tsx';
import { Button } from '../ui/button.tsx';
import { Page } from '../ui/page.tsx';
import { ownTenants, type TenantInView } from '../viewer.ts';

/** What is kept of the viewer, and of the tenants that are theirs. */
export function PrivacyPage() {
  const { call, viewer, signOut } = useConsole();
  const [isErasing, setErasing] = useState(false);
  const tenants = ownTenants(viewer);
  const names = new Map(tenants.map(({ tenantId, name }) => [tenantId, name]));
  return (
    <Page title="Personal data">
      <section class="card" aria-labelledby="yours">
        <h2 id="yours">Yours</h2>
        <p>
          {viewer.person?.name}, {viewer.person?.email}
        </p>
        <p class="quiet">All that is kept of you, as a file: your sign-ins, memberships and seats.</p>
        <div class="buttons">
          <ExportButton
            fileName="seatlease-my-data.json"
            label="Download your data"
            read={() => call('gdprExportPerson', {})}
          />
          <Button kind="danger" onClick={() => setErasing(true)}>
            Erase my account
          </Button>
        </div>
      </section>
      {tenants
        .filter(({ role }) => role === 'owner')
        .map((tenant) => (
          <TenantCard key={tenant.tenantId} tenant={tenant} names={names} />
        ))}
      {isErasing && (
        <EraseDialog
          title="Erase your account?"
          names={names}
          onClose={() => setErasing(false)}
          onErased={signOut}
        >
          <p>You will be signed out, your seats end, and nobody can tell any more what you did.</p>
          <p>Who owns a tenant with other people in it hands it over first.</p>
        </EraseDialog>
      )}
    </Page>
  );
}

interface CardProps {
  readonly tenant: TenantInView;
  readonly names: ReadonlyMap<string, string>;
}

function TenantCard({ tenant: { tenantId, name }, names }: CardProps) {
  const { call, reloadViewer } = useConsole();
  const [isErasing, setErasing] = useState(false);
  return (
    <section class="card" aria-labelledby={tenantId}>
      <h2 id={tenantId}>{name}</h2>
      <p class="quiet">All that is kept of this tenant and its people, as a file.</p>
      <div class="buttons">
        <ExportButton
          fileName={`seatlease-${tenantId}.json`}
          label={`Download the data of ${name}`}
          read={() => call('gdprExportTenant', { params: { tenant_id: tenantId } })}
        />
        <Button kind="danger" onClick={() => setErasing(true)}>
          Erase {name}
        </Button>
      </div>
      {isErasing && (
        <EraseDialog
          title={`Erase ${name}?`}
          tenantId={tenantId}
          names={names}
          onClose={() => setErasing(false)}
          onErased={reloadViewer}
        >
          <p>Its licenses end, its seats come back, and its subscriptions are ended at once.</p>
          <p>Its people keep their accounts.</p>
        </EraseDialog>
      )}
    </section>
  );
}
