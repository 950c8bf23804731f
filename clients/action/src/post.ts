import { isAlive, Mailbox, type Note } from './mailbox.ts';
import { command, print, savedState } from './runner.ts';

/** Longer than a release is tried. GitHub ends a canceled job after five minutes. */
const RELEASE_WITHIN_MS = 10_000;

/**
 * The post step: gives the seat back. It never fails the job, whose work is done by now: a lost seat is a warning, and a
 * program that must not run without one holds a seat itself.
 */
async function post(): Promise<void> {
  const folder = savedState('folder');
  if (!folder) return;
  const mailbox = new Mailbox(folder);
  const before = mailbox.read();
  // Denied: the main step has failed.
  if (!before || before.phase === 'denied') return;
  mailbox.askForRelease();
  const ended = await mailbox.until(
    ({ phase }) => phase === 'ended',
    () => isAlive(before.pid),
    RELEASE_WITHIN_MS,
  );
  const { notes } = ended ?? mailbox.read() ?? before;
  for (const note of notes) tell(note);
  if (notes.some(({ isFinal }) => isFinal)) return;
  if (ended) print('The seat is released.');
  else
    command(
      'warning',
      'The process that held the seat has ended before the job. The seat is free when its lease ends.',
    );
}

function tell({ event, at, code, isFinal }: Note): void {
  if (event === 'lost') {
    const rest = isFinal ? ' for good. The rest of the job ran without it' : '';
    command('warning', `${at} The seat was lost (${code})${rest}.`);
  } else if (event === 'graceAtRisk') print(`${at} The offline grace cannot be renewed (${code}).`);
  else print(`${at} The seat ${event === 'reacquired' ? 'was taken again' : `was ${event}`}.`);
}

post().catch((error: unknown) => command('warning', error instanceof Error ? error.message : String(error)));
