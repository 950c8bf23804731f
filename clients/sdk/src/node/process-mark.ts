import { readFileSync, readlinkSync } from 'node:fs';

/**
 * A mark by which other programs see whether this one still runs. Process ids are reused, and differ between containers; on
 * Linux, the start time and the PID namespace make them unique.
 */
export function thisProcess(): string {
  return JSON.stringify({ pid: process.pid, start: startOf(process.pid), place: placeOf() } satisfies Mark);
}

/** Whether the process that wrote `mark` runs; true if unknown. */
export function isRunning(mark: string): boolean {
  const { pid, start, place } = readMark(mark);
  const here = placeOf();
  // Another boot: the process has ended. Another container: its processes are not visible from here.
  if (place !== here) return place.split(' ')[0] === here.split(' ')[0];
  if (!Number.isInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
  } catch (error) {
    // EPERM: the process runs, but belongs to another user.
    if (!(error instanceof Error && 'code' in error && error.code === 'EPERM')) return false;
  }
  return startOf(pid) === start;
}

interface Mark {
  readonly pid: number;
  readonly start: string;
  readonly place: string;
}

/** An invalid mark counts as a mark of no process. */
function readMark(text: string): Mark {
  try {
    const { pid, start, place } = JSON.parse(text);
    return { pid: Number(pid), start: String(start), place: String(place) };
  } catch {
    return { pid: 0, start: '', place: placeOf() };
  }
}

/** In ticks since boot, which setting a clock does not change. Empty if unknown. */
function startOf(pid: number): string {
  // The program's name, in parentheses, may contain blanks and parentheses.
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
