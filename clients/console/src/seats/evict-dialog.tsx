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

/** Takes a seat away from whoever holds it, after a question. */
export function EvictDialog({ session, onEvicted, onClose }: EvictDialogProps) {
  const { call } = useConsole();
  const { session_id, borrowed_until } = session;
  return (
    <Confirm
      title={`Take the seat away from ${machineOf(session)}?`}
      verb="Evict"
      onClose={onClose}
      act={async () => {
        await call('releaseEnd', { params: { session_id } });
        onEvicted();
      }}
    >
      <p>
        The seat is free at once. The program learns of it with its next heartbeat, and may stop working then.
      </p>
      {borrowed_until !== null && (
        <p>
          This seat is borrowed: if its license was signed, the machine can go on offline until{' '}
          {dateAndTime(new Date(borrowed_until))} all the same.
        </p>
      )}
    </Confirm>
  );
}
