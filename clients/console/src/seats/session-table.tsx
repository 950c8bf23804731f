import { useEffect, useRef } from 'preact/hooks';
import type { Session } from '../../../sdk/src/api.ts';
import { Button } from '../ui/button.tsx';
import { Moment } from '../ui/moment.tsx';
import { Shortened } from '../ui/shortened.tsx';
import { machineOf } from './rows.ts';

interface SessionTableProps {
  readonly sessions: readonly Session[];
  readonly nowMs: number;
  /** Of a table that is not kept up to date. */
  readonly caption?: string;
  onEvict(session: Session): void;
}

/** Who holds a seat. Rows keep their place and what is focused in them while others come and go. */
export function SessionTable({ sessions, nowMs, caption, onEvict }: SessionTableProps) {
  const frame = useRef<HTMLDivElement>(null);
  const focused = useRef<Element | null>(null);
  useEffect(() => {
    // A row that is gone took the focus with it: the next key must not begin at the top of the page.
    if (focused.current?.isConnected === false && document.activeElement === document.body) {
      frame.current?.focus({ preventScroll: true });
    }
    if (focused.current?.isConnected === false) focused.current = null;
  });
  return (
    <div
      class="table-frame"
      ref={frame}
      tabIndex={-1}
      onFocusIn={({ target }) => {
        focused.current = target instanceof Element && target !== frame.current ? target : null;
      }}
    >
      <table class="cards sessions">
        <caption class={caption === undefined ? 'sr-only' : 'quiet small'}>
          {caption ?? 'Seats that are taken, the longest held first'}
        </caption>
        <thead>
          <tr>
            <th scope="col">Machine</th>
            <th scope="col">Who</th>
            <th scope="col">Since</th>
            <th scope="col">Until</th>
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
      <td data-label="Who">
        <div>
          {user_id ?? <Shortened text={holder} label="Pseudonym" />}
          {process_id !== null && <span class="second-line">Process {process_id}</span>}
        </div>
      </td>
      <td data-label="Since">
        <Moment at={session.acquired_at} nowMs={nowMs} />
      </td>
      <td data-label="Until">
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
