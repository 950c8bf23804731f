import { useState } from 'preact/hooks';
import type { Tenant } from '../../../sdk/src/api.ts';
import { useConsole } from '../console.ts';
import { Alert } from '../ui/alert.tsx';
import { Button } from '../ui/button.tsx';
import { Loaded } from '../ui/loaded.tsx';
import { useAction } from '../ui/use-action.ts';
import { useLoad } from '../ui/use-load.ts';
import type { TenantInView } from '../viewer.ts';

/** Edits the tenant's name, and the domain whose users join without an invitation. */
export function TenantTerms({ tenant }: { readonly tenant: TenantInView }) {
  const { call } = useConsole();
  const params = { tenant_id: tenant.tenantId };
  const read = useLoad((signal) => call('tenantsRead', { params, signal }), [call, tenant.tenantId]);
  return (
    <section class="card part" aria-labelledby="tenant-terms">
      <h2 id="tenant-terms">Name and domain</h2>
      <Loaded of={read} render={(value) => <TermsForm key={value.tenant_id} tenant={value} />} />
    </section>
  );
}

function TermsForm({ tenant }: { readonly tenant: Tenant }) {
  const { call, reloadViewer } = useConsole();
  const [name, setName] = useState(tenant.name);
  const [domain, setDomain] = useState(tenant.join_domain ?? '');
  const [isSaved, setSaved] = useState(false);
  const save = useAction(async () => {
    const join_domain = domain.trim().toLowerCase() || null;
    // An unchanged domain is left out: the API accepts only the domain of the caller's own account.
    const isNewDomain = join_domain !== tenant.join_domain;
    await call('tenantsChange', {
      params: { tenant_id: tenant.tenant_id },
      body: { name: name.trim(), ...(isNewDomain && { join_domain }) },
    });
    setSaved(true);
    await reloadViewer();
  });
  const edit = (set: (value: string) => void) => (value: string) => {
    setSaved(false);
    set(value);
  };
  return (
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
          onInput={({ currentTarget }) => edit(setName)(currentTarget.value)}
        />
      </label>
      <label>
        Google Workspace domain for automatic joining
        <input
          autocomplete="off"
          placeholder="None"
          maxLength={253}
          value={domain}
          onInput={({ currentTarget }) => edit(setDomain)(currentTarget.value)}
        />
      </label>
      <p class="quiet small">
        It must be the domain of your own account. Users of this domain become members when they sign in for
        the first time.
      </p>
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
  );
}
