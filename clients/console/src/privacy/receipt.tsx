import type { ErasureReceipt } from '../../../sdk/src/api.ts';
import { Alert, Notice } from '../ui/alert.tsx';
import { Button } from '../ui/button.tsx';
import { CopyButton } from '../ui/copy.tsx';
import { Moment } from '../ui/moment.tsx';
import { useAction } from '../ui/use-action.ts';

const COUNT_LABELS: Readonly<Record<keyof ErasureReceipt['erased'], string>> = {
  users: 'Users deleted',
  tenants: 'Tenants closed',
  memberships: 'Memberships deleted',
  invitations: 'Invitations deleted',
  sign_ins: 'Sign-ins ended',
  sessions: 'Sessions ended',
  session_histories: 'Session histories made anonymous',
  audit_events: 'Audit events made anonymous',
};

interface ReceiptProps {
  readonly receipt: ErasureReceipt;
  /** Reads the progress of an erasure that is not complete. */
  onReload(): Promise<void>;
  onClose(): void;
}

export function Receipt({ receipt, onReload, onClose }: ReceiptProps) {
  const { erasure_id, requested_at, completed_at, erased, unreadable } = receipt;
  const reload = useAction(onReload);
  const counts = Object.entries(COUNT_LABELS).flatMap(([name, label]) => {
    const count = Object.entries(erased).find(([each]) => each === name)?.[1] ?? 0;
    return count > 0 ? [{ label, count }] : [];
  });
  return (
    <>
      {completed_at === null && (
        <Notice tone="warn">
          <p>The deletion continues in the background.</p>
        </Notice>
      )}
      {unreadable > 0 && (
        <Notice tone="warn">
          <p>
            Some entries of the audit log could not be read, and may still show you. Ask the vendor to repeat
            this.
          </p>
        </Notice>
      )}
      <dl class="facts">
        <dt>Receipt</dt>
        <dd>
          <code>{erasure_id}</code>
        </dd>
        <dt>Requested</dt>
        <dd>
          <Moment at={requested_at} />
        </dd>
        <dt>Completed</dt>
        <dd>{completed_at === null ? 'not yet' : <Moment at={completed_at} />}</dd>
      </dl>
      <ul class="counts">
        {counts.map(({ label, count }) => (
          <li key={label}>
            {label}: {count.toLocaleString('en')}
          </li>
        ))}
      </ul>
      {reload.problem && <Alert problem={reload.problem} />}
      <div class="buttons">
        {completed_at === null && (
          <Button busy={reload.isBusy} onClick={reload.run}>
            Check progress
          </Button>
        )}
        <CopyButton text={JSON.stringify(receipt, null, 2)} what="receipt" />
        <Button kind="primary" onClick={onClose}>
          Close
        </Button>
      </div>
    </>
  );
}
