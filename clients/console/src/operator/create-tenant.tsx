import { useState } from 'preact/hooks';
import type { Tenant } from '../../../sdk/src/api.ts';
import { Alert } from '../ui/alert.tsx';
import { Button } from '../ui/button.tsx';
import { useAction } from '../ui/use-action.ts';
import { useCreate } from '../use-create.ts';
import { tenantHref } from '../viewer.ts';

/** Creates a tenant and invites its owner. If only the invitation fails, a retry sends only the invitation. */
export function CreateTenant({ onCreated }: { onCreated(): void }) {
  const send = useCreate();
  const [name, setName] = useState('');
  const [email, setEmail] = useState('');
  const [withoutOwner, setWithoutOwner] = useState<Tenant>();
  const [created, setCreated] = useState<{ readonly tenant: Tenant; readonly email: string }>();
  const create = useAction(async () => {
    setCreated(undefined);
    let tenant = withoutOwner;
    if (!tenant) {
      tenant = await send('tenantsCreate', { body: { name: name.trim() } });
      setWithoutOwner(tenant);
      onCreated();
    }
    const owner = email.trim().toLowerCase();
    if (owner !== '') {
      await send('tenantsInvite', {
        params: { tenant_id: tenant.tenant_id },
        body: { email: owner, role: 'owner' },
      });
    }
    setWithoutOwner(undefined);
    setCreated({ tenant, email: owner });
    setName('');
    setEmail('');
  });
  return (
    <section class="card part" aria-labelledby="new-tenant">
      <h2 id="new-tenant">Create a tenant</h2>
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
          E-mail address of the owner
          <input
            type="email"
            autocomplete="off"
            value={email}
            onInput={({ currentTarget }) => setEmail(currentTarget.value)}
          />
        </label>
        <Button type="submit" kind="primary" busy={create.isBusy}>
          {withoutOwner ? 'Invite owner' : 'Create tenant'}
        </Button>
      </form>
      {create.problem && <Alert problem={create.problem} />}
      <p class="result" role="status">
        {created && (
          <>
            <a href={tenantHref(created.tenant.tenant_id, 'members')}>{created.tenant.name}</a> is created.{' '}
            {created.email !== '' && `Ask ${created.email} to sign in: no e-mail is sent.`}
          </>
        )}
      </p>
    </section>
  );
}
