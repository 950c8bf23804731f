import type { Member } from '../../../sdk/src/api.ts';
import { useConsole } from '../console.ts';
import { Confirm } from '../ui/confirm.tsx';
import type { TenantInView } from '../viewer.ts';
import { ROLES } from './roles.ts';

interface DialogProps {
  readonly tenant: TenantInView;
  readonly member: Member;
  onDone(): void;
  onClose(): void;
}

const DELAY = 'The change takes effect within 15 minutes.';

export function RoleDialog({ tenant, member, onDone, onClose }: DialogProps) {
  const { call } = useConsole();
  const role = member.role === 'admin' ? 'member' : 'admin';
  const { name, allows } = ROLES[role];
  return (
    <Confirm
      title={`Make ${nameOf(member)} ${role === 'admin' ? 'an admin' : 'a member'}?`}
      verb={`Make ${name.toLowerCase()}`}
      kind={role === 'admin' ? 'primary' : 'danger'}
      onClose={onClose}
      act={async () => {
        await call('tenantsChangeRole', { params: paramsOf(tenant, member), body: { role } });
        onDone();
      }}
    >
      <p>
        {allows} {DELAY}
      </p>
    </Confirm>
  );
}

export function TransferDialog({ tenant, member, onDone, onClose }: DialogProps) {
  const { call } = useConsole();
  const { tenantId, name, role } = tenant;
  return (
    <Confirm
      title={`Offer the ownership of ${name} to ${nameOf(member)}?`}
      verb="Offer ownership"
      onClose={onClose}
      act={async () => {
        await call('tenantsTransfer', {
          params: { tenant_id: tenantId },
          body: { user_id: member.user_id },
        });
        onDone();
      }}
    >
      <p>
        The member can accept within 14 days. Then{' '}
        {role === 'owner' ? 'you become' : 'the current owner becomes'} an admin, and only the new owner can
        transfer it back. Until then nothing changes, and you can withdraw the offer.
      </p>
    </Confirm>
  );
}

export function WithdrawDialog({ tenant, member, onDone, onClose }: DialogProps) {
  const { call } = useConsole();
  return (
    <Confirm
      title={`Withdraw the offer to ${nameOf(member)}?`}
      verb="Withdraw offer"
      onClose={onClose}
      act={async () => {
        await call('tenantsWithdrawTransfer', { params: { tenant_id: tenant.tenantId } });
        onDone();
      }}
    >
      <p>The owner of {tenant.name} stays the owner.</p>
    </Confirm>
  );
}

export function RemoveDialog({ tenant, member, onDone, onClose }: DialogProps) {
  const { call } = useConsole();
  return (
    <Confirm
      title={`Remove ${nameOf(member)} from ${tenant.name}?`}
      verb="Remove member"
      onClose={onClose}
      act={async () => {
        await call('tenantsRemove', { params: paramsOf(tenant, member) });
        onDone();
      }}
    >
      <p>
        Seats that the member acquired by signing in are no longer extended. License keys that the member
        knows stay valid: rotate these keys. Invitations that the member made are withdrawn. You can invite
        the member again.
      </p>
    </Confirm>
  );
}

interface LeaveProps extends Omit<DialogProps, 'member'> {
  readonly userId: string;
}

export function LeaveDialog({ tenant, userId, onDone, onClose }: LeaveProps) {
  const { call } = useConsole();
  return (
    <Confirm
      title={`Leave ${tenant.name}?`}
      verb="Leave tenant"
      onClose={onClose}
      act={async () => {
        await call('tenantsRemove', { params: { tenant_id: tenant.tenantId, user_id: userId } });
        onDone();
      }}
    >
      <p>Your seats of {tenant.name} are no longer extended. You need an invitation to join again.</p>
    </Confirm>
  );
}

function nameOf({ name, email }: Member): string {
  return name || email;
}

function paramsOf({ tenantId }: TenantInView, { user_id }: Member) {
  return { tenant_id: tenantId, user_id };
}
