import { useState } from 'preact/hooks';
import type { License } from '../../../sdk/src/api.ts';
import { useConsole } from '../console.ts';
import { seatsOf } from '../licenses.ts';
import { Alert } from '../ui/alert.tsx';
import { Button } from '../ui/button.tsx';
import { Confirm } from '../ui/confirm.tsx';
import { Dialog } from '../ui/dialog.tsx';
import { useAction } from '../ui/use-action.ts';

interface ChangeProps {
  readonly license: License;
  onChanged(): void;
}

/** What only the vendor does with a license: how many seats it has, and whether it gives any. */
export function ChangeLicense({ license, onChanged }: ChangeProps) {
  const [open, setOpen] = useState<'size' | 'status'>();
  const close = () => setOpen(undefined);
  const changed = () => {
    close();
    onChanged();
  };
  const { license_id, status } = license;
  const isSuspended = status === 'suspended';
  return (
    <>
      <Button label={`Resize ${license_id}`} onClick={() => setOpen('size')}>
        Resize
      </Button>
      {license.hold === null && (
        <Button
          label={`${isSuspended ? 'Reinstate' : 'Suspend'} ${license_id}`}
          onClick={() => setOpen('status')}
        >
          {isSuspended ? 'Reinstate' : 'Suspend'}
        </Button>
      )}
      {open === 'size' && <ResizeDialog license={license} onClose={close} onChanged={changed} />}
      {open === 'status' && <StatusDialog license={license} onClose={close} onChanged={changed} />}
    </>
  );
}

interface DialogProps extends ChangeProps {
  onClose(): void;
}

function ResizeDialog({ license: { license_id, max }, onClose, onChanged }: DialogProps) {
  const { call } = useConsole();
  const [seats, setSeats] = useState(max);
  const resize = useAction(async () => {
    await call('licensesChange', { params: { license_id }, body: { max: seats } });
    onChanged();
  });
  return (
    <Dialog title="How many seats?" onClose={onClose}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void resize.run();
        }}
      >
        <label>
          Seats
          <input
            type="number"
            required
            min={0}
            step={1}
            value={seats}
            onInput={({ currentTarget }) => setSeats(currentTarget.valueAsNumber)}
          />
        </label>
        <p class="quiet small">
          Now {seatsOf(max)}. With fewer, programs that run keep theirs until they end.
        </p>
        {resize.problem && <Alert problem={resize.problem} />}
        <div class="buttons">
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" kind="primary" busy={resize.isBusy}>
            Resize
          </Button>
        </div>
      </form>
    </Dialog>
  );
}

function StatusDialog({ license: { license_id, status }, onClose, onChanged }: DialogProps) {
  const { call } = useConsole();
  const isSuspended = status === 'suspended';
  const change = async () => {
    const next = isSuspended ? 'active' : 'suspended';
    await call('licensesChange', { params: { license_id }, body: { status: next } });
    onChanged();
  };
  return isSuspended ? (
    <Confirm title="Reinstate this license?" verb="Reinstate" kind="primary" act={change} onClose={onClose}>
      <p>It gives seats again at once.</p>
    </Confirm>
  ) : (
    <Confirm title="Suspend this license?" verb="Suspend" act={change} onClose={onClose}>
      <p>No seat is given any more, and programs that run lose theirs with their next heartbeat.</p>
    </Confirm>
  );
}
