import { briefly, dateAndTime, relativeTo } from '../time.ts';

interface MomentProps {
  /** RFC 3339. */
  readonly at: string;
  /** Where given, how far away that is comes first, and the rest is brief. */
  readonly nowMs?: number | undefined;
}

/** A moment in the viewer's zone; pointing at it tells it in UTC. */
export function Moment({ at, nowMs }: MomentProps) {
  const date = new Date(at);
  return (
    <time dateTime={at} title={`${dateAndTime(date, 'UTC')} UTC`}>
      {nowMs === undefined ? (
        dateAndTime(date)
      ) : (
        <>
          {relativeTo(date.getTime(), nowMs)}
          <span class="second-line">{briefly(date, nowMs)}</span>
        </>
      )}
    </time>
  );
}
