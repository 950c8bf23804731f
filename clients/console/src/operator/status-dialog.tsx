import type { License } from '../../../sdk/src/api.ts';
import { useConsole } from '../console.ts';
import { nameOf } from '../licenses.ts';
import { Confirm } from '../ui/confirm.tsx';

interface StatusProps {
  readonly license: License;
  onDone(): void;
  onClose(): void;
}

/** Suspends a license, or lifts that. */
export function StatusDialog({ license, onDone, onClose }: StatusProps) {
  const { call } = useConsole();
  const { license_id, status } = license;
  const isSuspending = status === 'active';
  return (
    <Confirm
      title={`${isSuspending ? 'Suspend' : 'Reinstate'} ${nameOf(license)}?`}
      verb={isSuspending ? 'Suspend' : 'Reinstate'}
      kind={isSuspending ? 'danger' : 'primary'}
      onClose={onClose}
      act={async () => {
        await call('licensesChange', {
          params: { license_id },
          body: { status: isSuspending ? 'suspended' : 'active' },
        });
        onDone();
      }}
    >
      <p>
        {isSuspending
          ? 'It gives no more seats, and those that are taken end with their next heartbeat. You can reinstate it.'
          : 'It gives seats again, at once.'}
      </p>
    </Confirm>
  );
}
