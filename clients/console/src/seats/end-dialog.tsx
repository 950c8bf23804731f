import { useConsole } from '../console.ts';
import { dateAndTime } from '../time.ts';
import { Confirm } from '../ui/confirm.tsx';
import { type Ending, machineOf, nameOf } from './rows.ts';

interface EndDialogProps extends Ending {
  onEnded(): void;
  onClose(): void;
}

/** Asks before ending a session or freeing a seat. */
export function EndDialog({ scope, session, seat, onEnded, onClose }: EndDialogProps) {
  const { call } = useConsole();
  const ended = scope === 'seat' ? seat.sessions : [session];
  const loanEnds = ended.flatMap(({ borrowed_until }) => borrowed_until ?? []);
  const isWhole = ended.length === seat.sessions.length;
  const what = session.kind === 'loan' ? 'loan' : 'program';
  return (
    <Confirm
      title={
        scope === 'seat' ? `Free the seat of ${nameOf(seat)}?` : `End the ${what} on ${machineOf(session)}?`
      }
      verb={scope === 'seat' ? 'Free seat' : `End ${what}`}
      onClose={onClose}
      act={async () => {
        await call('releaseEnd', { params: { session_id: session.session_id }, query: { scope } });
        onEnded();
      }}
    >
      <p>
        {isWhole
          ? 'The seat is free at once.'
          : 'The other sessions of this seat continue, so the seat stays in use.'}{' '}
        {ended.length > 1
          ? `Its ${ended.length} sessions end. Each program is notified at its next heartbeat and may then stop working.`
          : 'The program is notified at its next heartbeat and may then stop working.'}
      </p>
      {loanEnds.length > 0 && (
        <p>
          This seat is borrowed. If the machine has a signed license, it can still work offline until{' '}
          {dateAndTime(new Date(loanEnds.toSorted().at(-1) ?? 0))}.
        </p>
      )}
    </Confirm>
  );
}
