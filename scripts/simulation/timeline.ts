import type { Logs } from './beliefs.ts';
import type { Arrival } from './network.ts';

/** Both logs as one timeline, to explain a false belief. */
export function timelineOf(
  { beliefs, refusals, confirmed, events }: Logs,
  arrivals: readonly Arrival[] = [],
): string {
  const lines = [
    ...beliefs.map(({ program, sessionId, fromMs, toMs }) => {
      return { atMs: fromMs, what: `${program} believes in ${sessionId} until ${toMs}` };
    }),
    ...arrivals.map(({ program, operation, sentMs, atMs, status }) => {
      return { atMs, what: `${operation} of ${program} arrives, sent at ${sentMs}: ${status}` };
    }),
    ...refusals.map(({ program, sessionId, atMs }) => ({ atMs, what: `${program} is refused ${sessionId}` })),
    ...confirmed.map(({ machine, sessionId, atMs, expiresAtMs }) => {
      return { atMs, what: `the server confirms ${sessionId} of ${machine} until ${expiresAtMs}` };
    }),
    ...events.map(({ type, sessionId, atMs }) => ({
      atMs,
      what: `the server records ${type} of ${sessionId}`,
    })),
  ];
  return lines
    .sort((a, b) => a.atMs - b.atMs)
    .map(({ atMs, what }) => `${atMs} ${what}`)
    .join('\n');
}
