import { Notice } from './alert.tsx';
import { Button } from './button.tsx';
import { CopyButton } from './copy.tsx';
import { Dialog } from './dialog.tsx';

interface NewSecretProps {
  readonly title: string;
  /** What it is, in a sentence: `key`. */
  readonly what: string;
  readonly secret: string;
  onClose(): void;
}

/** Shows a new license key or token. The server stores only its hash, so it cannot be shown again. */
export function NewSecret({ title, what, secret, onClose }: NewSecretProps) {
  return (
    <Dialog title={title} onClose={onClose}>
      <Notice tone="warn">
        <p>Copy the {what} now. It is not shown again.</p>
      </Notice>
      <p class="secret">
        <code>{secret}</code>
      </p>
      <div class="buttons">
        <CopyButton text={secret} what={what} />
        <Button kind="primary" onClick={onClose}>
          Close
        </Button>
      </div>
    </Dialog>
  );
}
