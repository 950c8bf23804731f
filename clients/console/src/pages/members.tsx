import { useState } from 'preact/hooks';
import type { Invitation } from '../../../sdk/src/api.ts';
import { useConsole } from '../console.ts';
import { InviteDialog } from '../members/invite-dialog.tsx';
import { MemberTable } from '../members/member-table.tsx';
import { ROLE_WORDS } from '../members/roles.ts';
import type { TenantPageProps } from '../pages.ts';
import { Alert } from '../ui/alert.tsx';
import { Button } from '../ui/button.tsx';
import { Moment } from '../ui/moment.tsx';
import { Page } from '../ui/page.tsx';
import { Paged } from '../ui/paged.tsx';
import { useAction } from '../ui/use-action.ts';
import { usePages } from '../ui/use-pages.ts';

export function MembersPage({ tenant }: TenantPageProps) {
  const { call, reloadViewer } = useConsole();
  const [isInviting, setInviting] = useState(false);
  const params = { tenant_id: tenant.tenantId };
  const members = usePages(
    async (cursor, signal) => {
      const page = await call('tenantsMembers', { params, query: cursor, signal });
      return { rows: page.members, nextCursor: page.next_cursor };
    },
    [call, tenant.tenantId],
  );
  const invitations = usePages(
    async (cursor, signal) => {
      const page = await call('tenantsInvitations', { params, query: cursor, signal });
      return { rows: page.invitations, nextCursor: page.next_cursor };
    },
    [call, tenant.tenantId],
  );
  return (
    <Page
      title="Members"
      of={tenant.name}
      aside={
        <Button kind="primary" onClick={() => setInviting(true)}>
          Invite somebody
        </Button>
      }
    >
      <Paged
        of={members}
        empty={
          <div class="empty">
            <h2>Nobody yet</h2>
            <p>Whoever is invited is here once they have signed in.</p>
          </div>
        }
        render={(rows) => (
          <MemberTable
            tenant={tenant}
            members={rows}
            onChanged={(self) => {
              if (self) void reloadViewer();
              else members.load.again();
            }}
          />
        )}
      />
      <h2 class="section">Invitations</h2>
      <Paged
        of={invitations}
        empty={<p class="quiet">Nobody is invited who has not come yet.</p>}
        render={(rows) => (
          <ul class="card rows">
            {rows.map((invitation) => (
              <InvitationRow
                key={invitation.invitation_id}
                tenantId={tenant.tenantId}
                invitation={invitation}
                onGone={invitations.load.again}
              />
            ))}
          </ul>
        )}
      />
      {isInviting && (
        <InviteDialog
          tenant={tenant}
          hasOwner={members.rows.some(({ role }) => role === 'owner')}
          onClose={() => setInviting(false)}
          onInvited={() => {
            setInviting(false);
            invitations.load.again();
          }}
        />
      )}
    </Page>
  );
}

interface InvitationProps {
  readonly tenantId: string;
  readonly invitation: Invitation;
  onGone(): void;
}

function InvitationRow({ tenantId, invitation, onGone }: InvitationProps) {
  const { call } = useConsole();
  const { invitation_id, email, role, expires_at } = invitation;
  const withdraw = useAction(async () => {
    await call('tenantsWithdraw', { params: { tenant_id: tenantId, invitation_id } });
    onGone();
  });
  return (
    <li>
      <div>
        {email}, as {ROLE_WORDS[role].toLowerCase()}
        <span class="second-line">
          good until <Moment at={expires_at} />
        </span>
        {withdraw.problem && <Alert problem={withdraw.problem} />}
      </div>
      <Button small label={`Withdraw: ${email}`} busy={withdraw.isBusy} onClick={withdraw.run}>
        Withdraw
      </Button>
    </li>
  );
}
