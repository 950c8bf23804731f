import { Notice } from '../ui/alert.tsx';
import { Button } from '../ui/button.tsx';
import { CopyButton } from '../ui/copy.tsx';
import { Dialog } from '../ui/dialog.tsx';

interface NewKeyProps {
  readonly title: string;
  readonly licenseKey: string;
  onClose(): void;
}

/** Shows a key: this once, as nobody can read it again. */
export function NewKeyDialog({ title, licenseKey, onClose }: NewKeyProps) {
  return (
    <Dialog title={title} onClose={onClose}>
      <Notice tone="warn">
        <p>Copy it now: it is not shown again.</p>
      </Notice>
      <p class="secret">
        <code>{licenseKey}</code>
      </p>
      <div class="buttons">
        <CopyButton text={licenseKey} what="key" />
        <Button kind="primary" onClick={onClose}>
          I have it
        </Button>
      </div>
    </Dialog>
  );
}
