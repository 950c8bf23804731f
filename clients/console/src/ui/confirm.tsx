import type { ComponentChildren } from 'preact';
import { Alert } from './alert.tsx';
import { Button } from './button.tsx';
import { Dialog } from './dialog.tsx';
import { useAction } from './use-action.ts';

interface ConfirmProps {
  readonly title: string;
  /** What the button does, in its own words: never just "OK". */
  readonly verb: string;
  readonly kind?: 'danger' | 'primary';
  /** Does it. Rejects with a `Problem`, which is shown; the dialog then stays. */
  act(): Promise<void>;
  onClose(): void;
  /** What will come of it. */
  readonly children: ComponentChildren;
}

/** Asks before something is done that cannot be undone. */
export function Confirm({ title, verb, kind = 'danger', act, onClose, children }: ConfirmProps) {
  const action = useAction(async () => {
    await act();
    onClose();
  });
  return (
    <Dialog title={title} onClose={onClose}>
      {children}
      {action.problem && <Alert problem={action.problem} />}
      <div class="buttons">
        <Button onClick={onClose}>Cancel</Button>
        <Button kind={kind} busy={action.isBusy} onClick={action.run}>
          {verb}
        </Button>
      </div>
    </Dialog>
  );
}
