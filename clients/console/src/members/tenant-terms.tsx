import { useState } from 'preact/hooks';
import type { Tenant } from '../../../sdk/src/api.ts';
import { useConsole } from '../console.ts';
import { Alert } from '../ui/alert.tsx';
import { Button } from '../ui/button.tsx';
import { useAction } from '../ui/use-action.ts';

/** Edits the tenant's name. */
export function TenantTerms({ tenant }: { readonly tenant: Tenant }) {
  const { call, reloadViewer } = useConsole();
  const [name, setName] = useState(tenant.name);
  const [isSaved, setSaved] = useState(false);
  const save = useAction(async () => {
    await call('tenantsChange', { params: { tenant_id: tenant.tenant_id }, body: { name: name.trim() } });
    setSaved(true);
    await reloadViewer();
  });
  return (
    <section class="card part" aria-labelledby="tenant-terms">
      <h2 id="tenant-terms">Name</h2>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void save.run();
        }}
      >
        <label>
          Name
          <input
            required
            maxLength={100}
            value={name}
            onInput={({ currentTarget }) => {
              setSaved(false);
              setName(currentTarget.value);
            }}
          />
        </label>
        {save.problem && <Alert problem={save.problem} />}
        <div class="buttons">
          <Button type="submit" busy={save.isBusy}>
            Save changes
          </Button>
          <p class="result" role="status">
            {isSaved && 'Saved.'}
          </p>
        </div>
      </form>
    </section>
  );
}
