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

/** How long a mark of leaving counts if it is not removed: longer than a release takes. */
const LEAVING_MS = 10_000;
const POLL_MS = 50;

/** Cleaners of temporary files remove files that were not changed for days. */
const REFRESH_MS = 3_600_000;

/** Sticky bit: all users may add files, and only remove their own. */
const SHARED_MODE = 0o1777;

export interface FileHolders extends Holders {
  /** Returns the files that block joining. The caller removes them once the seat was released. */
  takeMarks(): readonly string[];
}

/**
 * One file for each program that shares a seat. There is no lock: a joining program writes its file and then looks for a
 * leaving one; a leaving program marks its file and then looks for a staying one. At least one of the two sees the other,
 * and a program that crashes or hangs cannot block the rest. The file of a killed program does not count.
 *
 * If the folder cannot be written, other programs are unknown: the seat is not released but ends with its lease.
 */
export function fileHolders(folder: string): FileHolders {
  const marks = new Set<string>();

  async function joinGroup(name: string): Promise<Membership> {
    const group = fileNameOf(name);
    const stay = join(folder, `${group}.${randomUUID()}.stays`);
    const leaving = stay.replace(/stays$/, 'leaves');
    const write = (): boolean => attempt(() => writeWhole(stay, thisProcess()));
    attempt(() => makeShared(folder));
    if (!write()) return OTHERS_UNKNOWN;
    const refreshing = setInterval(write, REFRESH_MS).unref();
    const untilMs = Date.now() + LEAVING_MS;
    while (isAnyLeaving(folder, group) && Date.now() < untilMs) await sleep(POLL_MS);

    /** Marks the file as leaving. Returns whether no other program stays. Writes first, because a mark counts by its age. */
    function mark(): boolean {
      clearInterval(refreshing);
      return (
        attempt(() => {
          write();
          renameSync(stay, leaving);
        }) && !isAnyStaying(folder, group)
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

const OTHERS_UNKNOWN: Membership = { leave: async () => {}, leaveNow: () => false };

function makeShared(folder: string): void {
  // `undefined` if the folder existed: then it has its mode, or belongs to another user.
  if (mkdirSync(folder, { recursive: true }) !== undefined) chmodSync(folder, SHARED_MODE);
}

/** Writes atomically, and readable for other users whatever the umask. */
function writeWhole(file: string, text: string): void {
  const draft = `${file}.draft`;
  writeFileSync(draft, text);
  chmodSync(draft, 0o644);
  renameSync(draft, file);
}

function isAnyStaying(folder: string, group: string): boolean {
  return filesOf(folder, group, 'stays').some((file) => {
    const owner = attemptTo(() => readFileSync(file, 'utf8'));
    // Removed just now, or not readable: its program may still hold the seat.
    if (owner === undefined) return existsSync(file);
    if (isRunning(owner)) return true;
    remove(file);
    return false;
  });
}

function isAnyLeaving(folder: string, group: string): boolean {
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

/** Another user's file cannot be removed. It is ignored in either case. */
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
