import type { Session } from '../../../sdk/src/api.ts';
import { useConsole } from '../console.ts';
import { dateAndTime } from '../time.ts';
import { Confirm } from '../ui/confirm.tsx';
import { machineOf } from './rows.ts';

interface EvictDialogProps {
  readonly session: Session;
  onEvicted(): void;
  onClose(): void;
}

export function EvictDialog({ session, onEvicted, onClose }: EvictDialogProps) {
  const { call } = useConsole();
  const { session_id, borrowed_until } = session;
  return (
    <Confirm
      title={`Evict the session on ${machineOf(session)}?`}
      verb="Evict session"
      onClose={onClose}
      act={async () => {
        await call('releaseEnd', { params: { session_id } });
        onEvicted();
      }}
    >
      <p>
        The seat is free at once. The program is notified at its next heartbeat and may then stop working.
      </p>
      {borrowed_until !== null && (
        <p>
          This seat is borrowed. If the machine has a signed license, it can still work offline until{' '}
          {dateAndTime(new Date(borrowed_until))}.
        </p>
      )}
    </Confirm>
  );
}
