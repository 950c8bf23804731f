import { useState } from 'preact/hooks';
import type { Member } from '../../../sdk/src/api.ts';
import { useConsole } from '../console.ts';
import { BASE, navigate } from '../router.ts';
import { Button } from '../ui/button.tsx';
import { KeepFocus } from '../ui/keep-focus.tsx';
import { Moment } from '../ui/moment.tsx';
import { Paged } from '../ui/paged.tsx';
import { Table } from '../ui/table.tsx';
import { usePages } from '../ui/use-pages.ts';
import type { TenantInView } from '../viewer.ts';
import { LeaveDialog, RemoveDialog, RoleDialog, TransferDialog } from './member-dialogs.tsx';
import { mayChangeRoles, mayRemove, ROLE_WORDS } from './roles.ts';

type Deed = 'role' | 'transfer' | 'remove' | 'leave';

export function MemberList({ tenant }: { readonly tenant: TenantInView }) {
  const { call, viewer, reloadViewer } = useConsole();
  const [asked, setAsked] = useState<{ readonly deed: Deed; readonly member: Member }>();
  const members = usePages(
    async (query, signal) => {
      const page = await call('tenantsMembers', { params: { tenant_id: tenant.tenantId }, query, signal });
      return { rows: page.members, nextCursor: page.next_cursor };
    },
    [call, tenant.tenantId, tenant.role],
  );
  const close = (): void => setAsked(undefined);
  const dialog = asked && { tenant, member: asked.member, onClose: close };
  return (
    <section class="part" aria-labelledby="people">
      <h2 id="people">People</h2>
      <Paged
        of={members}
        empty={
          <div class="empty">
            <p>Nobody belongs to {tenant.name} yet. Whoever is invited first can be its owner.</p>
          </div>
        }
        render={(rows) => (
          <KeepFocus>
            <Table
              caption={<>Who belongs to {tenant.name}</>}
              columns={['Person', 'Role', 'Since']}
              buttons="Actions"
            >
              {rows.map((member) => (
                <Row
                  key={member.user_id}
                  member={member}
                  tenant={tenant}
                  isViewer={member.user_id === viewer.person?.user_id}
                  onAsk={(deed) => setAsked({ deed, member })}
                />
              ))}
            </Table>
          </KeepFocus>
        )}
      />
      {dialog && asked.deed === 'role' && <RoleDialog {...dialog} onDone={members.load.again} />}
      {dialog && asked.deed === 'remove' && <RemoveDialog {...dialog} onDone={members.load.again} />}
      {dialog && asked.deed === 'transfer' && (
        <TransferDialog
          {...dialog}
          onDone={() => {
            members.load.again();
            void reloadViewer();
          }}
        />
      )}
      {dialog && asked.deed === 'leave' && (
        <LeaveDialog
          tenant={tenant}
          userId={asked.member.user_id}
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
  readonly isViewer: boolean;
  onAsk(deed: Deed): void;
}

function Row({ member, tenant, isViewer, onAsk }: RowProps) {
  const { name, email, role, joined_at } = member;
  const isOwner = role === 'owner';
  const other = role === 'admin' ? 'member' : 'admin';
  const who = name || email;
  return (
    <tr>
      <th scope="row">
        {who} {isViewer && <span class="badge">You</span>}
        {name !== '' && <span class="second-line">{email}</span>}
      </th>
      <td data-label="Role">{ROLE_WORDS[role].name}</td>
      <td data-label="Since">
        <Moment at={joined_at} />
      </td>
      <td class="actions">
        {mayChangeRoles(tenant.role) && !isOwner && (
          <>
            <Button
              small
              label={`Make ${ROLE_WORDS[other].name.toLowerCase()}: ${who}`}
              onClick={() => onAsk('role')}
            >
              Make {ROLE_WORDS[other].name.toLowerCase()}
            </Button>
            <Button small label={`Make owner: ${who}`} onClick={() => onAsk('transfer')}>
              Make owner
            </Button>
          </>
        )}
        {isViewer && !isOwner && (
          <Button small onClick={() => onAsk('leave')}>
            Leave
          </Button>
        )}
        {!isViewer && mayRemove(tenant.role, role) && (
          <Button small label={`Remove ${who}`} onClick={() => onAsk('remove')}>
            Remove
          </Button>
        )}
      </td>
    </tr>
  );
}
