import { Notice } from '../ui/alert.tsx';
import { Button } from '../ui/button.tsx';
import { CopyButton } from '../ui/copy.tsx';
import { Dialog } from '../ui/dialog.tsx';

/** Shows a key this once: nobody can read it again. */
export function NewKey({ licenseKey, onClose }: { readonly licenseKey: string; onClose(): void }) {
  return (
    <Dialog title="The new key" onClose={onClose}>
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
