import { existsSync, mkdtempSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** Something that happened to the seat while the job ran. */
export interface Note {
  readonly event: 'graceAtRisk' | 'lost' | 'offline' | 'online' | 'reacquired';
  readonly at: string;
  readonly code?: string | undefined;
  /** Whether a lost seat cannot come back. */
  readonly isFinal?: boolean | undefined;
}

/** What the process that holds the seat last reported. */
export interface Report {
  readonly phase: 'waiting' | 'held' | 'denied' | 'ended';
  readonly pid: number;
  readonly sessionId?: string | undefined;
  /** Why there is no seat. */
  readonly message?: string | undefined;
  readonly notes: readonly Note[];
}

const POLL_MS = 100;

/**
 * A folder by which a step and the process that holds the seat talk: files work on every system, in job containers, and
 * where signals do not (Windows). The runner deletes its temporary folder when the job is over.
 */
export class Mailbox {
  readonly folder: string;

  constructor(folder: string) {
    this.folder = folder;
  }

  static create(): Mailbox {
    return new Mailbox(mkdtempSync(join(process.env.RUNNER_TEMP || tmpdir(), 'seatlease-')));
  }

  get logFile(): string {
    return join(this.folder, 'hold.log');
  }

  log(): string {
    return readText(this.logFile) ?? '';
  }

  report(report: Report): void {
    const draft = join(this.folder, 'report.draft');
    try {
      writeFileSync(draft, JSON.stringify(report));
      renameSync(draft, this.#reportFile);
    } catch {
      // The runner has deleted the folder: no step reads it any more.
    }
  }

  read(): Report | undefined {
    const text = readText(this.#reportFile);
    return text === undefined ? undefined : (JSON.parse(text) as Report);
  }

  askForRelease(): void {
    writeFileSync(this.#releaseFile, '');
  }

  /** Also if the folder is gone: the runner has cleaned up, and the job is over. */
  get isReleaseWanted(): boolean {
    return existsSync(this.#releaseFile) || !existsSync(this.folder);
  }

  /** Resolves with the first report that `isEnough`, or `undefined` when the process is gone or time is up. */
  async until(
    isEnough: (report: Report) => boolean,
    isAlive: () => boolean,
    atMostMs: number,
  ): Promise<Report | undefined> {
    for (const untilMs = performance.now() + atMostMs; ; await sleep(POLL_MS)) {
      // Before the report: its last one may come just before it ends.
      const wasAlive = isAlive();
      const report = this.read();
      if (report && isEnough(report)) return report;
      if (!wasAlive || performance.now() >= untilMs) return undefined;
    }
  }

  get #reportFile(): string {
    return join(this.folder, 'report.json');
  }

  get #releaseFile(): string {
    return join(this.folder, 'release');
  }
}

/** A zombie counts as alive: PID 1 of a job container may not wait for the processes that it inherits. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

function readText(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}
