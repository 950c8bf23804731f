import type { ComponentChildren } from 'preact';
import type { Session } from '../../../sdk/src/api.ts';
import { Button } from '../ui/button.tsx';
import { Moment } from '../ui/moment.tsx';
import { Shortened } from '../ui/shortened.tsx';
import { type Ending, type HeldSeat, machineOf, nameOf } from './rows.ts';

interface SessionTableProps {
  readonly seats: readonly HeldSeat[];
  readonly nowMs: number;
  /** Shown above a table that is not live. */
  readonly caption?: string;
  onEnd(ending: Ending): void;
}

export function SessionTable({ seats, nowMs, caption, onEnd }: SessionTableProps) {
  return (
    <div class="table-frame">
      <table class="cards sessions">
        <caption class={caption === undefined ? 'sr-only' : 'quiet small'}>
          {caption ?? 'Seats with their sessions, oldest first'}
        </caption>
        <thead>
          <tr>
            <th scope="col">Machine</th>
            <th scope="col">Holder</th>
            <th scope="col">Acquired</th>
            <th scope="col">Expires</th>
            <th scope="col">
              <span class="sr-only">Action</span>
            </th>
          </tr>
        </thead>
        {seats.map((seat) => (
          <SeatRows key={seat.holder} seat={seat} nowMs={nowMs} onEnd={onEnd} />
        ))}
      </table>
    </div>
  );
}

interface SeatRowsProps {
  readonly seat: HeldSeat;
  readonly nowMs: number;
  onEnd(ending: Ending): void;
}

/** A seat with one session is one row. A shared seat has a row of its own, above those of its sessions. */
function SeatRows({ seat, nowMs, onEnd }: SeatRowsProps) {
  const { sessions } = seat;
  const [first] = sessions;
  const free = (
    <Button
      small
      label={`Free this seat: ${nameOf(seat)}`}
      onClick={() => onEnd({ scope: 'seat', session: first, seat })}
    >
      Free this seat
    </Button>
  );
  if (sessions.length === 1) {
    return (
      <tbody>
        <Row session={first} nowMs={nowMs}>
          {free}
        </Row>
      </tbody>
    );
  }
  return (
    <tbody>
      <tr class="shared-seat">
        <th scope="rowgroup" colSpan={4}>
          {nameOf(seat)}
          <span class="second-line">One seat, {sessions.length} sessions</span>
        </th>
        <td class="action">{free}</td>
      </tr>
      {sessions.map((session) => (
        <Row key={session.session_id} session={session} nowMs={nowMs}>
          <Button
            small
            label={`${endWords(session)}: ${machineOf(session)}`}
            onClick={() => onEnd({ scope: 'program', session, seat })}
          >
            {endWords(session)}
          </Button>
        </Row>
      ))}
    </tbody>
  );
}

function endWords({ kind }: Session): string {
  return kind === 'loan' ? 'End this loan' : 'End this program';
}

interface RowProps {
  readonly session: Session;
  readonly nowMs: number;
  readonly children: ComponentChildren;
}

function Row({ session, nowMs, children }: RowProps) {
  const { hostname, fingerprint, user_id, process_id, app_version, holder } = session;
  return (
    <tr>
      <th scope="row">
        {hostname ?? <Shortened text={fingerprint} label="Fingerprint" />}
        <span class="second-line">
          {hostname !== null && <Shortened text={fingerprint} label="Fingerprint" />}
          {app_version !== null && <span class="version">version {app_version}</span>}
        </span>
      </th>
      <td data-label="Holder">
        <div>
          {user_id ?? <Shortened text={holder} label="Pseudonym" />}
          {process_id !== null && (
            <span class="second-line">
              Process <Shortened text={process_id} label="Process" />
            </span>
          )}
        </div>
      </td>
      <td data-label="Acquired">
        <Moment at={session.acquired_at} nowMs={nowMs} />
      </td>
      <td data-label="Expires">
        <div>
          <Moment at={session.borrowed_until ?? session.expires_at} nowMs={nowMs} />
          {session.kind === 'loan' && <span class="badge warn">Borrowed</span>}
        </div>
      </td>
      <td class="action">{children}</td>
    </tr>
  );
}
