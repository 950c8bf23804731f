import { useState } from 'preact/hooks';
import type { License } from '../../../sdk/src/api.ts';
import { useConsole } from '../console.ts';
import { NewKey } from '../licenses/new-key.tsx';
import { CreateLicense } from '../operator/create-license.tsx';
import { OperatorLicenseTable } from '../operator/license-table.tsx';
import { ResizeDialog } from '../operator/resize-dialog.tsx';
import { StatusDialog } from '../operator/status-dialog.tsx';
import { useQueryValue } from '../router.ts';
import { Button } from '../ui/button.tsx';
import { KeepFocus } from '../ui/keep-focus.tsx';
import { Page } from '../ui/page.tsx';
import { Paged } from '../ui/paged.tsx';
import { usePages } from '../ui/use-pages.ts';

export function OperatorLicensesPage() {
  const { call } = useConsole();
  const [tenantId, setTenantId] = useQueryValue('tenant');
  const [newKey, setNewKey] = useState<string>();
  const [chosen, setChosen] = useState<{ readonly action: 'resize' | 'status'; readonly license: License }>();
  const licenses = usePages(
    async (cursor, signal) => {
      const query = { ...(tenantId !== '' && { tenant_id: tenantId }), ...cursor };
      const page = await call('licensesList', { query, signal });
      return { rows: page.licenses, nextCursor: page.next_cursor };
    },
    [call, tenantId],
  );
  const dialog = chosen && {
    license: chosen.license,
    onDone: licenses.load.again,
    onClose: () => setChosen(undefined),
  };
  return (
    <Page
      title="All licenses"
      of="Operator"
      aside={
        tenantId !== '' && (
          <div class="chosen">
            Licenses of tenant <code>{tenantId}</code>
            <Button small onClick={() => setTenantId('')}>
              Show all licenses
            </Button>
          </div>
        )
      }
    >
      <CreateLicense
        key={tenantId}
        tenantId={tenantId}
        onCreated={(key) => {
          setNewKey(key);
          licenses.load.again();
        }}
      />
      <Paged
        of={licenses}
        empty={
          <div class="empty">
            <p>
              {tenantId === '' ? 'No licenses yet.' : 'This tenant has no licenses yet.'} Create one above.
            </p>
          </div>
        }
        render={(rows) => (
          <KeepFocus>
            <OperatorLicenseTable
              licenses={rows}
              onChoose={(action, license) => setChosen({ action, license })}
            />
          </KeepFocus>
        )}
      />
      {newKey !== undefined && <NewKey licenseKey={newKey} onClose={() => setNewKey(undefined)} />}
      {dialog && chosen.action === 'resize' && <ResizeDialog {...dialog} />}
      {dialog && chosen.action === 'status' && <StatusDialog {...dialog} />}
    </Page>
  );
}
