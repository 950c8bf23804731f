import { useState } from 'preact/hooks';
import type { Invitation } from '../../../sdk/src/api.ts';
import { useConsole } from '../console.ts';
import { Button } from '../ui/button.tsx';
import { Confirm } from '../ui/confirm.tsx';
import { KeepFocus } from '../ui/keep-focus.tsx';
import { Moment } from '../ui/moment.tsx';
import { Paged } from '../ui/paged.tsx';
import { Table } from '../ui/table.tsx';
import type { Pages } from '../ui/use-pages.ts';
import type { TenantInView } from '../viewer.ts';
import { ROLES } from './roles.ts';

interface InvitationsProps {
  readonly tenant: TenantInView;
  readonly of: Pages<Invitation>;
}

export function InvitationList({ tenant, of }: InvitationsProps) {
  const { call } = useConsole();
  const [withdrawing, setWithdrawing] = useState<Invitation>();
  return (
    <section class="part" aria-labelledby="invitations">
      <h2 id="invitations">Invitations</h2>
      <Paged
        of={of}
        empty={<p class="quiet">No open invitations. Invite a member above.</p>}
        render={(rows) => (
          <KeepFocus>
            <Table
              caption="Open invitations"
              columns={['E-mail address', 'Role', 'Valid until']}
              buttons="Action"
            >
              {rows.map((invitation) => (
                <tr key={invitation.invitation_id}>
                  <th scope="row">{invitation.email}</th>
                  <td data-label="Role">{ROLES[invitation.role].name}</td>
                  <td data-label="Valid until">
                    <Moment at={invitation.expires_at} />
                  </td>
                  <td class="actions">
                    <Button
                      small
                      label={`Withdraw the invitation for ${invitation.email}`}
                      onClick={() => setWithdrawing(invitation)}
                    >
                      Withdraw
                    </Button>
                  </td>
                </tr>
              ))}
            </Table>
          </KeepFocus>
        )}
      />
      {withdrawing && (
        <Confirm
          title={`Withdraw the invitation for ${withdrawing.email}?`}
          verb="Withdraw invitation"
          onClose={() => setWithdrawing(undefined)}
          act={async () => {
            const { invitation_id } = withdrawing;
            await call('tenantsWithdraw', { params: { tenant_id: tenant.tenantId, invitation_id } });
            of.load.again();
          }}
        >
          <p>The user can no longer join with this invitation. You can invite them again.</p>
        </Confirm>
      )}
    </section>
  );
}
