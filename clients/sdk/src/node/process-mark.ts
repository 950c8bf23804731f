import { readFileSync, readlinkSync } from 'node:fs';

/**
 * What a program leaves behind for others to tell whether it still runs. Numbers of processes are given out again, and
 * are others in each container; on Linux the start of a process and the place of its number tell such apart.
 */
export function thisProcess(): string {
  return JSON.stringify({ pid: process.pid, start: startOf(process.pid), place: placeOf() } satisfies Mark);
}

/** Whether whoever wrote `mark` runs; in doubt, that it does. */
export function isRunning(mark: string): boolean {
  const { pid, start, place } = readMark(mark);
  const here = placeOf();
  // Of before the machine started; or of another container, into which nobody sees from here.
  if (place !== here) return place.split(' ')[0] === here.split(' ')[0];
  if (!Number.isInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
  } catch (error) {
    // One of another user's may not be signalled.
    if (!(error instanceof Error && 'code' in error && error.code === 'EPERM')) return false;
  }
  return startOf(pid) === start;
}

interface Mark {
  readonly pid: number;
  readonly start: string;
  readonly place: string;
}

/** What is no mark counts as one of no process. */
function readMark(text: string): Mark {
  try {
    const { pid, start, place } = JSON.parse(text);
    return { pid: Number(pid), start: String(start), place: String(place) };
  } catch {
    return { pid: 0, start: '', place: placeOf() };
  }
}

/** In ticks since the machine started: no clock that somebody sets. Empty where there is no telling. */
function startOf(pid: number): string {
  // The name of the program, in parentheses, may hold anything, blanks and parentheses too.
  const stat = readOrNothing(() => readFileSync(`/proc/${pid}/stat`, 'utf8'));
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
}

function placeOf(): string {
  const boot = readOrNothing(() => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim());
  const numbers = readOrNothing(() => readlinkSync('/proc/self/ns/pid'));
  return `${boot} ${numbers}`;
}

function readOrNothing(read: () => string): string {
  try {
    return read();
  } catch {
    return '';
  }
}
