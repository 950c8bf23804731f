import { useState } from 'preact/hooks';
import type { License } from '../../../sdk/src/api.ts';
import { useConsole } from '../console.ts';
import { troubleOf } from '../licenses.ts';
import { EndDialog } from '../seats/end-dialog.tsx';
import { Freshness } from '../seats/freshness.tsx';
import { FurtherSessions } from '../seats/further-sessions.tsx';
import { WATCH_EVERY_MS } from '../seats/how-often.ts';
import { type Ending, seatsIn } from '../seats/rows.ts';
import { SeatCount, sentenceOf } from '../seats/seat-count.tsx';
import { SessionTable } from '../seats/session-table.tsx';
import { durationOf } from '../time.ts';
import { Alert, Notice } from '../ui/alert.tsx';
import { Announce } from '../ui/announce.tsx';
import { KeepFocus } from '../ui/keep-focus.tsx';
import { LicensePage } from '../ui/license-page.tsx';
import { Waiting } from '../ui/loaded.tsx';
import { useWatch } from '../ui/use-watch.ts';
import type { TenantPageProps } from '../viewer.ts';

/** Seats per request. It bounds the cost of each refresh, however many seats a license has. */
const LIVE_ROWS = 100;

export function SeatsPage({ tenant }: TenantPageProps) {
  return <LicensePage title="Seats" tenant={tenant} render={(license) => <LiveSeats license={license} />} />;
}

function LiveSeats({ license }: { readonly license: License }) {
  const { call } = useConsole();
  const { license_id } = license;
  const watch = useWatch(
    (signal) => call('sessionsList', { query: { license_id, limit: LIVE_ROWS }, signal }),
    WATCH_EVERY_MS,
    [call, license_id],
  );
  const [search, setSearch] = useState('');
  const [ending, setEnding] = useState<Ending>();
  const nowMs = Date.now();
  const trouble = troubleOf(license, nowMs);

  if (!watch.value) return watch.problem ? <Alert problem={watch.problem} /> : <Waiting />;
  const { seats, sessions, next_cursor } = watch.value;
  const rows = seatsIn(sessions, search);
  return (
    <>
      {trouble !== undefined && (
        <Notice tone="warn">
          <p>{trouble}</p>
        </Notice>
      )}
      <SeatCount seats={seats} />
      <Announce text={sentenceOf(seats)} />
      <div class="toolbar">
        <label class="inline-field">
          Search
          <input
            type="search"
            placeholder="Machine, user, version…"
            value={search}
            onInput={({ currentTarget }) => setSearch(currentTarget.value)}
          />
        </label>
        <Freshness watched={watch} />
      </div>
      <KeepFocus>
        {sessions.length === 0 ? (
          <div class="empty">
            <h2>No seats in use</h2>
            <p class="quiet">Start your program: its session appears here as soon as it acquires a seat.</p>
          </div>
        ) : rows.length === 0 ? (
          <div class="empty">
            <p>
              None of the {sessions.length} sessions shown matches “{search}”. Change or clear the search.
            </p>
          </div>
        ) : (
          <SessionTable seats={rows} nowMs={nowMs} onEnd={setEnding} />
        )}
        {next_cursor !== null && (
          <FurtherSessions
            key={license_id}
            licenseId={license_id}
            cursor={next_cursor}
            live={sessions}
            search={search}
            nowMs={nowMs}
            onEnd={setEnding}
          />
        )}
      </KeepFocus>
      <p class="quiet small footnote">
        A running program sends a heartbeat every {durationOf(license.heartbeat_seconds)}. After a crash, its
        seat is free {durationOf(license.ttl_seconds)} after the last heartbeat.
      </p>
      {ending && <EndDialog {...ending} onEnded={watch.now} onClose={() => setEnding(undefined)} />}
    </>
  );
}
