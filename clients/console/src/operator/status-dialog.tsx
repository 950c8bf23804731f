import type { License } from '../../../sdk/src/api.ts';
import { useConsole } from '../console.ts';
import { nameOf } from '../licenses.ts';
import { Confirm } from '../ui/confirm.tsx';

interface StatusProps {
  readonly license: License;
  onDone(): void;
  onClose(): void;
}

/** Suspends or reinstates a license. */
export function StatusDialog({ license, onDone, onClose }: StatusProps) {
  const { call } = useConsole();
  const { license_id, status } = license;
  const isSuspending = status === 'active';
  return (
    <Confirm
      title={`${isSuspending ? 'Suspend' : 'Reinstate'} ${nameOf(license)}?`}
      verb={isSuspending ? 'Suspend license' : 'Reinstate license'}
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
          ? 'No seats can be acquired, and running programs lose their seats at the next heartbeat. You can reinstate the license.'
          : 'Programs can acquire seats again at once.'}
      </p>
    </Confirm>
  );
}
