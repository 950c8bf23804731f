import { Notice } from '../ui/alert.tsx';
import { Button } from '../ui/button.tsx';
import { CopyButton } from '../ui/copy.tsx';
import { Dialog } from '../ui/dialog.tsx';

/** Shows a new license key. The server stores only its hash, so it cannot be shown again. */
export function NewKey({ licenseKey, onClose }: { readonly licenseKey: string; onClose(): void }) {
  return (
    <Dialog title="New license key" onClose={onClose}>
      <Notice tone="warn">
        <p>Copy the key now. It is not shown again.</p>
      </Notice>
      <p class="secret">
        <code>{licenseKey}</code>
      </p>
      <div class="buttons">
        <CopyButton text={licenseKey} what="key" />
        <Button kind="primary" onClick={onClose}>
          Close
        </Button>
      </div>
    </Dialog>
  );
}
