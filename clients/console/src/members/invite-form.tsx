import { useState } from 'preact/hooks';
import { Alert } from '../ui/alert.tsx';
import { Button } from '../ui/button.tsx';
import { useAction } from '../ui/use-action.ts';
import { useCreate } from '../use-create.ts';
import type { TenantInView } from '../viewer.ts';
import { invitable, type MemberRole, ROLES } from './roles.ts';

interface InviteProps {
  readonly tenant: TenantInView;
  onInvited(): void;
}

/** Invites a member. The server sends no e-mail, so the form asks the admin to notify the member. */
export function InviteForm({ tenant, onInvited }: InviteProps) {
  const create = useCreate();
  const roles = invitable(tenant.role);
  const [email, setEmail] = useState('');
  const [role, setRole] = useState<MemberRole>('member');
  const [invited, setInvited] = useState('');
  const invite = useAction(async () => {
    setInvited('');
    await create('tenantsInvite', {
      params: { tenant_id: tenant.tenantId },
      body: { email: email.trim().toLowerCase(), role },
    });
    setInvited(email.trim());
    setEmail('');
    onInvited();
  });
  return (
    <section class="card part" aria-labelledby="invite">
      <h2 id="invite">Invite a member</h2>
      <form
        class="row-form"
        onSubmit={(event) => {
          event.preventDefault();
          void invite.run();
        }}
      >
        <label class="wide">
          E-mail address
          <input
            type="email"
            autocomplete="off"
            required
            maxLength={254}
            value={email}
            onInput={({ currentTarget }) => setEmail(currentTarget.value)}
          />
        </label>
        <label>
          Role
          <select
            value={role}
            onChange={({ currentTarget }) =>
              setRole(roles.find((each) => each === currentTarget.value) ?? 'member')
            }
          >
            {roles.map((each) => (
              <option key={each} value={each}>
                {ROLES[each].name}
              </option>
            ))}
          </select>
        </label>
        <Button type="submit" kind="primary" busy={invite.isBusy}>
          Invite member
        </Button>
      </form>
      <p class="quiet small footnote">{ROLES[role].allows}</p>
      {invite.problem && <Alert problem={invite.problem} />}
      <p class="result" role="status">
        {invited !== '' &&
          `${invited} is invited. Ask them to sign in at ${location.origin} with that address and accept: no e-mail is sent.`}
      </p>
    </section>
  );
}
