import { useState } from 'preact/hooks';
import type { Session } from '../../../sdk/src/api.ts';
import { useConsole } from '../console.ts';
import { clockTime } from '../time.ts';
import { Alert } from '../ui/alert.tsx';
import { Button } from '../ui/button.tsx';
import { useAction } from '../ui/use-action.ts';
import { byAge, matches } from './rows.ts';
import { SessionTable } from './session-table.tsx';

interface FurtherProps {
  readonly licenseId: string;
  /** Where the live rows end now. */
  readonly cursor: string;
  readonly live: readonly Session[];
  readonly search: string;
  readonly nowMs: number;
  onEvict(session: Session): void;
}

interface Further {
  readonly sessions: readonly Session[];
  readonly nextCursor: string | null;
  readonly asOfMs: number;
}

const NEXT_ROWS = 100;

/**
 * Seats beyond those that are watched, read when asked for and then left as they are: watching a thousand rows would cost
 * ten times as much, and the live ones, which run out soonest, are those that change.
 */
export function FurtherSessions({ licenseId, cursor, live, search, nowMs, onEvict }: FurtherProps) {
  const { call } = useConsole();
  const [further, setFurther] = useState<Further>();
  const read = useAction(async () => {
    const page = await call('sessionsList', {
      query: { license_id: licenseId, limit: NEXT_ROWS, cursor: further?.nextCursor ?? cursor },
    });
    setFurther({
      sessions: further?.nextCursor ? [...further.sessions, ...page.sessions] : page.sessions,
      nextCursor: page.next_cursor,
      asOfMs: Date.now(),
    });
  });
  const known = new Set(live.map(({ session_id }) => session_id));
  const rows = (further?.sessions ?? [])
    .filter((session) => !known.has(session.session_id) && matches(session, search))
    .toSorted(byAge);
  const asOf = further && clockTime(new Date(further.asOfMs));
  return (
    <section class="further" aria-label="Further seats">
      {asOf !== undefined && rows.length > 0 && (
        <SessionTable
          sessions={rows}
          nowMs={nowMs}
          caption={`Further seats, as they were at ${asOf}: these are not live`}
          onEvict={onEvict}
        />
      )}
      {read.problem && <Alert problem={read.problem} />}
      <p class="quiet">
        {further
          ? `The ${live.length} seats above are live: those whose time is up soonest.`
          : `These are the ${live.length} seats whose time is up soonest. A search looks at what is shown.`}
      </p>
      <Button busy={read.isBusy} onClick={read.run}>
        {buttonWords(further)}
      </Button>
    </section>
  );
}

function buttonWords(further: Further | undefined): string {
  if (!further) return `Show ${NEXT_ROWS} more`;
  return further.nextCursor === null ? 'Read the further seats again' : `Show ${NEXT_ROWS} more`;
}
