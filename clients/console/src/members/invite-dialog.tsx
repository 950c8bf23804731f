import { useState } from 'preact/hooks';
import type { Member } from '../../../sdk/src/api.ts';
import { useConsole } from '../console.ts';
import { Alert } from '../ui/alert.tsx';
import { Button } from '../ui/button.tsx';
import { Dialog } from '../ui/dialog.tsx';
import { useAction } from '../ui/use-action.ts';
import type { TenantInView } from '../viewer.ts';
import { invitableRoles, ROLE_WORDS } from './roles.ts';

interface InviteProps {
  readonly tenant: TenantInView;
  readonly hasOwner: boolean;
  onClose(): void;
  onInvited(): void;
}

export function InviteDialog({
  tenant: { tenantId, name, role },
  hasOwner,
  onClose,
  onInvited,
}: InviteProps) {
  const { call } = useConsole();
  const roles = invitableRoles(role, hasOwner);
  const [email, setEmail] = useState('');
  const [as, setAs] = useState<Member['role']>('member');
  const invite = useAction(async () => {
    const body = { email: email.trim().toLowerCase(), role: as };
    await call('tenantsInvite', { params: { tenant_id: tenantId }, body });
    onInvited();
  });
  return (
    <Dialog title={`Invite somebody to ${name}`} onClose={onClose}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void invite.run();
        }}
      >
        <label>
          E-mail address
          <input
            type="email"
            required
            autocomplete="off"
            value={email}
            onInput={({ currentTarget }) => setEmail(currentTarget.value)}
          />
        </label>
        <label>
          As
          <select
            value={as}
            onChange={({ currentTarget }) => setAs(roles.find((one) => one === currentTarget.value) ?? as)}
          >
            {roles.map((one) => (
              <option key={one} value={one}>
                {ROLE_WORDS[one]}
              </option>
            ))}
          </select>
        </label>
        <p class="quiet small">
          Nobody is written to: tell them to sign in with that address, within 14 days. They are in then.
        </p>
        {invite.problem && <Alert problem={invite.problem} />}
        <div class="buttons">
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" kind="primary" busy={invite.isBusy}>
            Invite
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
