import { randomUUID } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Holders, Membership } from '../platform.ts';
import { isRunning, thisProcess } from './process-mark.ts';
import { fileNameOf } from './storage.ts';

/** How long a mark of leaving counts, should nobody take it away: longer than giving a seat back may take. */
const LEAVING_MS = 10_000;
const POLL_MS = 50;

/** Cleaners of temporary files take away what lies untouched for days. */
const REFRESH_MS = 3_600_000;

/** Everybody may add files, and nobody may remove another's. */
const SHARED_MODE = 0o1777;

export interface FileHolders extends Holders {
  /** Files that hold up whoever joins until somebody removes them, once the seat was given back afterwards. */
  takeMarks(): readonly string[];
}

/**
 * A file for each program that shares a seat. No lock: whoever comes writes its file and then looks for somebody who
 * leaves; whoever leaves marks its file and then looks for somebody who stays. One of the two always sees the other, so
 * that neither a crash nor a program that hangs can keep the rest out. A file that a killed program has left behind
 * does not count.
 *
 * Where the folder cannot be written, nobody can tell who else is there, and a seat is not given back but runs out.
 */
export function fileHolders(folder: string): FileHolders {
  const marks = new Set<string>();

  async function joinGroup(name: string): Promise<Membership> {
    const group = fileNameOf(name);
    const stay = join(folder, `${group}.${randomUUID()}.stays`);
    const leaving = stay.replace(/stays$/, 'leaves');
    const write = (): boolean => attempt(() => writeWhole(stay, thisProcess()));
    attempt(() => makeShared(folder));
    if (!write()) return CANNOT_TELL;
    const refreshing = setInterval(write, REFRESH_MS).unref();
    const untilMs = Date.now() + LEAVING_MS;
    while (isSomebodyLeaving(folder, group) && Date.now() < untilMs) await sleep(POLL_MS);

    /** Whether nobody stays. The mark is fresh, as it counts by its age. */
    function mark(): boolean {
      clearInterval(refreshing);
      return (
        attempt(() => {
          write();
          renameSync(stay, leaving);
        }) && !isSomebodyStaying(folder, group)
      );
    }

    return {
      async leave(last) {
        try {
          if (mark()) await last();
        } finally {
          remove(leaving);
        }
      },
      leaveNow() {
        const isLast = mark();
        if (isLast) marks.add(leaving);
        else remove(leaving);
        return isLast;
      },
    };
  }

  return {
    join: joinGroup,
    takeMarks() {
      const taken = [...marks];
      marks.clear();
      return taken;
    },
  };
}

const CANNOT_TELL: Membership = { leave: async () => {}, leaveNow: () => false };

function makeShared(folder: string): void {
  // Gives nothing where it was there before: then it has its mode, or is somebody else's to change.
  if (mkdirSync(folder, { recursive: true }) !== undefined) chmodSync(folder, SHARED_MODE);
}

/** Never seen half written, and readable for other users whatever mask this one has. */
function writeWhole(file: string, text: string): void {
  const draft = `${file}.draft`;
  writeFileSync(draft, text);
  chmodSync(draft, 0o644);
  renameSync(draft, file);
}

function isSomebodyStaying(folder: string, group: string): boolean {
  return filesOf(folder, group, 'stays').some((file) => {
    const owner = attemptTo(() => readFileSync(file, 'utf8'));
    // Gone just now; or there and not to be read, which does not mean that nobody holds the seat.
    if (owner === undefined) return existsSync(file);
    if (isRunning(owner)) return true;
    remove(file);
    return false;
  });
}

function isSomebodyLeaving(folder: string, group: string): boolean {
  return filesOf(folder, group, 'leaves').some((file) => {
    const sinceMs = attemptTo(() => statSync(file).mtimeMs);
    if (sinceMs === undefined) return false;
    const ageMs = Date.now() - sinceMs;
    if (ageMs > -LEAVING_MS && ageMs < LEAVING_MS) return true;
    remove(file);
    return false;
  });
}

function filesOf(folder: string, group: string, kind: 'stays' | 'leaves'): string[] {
  return readdirSync(folder)
    .filter((file) => file.startsWith(`${group}.`) && file.endsWith(`.${kind}`))
    .map((file) => join(folder, file));
}

/** Another user's file stays where it is, and goes on not to count. */
function remove(file: string): void {
  attempt(() => rmSync(file, { force: true }));
}

function attempt(act: () => void): boolean {
  const done = attemptTo(() => {
    act();
    return true;
  });
  return done ?? false;
}

function attemptTo<Result>(act: () => Result): Result | undefined {
  try {
    return act();
  } catch {
    return undefined;
  }
}
