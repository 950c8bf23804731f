import { useState } from 'preact/hooks';
import { useConsole } from '../console.ts';
import { Alert } from '../ui/alert.tsx';
import { Button } from '../ui/button.tsx';
import { Dialog } from '../ui/dialog.tsx';
import { useAction } from '../ui/use-action.ts';

interface NewTenantProps {
  onClose(): void;
  onMade(): void;
}

/** A tenant for a new customer, and an invitation for whoever will own it. */
export function NewTenantDialog({ onClose, onMade }: NewTenantProps) {
  const { call } = useConsole();
  const [name, setName] = useState('');
  const [owner, setOwner] = useState('');
  const [madeId, setMadeId] = useState<string>();
  const make = useAction(async () => {
    // Where only the invitation failed, trying again must not make a second tenant.
    const tenantId = madeId ?? (await call('tenantsCreate', { body: { name: name.trim() } })).tenant_id;
    setMadeId(tenantId);
    const email = owner.trim().toLowerCase();
    if (email !== '') {
      await call('tenantsInvite', { params: { tenant_id: tenantId }, body: { email, role: 'owner' } });
    }
    onMade();
  });
  return (
    <Dialog title="A new tenant" onClose={onClose}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void make.run();
        }}
      >
        <label>
          Name
          <input
            required
            maxLength={100}
            readOnly={madeId !== undefined}
            value={name}
            onInput={({ currentTarget }) => setName(currentTarget.value)}
          />
        </label>
        <label>
          E-mail address of its owner
          <input
            type="email"
            autocomplete="off"
            value={owner}
            onInput={({ currentTarget }) => setOwner(currentTarget.value)}
          />
        </label>
        <p class="quiet small">
          The owner is let in when they next sign in with that address, within 14 days.
        </p>
        {make.problem && <Alert problem={make.problem} />}
        <div class="buttons">
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" kind="primary" busy={make.isBusy}>
            Make the tenant
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
