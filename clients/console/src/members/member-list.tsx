import { useState } from 'preact/hooks';
import type { Member, Tenant } from '../../../sdk/src/api.ts';
import { useConsole } from '../console.ts';
import { BASE, navigate } from '../router.ts';
import { Button } from '../ui/button.tsx';
import { KeepFocus } from '../ui/keep-focus.tsx';
import { Moment } from '../ui/moment.tsx';
import { Paged } from '../ui/paged.tsx';
import { Table } from '../ui/table.tsx';
import { usePages } from '../ui/use-pages.ts';
import type { TenantInView } from '../viewer.ts';
import { LeaveDialog, RemoveDialog, RoleDialog, TransferDialog, WithdrawDialog } from './member-dialogs.tsx';
import { canChangeRoles, canRemove, ROLES } from './roles.ts';

type MemberAction = 'role' | 'transfer' | 'withdraw' | 'remove' | 'leave';

interface ListProps {
  readonly tenant: TenantInView;
  /** The open offer of the ownership, if there is one. */
  readonly transfer: Tenant['transfer'];
  /** The ownership was offered, or the offer withdrawn. */
  onTransfer(): void;
}

export function MemberList({ tenant, transfer, onTransfer }: ListProps) {
  const { call, viewer, reloadViewer } = useConsole();
  const [chosen, setChosen] = useState<{ readonly action: MemberAction; readonly member: Member }>();
  const members = usePages(
    async (query, signal) => {
      const page = await call('tenantsMembers', { params: { tenant_id: tenant.tenantId }, query, signal });
      return { rows: page.members, nextCursor: page.next_cursor };
    },
    [call, tenant.tenantId, tenant.role],
  );
  const close = (): void => setChosen(undefined);
  const dialog = chosen && { tenant, member: chosen.member, onClose: close };
  return (
    <section class="part" aria-labelledby="members">
      <h2 id="members">Current members</h2>
      <Paged
        of={members}
        empty={
          <div class="empty">
            <p>{tenant.name} has no members yet. Invite its owner below.</p>
          </div>
        }
        render={(rows) => (
          <KeepFocus>
            <Table
              caption={<>Members of {tenant.name}</>}
              columns={['Member', 'Role', 'Joined']}
              buttons="Actions"
            >
              {rows.map((member) => (
                <Row
                  key={member.user_id}
                  member={member}
                  tenant={tenant}
                  isOffered={member.user_id === transfer?.user_id}
                  isViewer={member.user_id === viewer.user?.user_id}
                  onChoose={(action) => setChosen({ action, member })}
                />
              ))}
            </Table>
          </KeepFocus>
        )}
      />
      {dialog && chosen.action === 'role' && <RoleDialog {...dialog} onDone={members.load.again} />}
      {dialog && chosen.action === 'remove' && <RemoveDialog {...dialog} onDone={members.load.again} />}
      {dialog && chosen.action === 'transfer' && <TransferDialog {...dialog} onDone={onTransfer} />}
      {dialog && chosen.action === 'withdraw' && <WithdrawDialog {...dialog} onDone={onTransfer} />}
      {dialog && chosen.action === 'leave' && (
        <LeaveDialog
          tenant={tenant}
          userId={chosen.member.user_id}
          onClose={close}
          onDone={() => void reloadViewer().then(() => navigate(`${BASE}/`, 'replace'))}
        />
      )}
    </section>
  );
}

interface RowProps {
  readonly member: Member;
  readonly tenant: TenantInView;
  /** Whether the ownership is offered to the member. */
  readonly isOffered: boolean;
  readonly isViewer: boolean;
  onChoose(action: MemberAction): void;
}

function Row({ member, tenant, isOffered, isViewer, onChoose }: RowProps) {
  const { name, email, role, joined_at } = member;
  const isOwner = role === 'owner';
  const other = role === 'admin' ? 'member' : 'admin';
  const who = name || email;
  return (
    <tr>
      <th scope="row">
        {who} {isViewer && <span class="badge">You</span>}
        {isOffered && <span class="badge">Ownership offered</span>}
        {name !== '' && <span class="second-line">{email}</span>}
      </th>
      <td data-label="Role">{ROLES[role].name}</td>
      <td data-label="Joined">
        <Moment at={joined_at} />
      </td>
      <td class="actions">
        {canChangeRoles(tenant.role) && !isOwner && (
          <>
            <Button
              small
              label={`Make ${ROLES[other].name.toLowerCase()}: ${who}`}
              onClick={() => onChoose('role')}
            >
              Make {ROLES[other].name.toLowerCase()}
            </Button>
            {isOffered ? (
              <Button small label={`Withdraw offer: ${who}`} onClick={() => onChoose('withdraw')}>
                Withdraw offer
              </Button>
            ) : (
              <Button small label={`Offer ownership: ${who}`} onClick={() => onChoose('transfer')}>
                Offer ownership
              </Button>
            )}
          </>
        )}
        {isViewer && !isOwner && (
          <Button small onClick={() => onChoose('leave')}>
            Leave tenant
          </Button>
        )}
        {!isViewer && canRemove(tenant.role, role) && (
          <Button small label={`Remove ${who}`} onClick={() => onChoose('remove')}>
            Remove
          </Button>
        )}
      </td>
    </tr>
  );
}
