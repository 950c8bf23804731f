import type { Client, Sample } from './client.ts';
import type { ServerLog } from './judge.ts';
import type { Network } from './network.ts';

interface Watched {
  readonly client: Client;
  readonly network: Network;
}

interface Line {
  readonly atMs: number;
  readonly text: string;
}

/** Both logs as one: what the kit did, what the client sent and said, and what the server recorded. */
export function timelineOf(
  players: readonly Watched[],
  { events, moves }: Pick<ServerLog, 'events' | 'moves'>,
): string[] {
  const toOurs = (serverMs: number): number => {
    // An event between two moves of the clock happened when the second one came.
    const next = moves.find(({ aheadMs }) => serverMs - aheadMs < nextMoveMs(moves, aheadMs));
    return Math.max(serverMs - (next?.aheadMs ?? 0), next?.atMs ?? 0);
  };
  const lines: Line[] = [
    ...events
      .filter(
        ({ type }) => type.startsWith('session.') || type === 'seat.denied' || type === 'license.signed',
      )
      .map(({ type, atMs, sessionId, detail }) => ({
        atMs: toOurs(atMs),
        text: `server: ${type}${sessionId ? ` ${short(sessionId)}` : ''}${detail.seat ? ` (seat ${detail.seat})` : ''}`,
      })),
    ...players.flatMap(linesOf),
  ].sort((a, b) => a.atMs - b.atMs);
  const beganMs = lines.find(({ atMs }) => atMs > 0)?.atMs ?? 0;
  return lines.map(({ atMs, text }) => `${((atMs - beganMs) / 1000).toFixed(2).padStart(7)} s  ${text}`);
}

function nextMoveMs(moves: ServerLog['moves'], aheadMs: number): number {
  return moves[moves.findIndex((move) => move.aheadMs === aheadMs) + 1]?.atMs ?? Number.POSITIVE_INFINITY;
}

function linesOf({ client, network }: Watched): Line[] {
  const { name, samples, steps, events, exit } = client;
  const changes = samples.filter((sample, i) => describe(sample) !== describe(samples[i - 1]));
  return [
    ...steps.map(({ atMs, what }) => ({ atMs, text: `${name} ${what}` })),
    ...events.map(({ atMs, event, code }) => ({
      atMs,
      text: `${name} reports ${event}${code ? ` ${code}` : ''}`,
    })),
    ...changes.map((sample) => ({ atMs: sample.atMs, text: `${name} says: ${describe(sample)}` })),
    ...(exit ? [{ atMs: exit.atMs, text: `${name} ends with ${exit.code ?? exit.signal}` }] : []),
    ...network.seen.map(({ atMs, operation, body, fate, told, reached }) => {
      const about = [body?.instance_id, body?.session_id].filter((id) => typeof id === 'string').map(short);
      const answers = [
        reached ? `server ${reached.status}${codeIn(reached.body)}` : '',
        told && told.status !== reached?.status ? `told ${told.status}${codeIn(told.body)}` : '',
      ].filter((text) => text !== '');
      return {
        atMs,
        text: `${name} sends ${operation} ${about.join(' ')}: ${fate} ${answers.join(', ')}`.trimEnd(),
      };
    }),
  ];
}

function codeIn(body: Readonly<Record<string, unknown>> | undefined): string {
  return typeof body?.code === 'string' ? ` ${body.code}` : '';
}

function describe(sample: Sample | undefined): string {
  if (!sample) return '';
  const { state, mayRun, holdsLease } = sample;
  const flags = [mayRun ? 'may run' : 'may not run', ...(holdsLease ? ['holds the lease'] : [])];
  return `${state}, ${flags.join(', ')}`;
}

function short(id: unknown): string {
  const text = String(id);
  return text.length > 12 ? `…${text.slice(-6)}` : text;
}
