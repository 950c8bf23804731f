import type { Session } from '../../../sdk/src/api.ts';
import { Button } from '../ui/button.tsx';
import { Moment } from '../ui/moment.tsx';
import { Shortened } from '../ui/shortened.tsx';
import { machineOf } from './rows.ts';

interface SessionTableProps {
  readonly sessions: readonly Session[];
  readonly nowMs: number;
  /** Shown above a table that is not live. */
  readonly caption?: string;
  onEvict(session: Session): void;
}

export function SessionTable({ sessions, nowMs, caption, onEvict }: SessionTableProps) {
  return (
    <div class="table-frame">
      <table class="cards sessions">
        <caption class={caption === undefined ? 'sr-only' : 'quiet small'}>
          {caption ?? 'Sessions, oldest first'}
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
        <tbody>
          {sessions.map((session) => (
            <Row key={session.session_id} session={session} nowMs={nowMs} onEvict={onEvict} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

interface RowProps {
  readonly session: Session;
  readonly nowMs: number;
  onEvict(session: Session): void;
}

function Row({ session, nowMs, onEvict }: RowProps) {
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
          {process_id !== null && <span class="second-line">Process {process_id}</span>}
        </div>
      </td>
      <td data-label="Acquired">
        <Moment at={session.acquired_at} nowMs={nowMs} />
      </td>
      <td data-label="Expires">
        <div>
          <Moment at={session.borrowed_until ?? session.expires_at} nowMs={nowMs} />
          {session.borrowed_until !== null && <span class="badge warn">Borrowed</span>}
        </div>
      </td>
      <td class="action">
        <Button small label={`Evict ${machineOf(session)}`} onClick={() => onEvict(session)}>
          Evict
        </Button>
      </td>
    </tr>
  );
}
