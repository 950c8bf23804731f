import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';
import type { ErasurePlan, ErasureReceipt } from '../../../sdk/src/api.ts';
import { useConsole } from '../console.ts';
import { Alert, Notice } from '../ui/alert.tsx';
import { Button } from '../ui/button.tsx';
import { Dialog } from '../ui/dialog.tsx';
import { Moment } from '../ui/moment.tsx';
import { useAction } from '../ui/use-action.ts';

/** To be typed, so that nobody erases anything by a slip of the hand. */
const WORD = 'erase';

interface EraseProps {
  readonly title: string;
  /** A tenant; whoever asks, themselves, where there is none. */
  readonly tenantId?: string;
  /** Tenants of the viewer by their ids, to name those that go along. */
  readonly names: ReadonlyMap<string, string>;
  onClose(): void;
  /** After the receipt was seen. */
  onErased(): void;
  readonly children: ComponentChildren;
}

/** Erases in two steps, as the server has it: it says what would go, and then it is confirmed. */
export function EraseDialog({ title, tenantId, names, onClose, onErased, children }: EraseProps) {
  const { call } = useConsole();
  const [plan, setPlan] = useState<ErasurePlan>();
  const [receipt, setReceipt] = useState<ErasureReceipt>();
  const [typed, setTyped] = useState('');
  const ask = useAction(async () => {
    setPlan(await call('gdprDeleteAsk', { body: tenantId === undefined ? {} : { tenant_id: tenantId } }));
  });
  const confirm = useAction(async () => {
    if (!plan) return;
    const { confirmation_token } = plan;
    setReceipt(await call('gdprDeleteConfirm', { body: { confirmation_token } }));
  });
  if (receipt) return <Receipt receipt={receipt} onClose={onErased} />;
  if (!plan) {
    return (
      <Dialog title={title} onClose={onClose}>
        {children}
        {ask.problem && <Alert problem={ask.problem} />}
        <div class="buttons">
          <Button onClick={onClose}>Cancel</Button>
          <Button kind="danger" busy={ask.isBusy} onClick={ask.run}>
            Go on
          </Button>
        </div>
      </Dialog>
    );
  }
  const goes = [
    ...(plan.user_id === null ? [] : ['your account, with your name and e-mail address']),
    ...plan.tenants_that_go.map((id) => `${names.get(id) ?? id}, with all its licenses and seats`),
  ];
  return (
    <Dialog title={title} onClose={onClose}>
      <p>This goes, and nobody can bring it back:</p>
      <ul>
        {goes.map((what) => (
          <li key={what}>{what}</li>
        ))}
      </ul>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (typed.trim().toLowerCase() === WORD) void confirm.run();
        }}
      >
        <label>
          Type “{WORD}” to confirm, until <Moment at={plan.expires_at} />
          <input
            required
            pattern={`\\s*${WORD}\\s*`}
            autocapitalize="off"
            autocomplete="off"
            value={typed}
            onInput={({ currentTarget }) => setTyped(currentTarget.value)}
          />
        </label>
        {confirm.problem && <Alert problem={confirm.problem} />}
        <div class="buttons">
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" kind="danger" busy={confirm.isBusy}>
            Erase for good
          </Button>
        </div>
      </form>
    </Dialog>
  );
}

function Receipt({ receipt, onClose }: { readonly receipt: ErasureReceipt; onClose(): void }) {
  return (
    <Dialog title={receipt.completed_at === null ? 'It is being erased' : 'Erased'} onClose={onClose}>
      <Notice tone="good">
        <p>
          {receipt.completed_at === null
            ? 'There is so much that it goes on by itself. Nothing more is needed of you.'
            : 'All of it is gone.'}
        </p>
      </Notice>
      <p>
        Receipt <code>{receipt.erasure_id}</code>, asked for on <Moment at={receipt.requested_at} />. It holds
        no personal data: keep it, if you like.
      </p>
      <div class="buttons">
        <Button kind="primary" onClick={onClose}>
          Close
        </Button>
      </div>
    </Dialog>
  );
}
