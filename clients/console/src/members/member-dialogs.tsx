import type { Member } from '../../../sdk/src/api.ts';
import { useConsole } from '../console.ts';
import { Confirm } from '../ui/confirm.tsx';
import type { TenantInView } from '../viewer.ts';
import { ROLE_WORDS } from './roles.ts';

interface DialogProps {
  readonly tenant: TenantInView;
  readonly member: Member;
  onDone(): void;
  onClose(): void;
}

const LATE = 'What they see in the console follows when they next load it, after 15 minutes at the latest.';

export function RoleDialog({ tenant, member, onDone, onClose }: DialogProps) {
  const { call } = useConsole();
  const role = member.role === 'admin' ? 'member' : 'admin';
  const { name, may } = ROLE_WORDS[role];
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
        {role === 'admin' ? 'An admin' : 'A member'} {may}. {LATE}
      </p>
    </Confirm>
  );
}

export function TransferDialog({ tenant, member, onDone, onClose }: DialogProps) {
  const { call } = useConsole();
  const { tenantId, name, role } = tenant;
  return (
    <Confirm
      title={`Make ${nameOf(member)} the owner of ${name}?`}
      verb="Hand it over"
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
        There is one owner.{' '}
        {role === 'owner' ? 'You stay as an admin' : 'Whoever it is now stays as an admin'}, and only the new
        owner can give it back.
      </p>
    </Confirm>
  );
}

export function RemoveDialog({ tenant, member, onDone, onClose }: DialogProps) {
  const { call } = useConsole();
  return (
    <Confirm
      title={`Remove ${nameOf(member)} from ${tenant.name}?`}
      verb="Remove"
      onClose={onClose}
      act={async () => {
        await call('tenantsRemove', { params: paramsOf(tenant, member) });
        onDone();
      }}
    >
      <p>
        The seats that they hold by their sign-in are not extended any more. A license key that they know
        stays good: make a new one if they should not use it. You can invite them again.
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
      verb="Leave"
      onClose={onClose}
      act={async () => {
        await call('tenantsRemove', { params: { tenant_id: tenant.tenantId, user_id: userId } });
        onDone();
      }}
    >
      <p>Your seats of {tenant.name} are not extended any more. To come back you have to be invited.</p>
    </Confirm>
  );
}

function nameOf({ name, email }: Member): string {
  return name || email;
}

function paramsOf({ tenantId }: TenantInView, { user_id }: Member) {
  return { tenant_id: tenantId, user_id };
}
