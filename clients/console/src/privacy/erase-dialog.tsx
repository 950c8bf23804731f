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
  /** What the server is asked to erase; nothing for whoever asks. */
  readonly body: { readonly user_id?: string; readonly tenant_id?: string };
  readonly title: string;
  /** What has to be typed, so that nobody does it by mistake. */
  readonly name: string;
  /** Names of tenants that may go with it, by their ids. */
  readonly tenantNames: ReadonlyMap<string, string>;
}

interface EraseProps {
  readonly target: Target;
  /** The dialog is closed once all is gone. */
  onErased(): void;
  onClose(): void;
}

/** Erases in two steps: what would go is shown first, and goes once its name is typed. Ends with the receipt. */
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
        <Receipt receipt={receipt.of} onAskAgain={() => confirm(receipt.token)} onClose={close} />
      ) : (
        <Loaded
          of={plan}
          whole={(shown) => (
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
  const [isOther, setOther] = useState(false);
  const confirm = useAction(onConfirm);
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        const isSame = typed.trim() === target.name;
        setOther(!isSame);
        if (isSame) void confirm.run();
      }}
    >
      <p>This cannot be undone. It deletes:</p>
      <ul>
        {plan.user_id !== null && (
          <li>
            the person, their sign-ins, memberships and trial, and what their programs said of themselves
          </li>
        )}
        {plan.tenants_that_go.map((id) => (
          <li key={id}>
            the tenant <strong>{target.tenantNames.get(id) ?? id}</strong>: its licenses end, and so do its
            subscriptions and invitations
          </li>
        ))}
      </ul>
      <p>
        Events stay in the audit log, which stays whole, but no more tell who it was. Download what you want
        to keep first.
      </p>
      <label>
        Type <strong>{target.name}</strong> to confirm
        <input
          autocomplete="off"
          autocapitalize="off"
          spellcheck={false}
          aria-invalid={isOther ? 'true' : undefined}
          value={typed}
          onInput={({ currentTarget }) => setTyped(currentTarget.value)}
        />
      </label>
      {isOther && (
        <p class="notice bad" role="alert">
          That is not “{target.name}”.
        </p>
      )}
      {confirm.problem && <Alert problem={confirm.problem} />}
      <p class="quiet small">You have until {dateAndTime(new Date(plan.expires_at))} to confirm.</p>
      <div class="buttons">
        <Button onClick={onClose}>Cancel</Button>
        <Button type="submit" kind="danger" busy={confirm.isBusy}>
          Delete for good
        </Button>
      </div>
    </form>
  );
}
