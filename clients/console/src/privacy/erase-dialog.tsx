import { useState } from 'preact/hooks';
import type { ErasurePlan, ErasureReceipt } from '../../../sdk/src/api.ts';
import { useConsole } from '../console.ts';
import { dateAndTime } from '../time.ts';
import { Alert } from '../ui/alert.tsx';
import { Button } from '../ui/button.tsx';
import { Dialog } from '../ui/dialog.tsx';
import { Loaded } from '../ui/loaded.tsx';
import { useAction } from '../ui/use-action.ts';
import { useLoad } from '../ui/use-load.ts';
import { Receipt } from './receipt.tsx';

export interface Target {
  /** What to erase; empty for the caller. */
  readonly body: { readonly user_id?: string; readonly tenant_id?: string };
  readonly title: string;
  /** The text that the user must type to confirm. */
  readonly name: string;
  /** Names of the tenants that may be erased too, by id. */
  readonly tenantNames: ReadonlyMap<string, string>;
}

interface EraseProps {
  readonly target: Target;
  /** Called when the dialog is closed after the erasure. */
  onErased(): void;
  onClose(): void;
}

/** Erases personal data: shows what it would erase, erases it once the name is typed, and shows the receipt. */
export function EraseDialog({ target, onErased, onClose }: EraseProps) {
  const { call } = useConsole();
  const [receipt, setReceipt] = useState<{ readonly of: ErasureReceipt; readonly token: string }>();
  const plan = useLoad((signal) => call('gdprDeleteAsk', { body: target.body, signal }), []);
  const confirm = async (token: string): Promise<void> => {
    const of = await call('gdprDeleteConfirm', { body: { confirmation_token: token } });
    setReceipt({ of, token });
  };
  const close = receipt ? onErased : onClose;
  return (
    <Dialog title={receipt ? 'Deleted' : target.title} onClose={close}>
      {receipt ? (
        <Receipt receipt={receipt.of} onReload={() => confirm(receipt.token)} onClose={close} />
      ) : (
        <Loaded
          of={plan}
          wrap={(shown) => (
            <>
              {shown}
              <div class="buttons">
                <Button onClick={onClose}>Cancel</Button>
              </div>
            </>
          )}
          render={(found) => (
            <ConfirmForm
              plan={found}
              target={target}
              onConfirm={() => confirm(found.confirmation_token)}
              onClose={onClose}
            />
          )}
        />
      )}
    </Dialog>
  );
}

interface ConfirmProps {
  readonly plan: ErasurePlan;
  readonly target: Target;
  onConfirm(): Promise<void>;
  onClose(): void;
}

function ConfirmForm({ plan, target, onConfirm, onClose }: ConfirmProps) {
  const [typed, setTyped] = useState('');
  const [isMismatch, setMismatch] = useState(false);
  const confirm = useAction(onConfirm);
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        const isMatch = typed.trim() === target.name;
        setMismatch(!isMatch);
        if (isMatch) void confirm.run();
      }}
    >
      <p>This cannot be undone. It deletes:</p>
      <ul>
        {plan.user_id !== null && (
          <li>the user with their sign-ins, memberships and trial, and the data that their programs sent</li>
        )}
        {plan.tenants_that_go.map((id) => (
          <li key={id}>
            the tenant <strong>{target.tenantNames.get(id) ?? id}</strong>: its licenses, subscriptions and
            invitations end
          </li>
        ))}
      </ul>
      <p>
        Events stay in the audit log so that the log can still be verified, but no longer show who held a
        seat. Download the data that you want to keep first.
      </p>
      <label>
        Type <strong>{target.name}</strong> to confirm
        <input
          autocomplete="off"
          autocapitalize="off"
          spellcheck={false}
          aria-invalid={isMismatch ? 'true' : undefined}
          value={typed}
          onInput={({ currentTarget }) => setTyped(currentTarget.value)}
        />
      </label>
      {isMismatch && (
        <p class="notice bad" role="alert">
          This does not match “{target.name}”.
        </p>
      )}
      {confirm.problem && <Alert problem={confirm.problem} />}
      <p class="quiet small">Confirm by {dateAndTime(new Date(plan.expires_at))}.</p>
      <div class="buttons">
        <Button onClick={onClose}>Cancel</Button>
        <Button type="submit" kind="danger" busy={confirm.isBusy}>
          Delete permanently
        </Button>
      </div>
    </form>
  );
}
