import { dateAndTime, relativeTo, shortDateAndTime } from '../time.ts';

interface MomentProps {
  /** RFC 3339. */
  readonly at: string;
  /** If given, shows the time relative to this, and below it the absolute time in short form. */
  readonly nowMs?: number | undefined;
}

/** A time in the viewer's time zone, with the UTC time as tooltip. */
export function Moment({ at, nowMs }: MomentProps) {
  const date = new Date(at);
  return (
    <time dateTime={at} title={`${dateAndTime(date, 'UTC')} UTC`}>
      {nowMs === undefined ? (
        dateAndTime(date)
      ) : (
        <>
          {relativeTo(date.getTime(), nowMs)}
          <span class="second-line">{shortDateAndTime(date, nowMs)}</span>
        </>
      )}
    </time>
  );
}
