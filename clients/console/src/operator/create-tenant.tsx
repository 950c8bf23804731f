import { useState } from 'preact/hooks';
import type { Tenant } from '../../../sdk/src/api.ts';
import { useConsole } from '../console.ts';
import { Alert } from '../ui/alert.tsx';
import { Button } from '../ui/button.tsx';
import { useAction } from '../ui/use-action.ts';
import { tenantHref } from '../viewer.ts';

/** Makes a tenant and lets its owner in. Where only the first came through, sending it again does the second alone. */
export function CreateTenant({ onCreated }: { onCreated(): void }) {
  const { call } = useConsole();
  const [name, setName] = useState('');
  const [email, setEmail] = useState('');
  const [withoutOwner, setWithoutOwner] = useState<Tenant>();
  const [made, setMade] = useState<{ readonly tenant: Tenant; readonly email: string }>();
  const create = useAction(async () => {
    setMade(undefined);
    let tenant = withoutOwner;
    if (!tenant) {
      tenant = await call('tenantsCreate', { body: { name: name.trim() } });
      setWithoutOwner(tenant);
      onCreated();
    }
    const owner = email.trim().toLowerCase();
    if (owner !== '') {
      await call('tenantsInvite', {
        params: { tenant_id: tenant.tenant_id },
        body: { email: owner, role: 'owner' },
      });
    }
    setWithoutOwner(undefined);
    setMade({ tenant, email: owner });
    setName('');
    setEmail('');
  });
  return (
    <section class="card part" aria-labelledby="new-tenant">
      <h2 id="new-tenant">New tenant</h2>
      <form
        class="row-form"
        onSubmit={(event) => {
          event.preventDefault();
          void create.run();
        }}
      >
        <label class="wide">
          Name
          <input
            required
            maxLength={100}
            autocomplete="off"
            readOnly={withoutOwner !== undefined}
            value={name}
            onInput={({ currentTarget }) => setName(currentTarget.value)}
          />
        </label>
        <label class="wide">
          E-mail address of its owner
          <input
            type="email"
            autocomplete="off"
            value={email}
            onInput={({ currentTarget }) => setEmail(currentTarget.value)}
          />
        </label>
        <Button type="submit" kind="primary" busy={create.isBusy}>
          {withoutOwner ? 'Invite the owner' : 'Make it'}
        </Button>
      </form>
      {create.problem && <Alert problem={create.problem} />}
      <p class="told" role="status">
        {made && (
          <>
            <a href={tenantHref(made.tenant.tenant_id, 'members')}>{made.tenant.name}</a> is there.{' '}
            {made.email !== '' && `Tell ${made.email} to sign in: no message is sent.`}
          </>
        )}
      </p>
    </section>
  );
}
