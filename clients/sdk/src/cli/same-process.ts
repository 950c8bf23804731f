import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { platform } from 'node:os';

/** A process by its id and when it started: an id alone is given to another process later. */
export interface ProcessId {
  readonly pid: number;
  /** In the words of the system; `undefined` if the system does not show it. */
  readonly startedAt: string | undefined;
}

interface Shown {
  readonly startedAt: string;
  /** It has ended, and its parent has not noticed yet. In a container, that may be forever. */
  readonly isZombie: boolean;
}

export function identifyProcess(pid: number): ProcessId {
  return { pid, startedAt: show(pid)?.startedAt };
}

/** Whether this very process still runs. */
export function isRunning({ pid, startedAt }: ProcessId): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    // It runs as another user: only root can have started it so.
    if (!(error instanceof Error && 'code' in error && error.code === 'EPERM')) return false;
  }
  const shown = show(pid);
  // Without a process list, such as with /proc hidden, the id is all there is.
  if (!shown) return startedAt === undefined;
  return !shown.isZombie && (startedAt === undefined || shown.startedAt === startedAt);
}

/** What the system shows of a process; `undefined` if nothing. */
function show(pid: number): Shown | undefined {
  try {
    return platform() === 'linux' ? fromProc(pid) : fromPs(pid);
  } catch {
    return undefined;
  }
}

/** Fields 3 and 22 of proc_pid_stat(5). The name in field 2 may contain spaces and parentheses. */
function fromProc(pid: number): Shown | undefined {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [state = ''] = fields;
  const startedAt = fields[19];
  return startedAt === undefined ? undefined : { startedAt, isZombie: /^[ZX]/.test(state) };
}

/** `lstart` has seconds in the local time: the same language and time zone at each call. */
function fromPs(pid: number): Shown | undefined {
  if (platform() === 'win32') return undefined;
  const shown = execFileSync('/bin/ps', ['-o', 'stat=,lstart=', '-p', String(pid)], {
    encoding: 'utf8',
    env: { LC_ALL: 'C', TZ: 'UTC' },
    stdio: ['ignore', 'pipe', 'ignore'],
    timeout: 2_000,
  }).trim();
  const [, state, startedAt] = /^(\S+)\s+(.+)$/.exec(shown) ?? [];
  return state === undefined || startedAt === undefined
    ? undefined
    : { startedAt, isZombie: state.startsWith('Z') };
}
