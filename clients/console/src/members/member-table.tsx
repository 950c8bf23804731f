import { useState } from 'preact/hooks';
import type { Member } from '../../../sdk/src/api.ts';
import { useConsole } from '../console.ts';
import { Button } from '../ui/button.tsx';
import { Confirm } from '../ui/confirm.tsx';
import { Moment } from '../ui/moment.tsx';
import type { TenantInView } from '../viewer.ts';
import { type Powers, powersOver, ROLE_WORDS } from './roles.ts';

type Step = 'role' | 'transfer' | 'remove';

interface MemberTableProps {
  readonly tenant: TenantInView;
  readonly members: readonly Member[];
  /** `self`: the viewer's own standing is another now. */
  onChanged(self: boolean): void;
}

export function MemberTable({ tenant, members, onChanged }: MemberTableProps) {
  const { viewer } = useConsole();
  const [asked, setAsked] = useState<{ readonly step: Step; readonly member: Member }>();
  const selfId = viewer.person?.user_id;
  return (
    <div class="table-frame">
      <table class="cards">
        <caption class="sr-only">Members</caption>
        <thead>
          <tr>
            <th scope="col">Name</th>
            <th scope="col">Address</th>
            <th scope="col">Role</th>
            <th scope="col">Since</th>
            <th scope="col">
              <span class="sr-only">Actions</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {members.map((member) => (
            <tr key={member.user_id}>
              <th scope="row">
                {member.name} {member.user_id === selfId && <span class="badge">You</span>}
              </th>
              <td data-label="Address">{member.email}</td>
              <td data-label="Role">{ROLE_WORDS[member.role]}</td>
              <td data-label="Since">
                <Moment at={member.joined_at} />
              </td>
              <td class="actions">
                <Actions
                  member={member}
                  isSelf={member.user_id === selfId}
                  powers={powersOver(member, member.user_id === selfId, tenant.role)}
                  onAsk={(step) => setAsked({ step, member })}
                />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      {asked && (
        <Question
          {...asked}
          tenant={tenant}
          isSelf={asked.member.user_id === selfId}
          onClose={() => setAsked(undefined)}
          onChanged={onChanged}
        />
      )}
    </div>
  );
}

interface ActionsProps {
  readonly member: Member;
  readonly isSelf: boolean;
  readonly powers: Powers;
  onAsk(step: Step): void;
}

function Actions({ member: { name, role }, isSelf, powers, onAsk }: ActionsProps) {
  const nextRole = role === 'admin' ? 'Make member' : 'Make admin';
  return (
    <>
      {powers.canChangeRole && (
        <Button small label={`${nextRole}: ${name}`} onClick={() => onAsk('role')}>
          {nextRole}
        </Button>
      )}
      {powers.canTransfer && (
        <Button small label={`Make owner: ${name}`} onClick={() => onAsk('transfer')}>
          Make owner
        </Button>
      )}
      {powers.canRemove && (
        <Button small label={isSelf ? 'Leave' : `Remove ${name}`} onClick={() => onAsk('remove')}>
          {isSelf ? 'Leave' : 'Remove'}
        </Button>
      )}
    </>
  );
}

interface QuestionProps {
  readonly step: Step;
  readonly member: Member;
  readonly tenant: TenantInView;
  readonly isSelf: boolean;
  onClose(): void;
  onChanged(self: boolean): void;
}

function Question({ step, member, tenant, isSelf, onClose, onChanged }: QuestionProps) {
  const { call } = useConsole();
  const { user_id, name } = member;
  const tenant_id = tenant.tenantId;
  switch (step) {
    case 'role': {
      const role = member.role === 'admin' ? 'member' : 'admin';
      return (
        <Confirm
          title={`Make ${name} ${role === 'admin' ? 'an admin' : 'a member'}?`}
          verb={role === 'admin' ? 'Make admin' : 'Make member'}
          kind="primary"
          onClose={onClose}
          act={async () => {
            await call('tenantsChangeRole', { params: { tenant_id, user_id }, body: { role } });
            onChanged(isSelf);
          }}
        >
          <p>
            {role === 'admin'
              ? 'Admins see who holds the seats, take seats away, invite people and buy seats.'
              : 'Members take seats, and see no more than that.'}
          </p>
        </Confirm>
      );
    }
    case 'transfer':
      return (
        <Confirm
          title={`Hand ${tenant.name} over to ${name}?`}
          verb="Hand over"
          onClose={onClose}
          act={async () => {
            await call('tenantsTransfer', { params: { tenant_id }, body: { user_id } });
            onChanged(tenant.role === 'owner');
          }}
        >
          <p>They will own it. The owner before stays as an admin, and cannot take it back.</p>
        </Confirm>
      );
    case 'remove':
      return (
        <Confirm
          title={isSelf ? `Leave ${tenant.name}?` : `Remove ${name}?`}
          verb={isSelf ? 'Leave' : 'Remove'}
          onClose={onClose}
          act={async () => {
            await call('tenantsRemove', { params: { tenant_id, user_id } });
            onChanged(isSelf);
          }}
        >
          <p>
            {isSelf
              ? 'You lose your seats with the next heartbeat.'
              : 'They lose their seats with the next heartbeat.'}
          </p>
        </Confirm>
      );
  }
}
