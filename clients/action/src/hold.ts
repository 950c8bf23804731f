import { join } from 'node:path';
import { nodePlatform } from '../../sdk/src/node/index.ts';
import { type Seat, Seatlease, SeatleaseError, type SeatleaseOptions } from '../../sdk/src/node.ts';
import { isAlive, type Mailbox, type Note, type Report } from './mailbox.ts';

/** What the main step asks of the process that holds the seat. */
export interface HoldRequest {
  readonly options: Omit<SeatleaseOptions, 'licenseKey'>;
  readonly wait: boolean | { readonly atMostSeconds: number };
  /** The runner of the job; `undefined` if it cannot be seen, as from a job container. */
  readonly runnerPid: number | undefined;
}

const WATCH_MS = 250;

/** Holds the seat until it is asked to release it, or the job has ended without asking. */
export async function hold(mailbox: Mailbox, request: HoldRequest, licenseKey: string): Promise<void> {
  const notes: Note[] = [];
  let report: Report = { phase: 'waiting', pid: process.pid, notes };
  const tell = (news: Partial<Report>): void => {
    report = { ...report, ...news };
    mailbox.report(report);
  };
  tell({});
  const stop = new AbortController();
  const watch = setInterval(() => {
    const isOver = request.runnerPid !== undefined && !isAlive(request.runnerPid);
    if (isOver || mailbox.isReleaseWanted) stop.abort();
  }, WATCH_MS);
  stop.signal.addEventListener('abort', () => clearInterval(watch));
  try {
    const seat = await acquire(mailbox, request, licenseKey, stop.signal, (note) => {
      notes.push(note);
      tell({});
    });
    tell({ phase: 'held', sessionId: seat.sessionId });
    await aborted(stop.signal);
    await seat.release();
  } catch (error) {
    clearInterval(watch);
    if (!stop.signal.aborted) return tell({ phase: 'denied', message: describe(error) });
  }
  // A seat that is granted after the wait was given up is released before the event loop is empty.
  process.once('beforeExit', () => tell({ phase: 'ended' }));
}

async function acquire(
  mailbox: Mailbox,
  { options, wait }: HoldRequest,
  licenseKey: string,
  signal: AbortSignal,
  note: (note: Note) => void,
): Promise<Seat> {
  // Stored files go with the job: the next one has another fingerprint.
  const platform = nodePlatform({ stateFolder: join(mailbox.folder, 'state') });
  const seatlease = new Seatlease({ ...options, licenseKey, platform });
  const hear = (event: Note['event'], more?: Omit<Note, 'event' | 'at'>): void =>
    note({ event, at: new Date().toISOString(), ...more });
  seatlease.on('offline', () => hear('offline'));
  seatlease.on('online', () => hear('online'));
  seatlease.on('reacquired', () => hear('reacquired'));
  seatlease.on('graceAtRisk', ({ error: { code } }) => hear('graceAtRisk', { code }));
  seatlease.on('lost', ({ reason: code, isFinal }) => hear('lost', { code, isFinal }));
  return seatlease.acquire({ wait, signal });
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

function describe(error: unknown): string {
  if (error instanceof SeatleaseError) return `${error.code}: ${error.message}`;
  return error instanceof Error ? error.message : String(error);
}
