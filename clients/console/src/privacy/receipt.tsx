import type { ErasureReceipt } from '../../../sdk/src/api.ts';
import { Alert, Notice } from '../ui/alert.tsx';
import { Button } from '../ui/button.tsx';
import { CopyButton } from '../ui/copy.tsx';
import { Moment } from '../ui/moment.tsx';
import { useAction } from '../ui/use-action.ts';

const COUNTED: Readonly<Record<keyof ErasureReceipt['erased'], string>> = {
  users: 'People',
  tenants: 'Tenants closed',
  memberships: 'Memberships',
  invitations: 'Invitations',
  sign_ins: 'Sign-ins',
  sessions: 'Sessions ended',
  session_histories: 'Session histories without a name now',
  audit_events: 'Audit events without a name now',
};

interface ReceiptProps {
  readonly receipt: ErasureReceipt;
  /** Where it goes on by itself: asks how far it is. */
  onAskAgain(): Promise<void>;
  onClose(): void;
}

export function Receipt({ receipt, onAskAgain, onClose }: ReceiptProps) {
  const { erasure_id, requested_at, completed_at, erased } = receipt;
  const ask = useAction(onAskAgain);
  const counts = Object.entries(COUNTED).flatMap(([name, words]) => {
    const count = Object.entries(erased).find(([each]) => each === name)?.[1] ?? 0;
    return count > 0 ? [{ words, count }] : [];
  });
  return (
    <>
      {completed_at === null && (
        <Notice tone="warn">
          <p>There is much to delete: it goes on by itself.</p>
        </Notice>
      )}
      <dl class="facts">
        <dt>Receipt</dt>
        <dd>
          <code>{erasure_id}</code>
        </dd>
        <dt>Asked for</dt>
        <dd>
          <Moment at={requested_at} />
        </dd>
        <dt>Done</dt>
        <dd>{completed_at === null ? 'not yet' : <Moment at={completed_at} />}</dd>
      </dl>
      <ul class="counts">
        {counts.map(({ words, count }) => (
          <li key={words}>
            {words}: {count.toLocaleString('en')}
          </li>
        ))}
      </ul>
      {ask.problem && <Alert problem={ask.problem} />}
      <div class="buttons">
        {completed_at === null && (
          <Button busy={ask.isBusy} onClick={ask.run}>
            See how far it is
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
