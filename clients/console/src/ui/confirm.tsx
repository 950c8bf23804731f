import type { ComponentChildren } from 'preact';
import { Alert } from './alert.tsx';
import { Button } from './button.tsx';
import { Dialog } from './dialog.tsx';
import { useAction } from './use-action.ts';

interface ConfirmProps {
  readonly title: string;
  /** The label of the button: a verb with its object, never just "OK". */
  readonly verb: string;
  readonly kind?: 'danger' | 'primary';
  /** If it rejects with a `Problem`, the dialog stays open and shows the problem. */
  act(): Promise<void>;
  onClose(): void;
  /** Explains the consequences. */
  readonly children: ComponentChildren;
}

/** Asks for confirmation of an action. */
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
