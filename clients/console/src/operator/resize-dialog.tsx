import { useState } from 'preact/hooks';
import type { License } from '../../../sdk/src/api.ts';
import { useConsole } from '../console.ts';
import { Alert, Notice } from '../ui/alert.tsx';
import { Button } from '../ui/button.tsx';
import { Dialog } from '../ui/dialog.tsx';
import { NumberField } from '../ui/number-field.tsx';
import { useAction } from '../ui/use-action.ts';

interface ResizeProps {
  readonly license: License;
  onDone(): void;
  onClose(): void;
}

export function ResizeDialog({ license, onDone, onClose }: ResizeProps) {
  const { call } = useConsole();
  const { license_id } = license;
  const [max, setMax] = useState(license.max);
  const [overdraft, setOverdraft] = useState(license.overdraft);
  const resize = useAction(async () => {
    // Unchanged terms are left out: the API rejects those that a subscription sets.
    const changes = {
      ...(max !== license.max && { max }),
      ...(overdraft !== license.overdraft && { overdraft }),
    };
    if (Object.keys(changes).length > 0) {
      await call('licensesChange', { params: { license_id }, body: changes });
      onDone();
    }
    onClose();
  });
  return (
    <Dialog title="Resize license" onClose={onClose}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void resize.run();
        }}
      >
        <NumberField label="Seats" min={1} value={max} onChange={setMax} />
        <NumberField label="Overdraft seats" min={0} value={overdraft} onChange={setOverdraft} />
        {max + overdraft < license.max + license.overdraft && (
          <Notice tone="warn">
            <p>
              If more seats are in use, those taken last end, and their programs stop. Borrowed seats stay.
            </p>
          </Notice>
        )}
        {resize.problem && <Alert problem={resize.problem} />}
        <div class="buttons">
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" kind="primary" busy={resize.isBusy}>
            Resize license
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
