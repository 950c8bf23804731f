import { useState } from 'preact/hooks';
import type { Session } from '../../../sdk/src/api.ts';
import { useConsole } from '../console.ts';
import { clockTime } from '../time.ts';
import { Alert } from '../ui/alert.tsx';
import { Button } from '../ui/button.tsx';
import { useAction } from '../ui/use-action.ts';
import { type Ending, seatsIn } from './rows.ts';
import { SessionTable } from './session-table.tsx';

interface FurtherProps {
  readonly licenseId: string;
  /** Where the live rows end. */
  readonly cursor: string;
  readonly live: readonly Session[];
  readonly search: string;
  readonly nowMs: number;
  onEnd(ending: Ending): void;
}

interface Further {
  readonly sessions: readonly Session[];
  readonly nextCursor: string | null;
  readonly asOfMs: number;
}

const NEXT_SEATS = 100;

/**
 * Seats after the live rows. They are read on request and then not updated: polling 1,000 seats would cost ten times
 * as much as polling 100, and mostly the live rows change, because their leases expire soonest.
 */
export function FurtherSessions({ licenseId, cursor, live, search, nowMs, onEnd }: FurtherProps) {
  const { call } = useConsole();
  const [further, setFurther] = useState<Further>();
  const read = useAction(async () => {
    const page = await call('sessionsList', {
      query: { license_id: licenseId, limit: NEXT_SEATS, cursor: further?.nextCursor ?? cursor },
    });
    setFurther({
      sessions: further?.nextCursor ? [...further.sessions, ...page.sessions] : page.sessions,
      nextCursor: page.next_cursor,
      asOfMs: Date.now(),
    });
  });
  const known = new Set(live.map(({ holder }) => holder));
  const rows = seatsIn(
    (further?.sessions ?? []).filter(({ holder }) => !known.has(holder)),
    search,
  );
  const asOf = further && clockTime(new Date(further.asOfMs));
  return (
    <section class="further" aria-label="More seats">
      {asOf !== undefined && rows.length > 0 && (
        <SessionTable
          seats={rows}
          nowMs={nowMs}
          caption={`More seats, as of ${asOf}. This list is not live.`}
          onEnd={onEnd}
        />
      )}
      {read.problem && <Alert problem={read.problem} />}
      <p class="quiet">
        {further
          ? `The ${known.size} seats above are live: those that expire soonest.`
          : `These are the ${known.size} seats that expire soonest. The search covers only the seats shown.`}
      </p>
      <Button busy={read.isBusy} onClick={read.run}>
        {buttonText(further)}
      </Button>
    </section>
  );
}

function buttonText(further: Further | undefined): string {
  if (!further) return `Show ${NEXT_SEATS} more seats`;
  return further.nextCursor === null ? 'Reload these seats' : `Show ${NEXT_SEATS} more seats`;
}
