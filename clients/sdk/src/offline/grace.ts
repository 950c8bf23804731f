import { SeatleaseError } from '../errors.ts';
import { type Grant, readSigned } from '../parse-answers.ts';
import { LONGEST_TIMEOUT_MS, type Platform } from '../platform.ts';
import type { Server } from '../server.ts';
import { stepAfter } from '../steps.ts';
import type { Stopwatch } from '../stopwatch.ts';
import type { VerifyingKey } from './keys.ts';
import { ServerTime } from './server-time.ts';
import { join, type Store, type Stored, type StoredLicense } from './store.ts';
import { type Expected, type SignedLicense, verifyToken } from './token.ts';

const DAY_MS = 24 * 3600_000;
const SIGN_AGAIN_AFTER_MS = DAY_MS;
const TRY_AGAIN_AFTER_MS = 10 * 60_000;
const NOTE_TIME_EVERY_MS = 5 * 60_000;
/** A failure that may be over at the next try is a risk when so many tries in a row have failed. */
const TRIES = 3;

export interface GraceDeps {
  readonly server: Pick<Server, 'call'>;
  readonly store: Store;
  readonly platform: Pick<Platform, 'clock'>;
  readonly stopwatch: Stopwatch;
  /** The vendor's keys, pinned in the app. Without them nothing is signed, stored or used offline. */
  readonly keys: readonly VerifyingKey[] | undefined;
  readonly expected: Expected;
  /** Called once for each cause when the signed license cannot be renewed. */
  atRisk(error: SeatleaseError): void;
}

/** What is stored, verified. */
export interface StoredState {
  readonly license: SignedLicense;
  readonly sessionId: string;
  readonly isBorrowed: boolean;
  /** Why a program cannot start with it without the server now; `undefined` if it can. */
  readonly problem: SeatleaseError | undefined;
}

/** What is stored, to be used. */
export interface Found extends StoredState {
  readonly stored: Stored;
  readonly time: ServerTime;
}

/** The terms of a grant. */
export type Terms = Pick<Grant, 'graceDays' | 'startDays' | 'borrowedUntil'>;

/** The offline grace: a signed license, stored for times without the server. */
export class Grace {
  readonly #deps: GraceDeps;
  #time: ServerTime;
  #license: SignedLicense | undefined;
  /** What this program stores with the current time; `undefined` until a license was signed or loaded. */
  #mine: Omit<Stored, 'time' | 'offlineSinceMs'> | undefined;
  /** Whether the server has granted a seat since the program started. */
  #isGranted = false;
  #startDays = 0;
  #offlineSinceMs: number | undefined;
  #reportedMs: number | undefined;
  #nextSignAtMs = 0;
  /** Session and loan of the latest signing: another session or loan needs another license. */
  #wanted = '';
  #failures = 0;
  /** Causes that `atRisk` has reported since the latest signed license. */
  readonly #reported = new Set<string>();
  #nextNoteAtMs = 0;
  /** Increases when the license is removed: a pending signing must not restore it. */
  #generation = 0;

  constructor(deps: GraceDeps) {
    this.#deps = deps;
    this.#time = new ServerTime(deps.platform.clock, deps.stopwatch);
  }

  get offlineUntil(): Date | undefined {
    return this.#license && new Date(this.#license.offlineUntilMs);
  }

  /** When a program started without the server, by the server's clock; `undefined` once the server knows it. */
  async offlineSince(): Promise<Date | undefined> {
    await this.#read().catch(() => undefined);
    return this.#offlineSinceMs === undefined ? undefined : new Date(this.#offlineSinceMs);
  }

  /** Why the program must not run without the server now; `undefined` if it may. */
  whyUnusable(): SeatleaseError | undefined {
    if (!this.#license) return new SeatleaseError('NO_ANSWER', 'No license is stored.');
    return whyUnusable(this.#license, this.#time);
  }

  /** Milliseconds until the license ends; 0 without a license. */
  leftMs(): number {
    return this.#license ? Math.max(this.#license.offlineUntilMs - this.#time.nowMs(), 0) : 0;
  }

  /** Measures the clock by an answer of the server: `serverMs` is the server's time in its body. */
  observe(sentAtMs: number, serverMs: number): void {
    if (this.#time.observe(sentAtMs, serverMs)) this.#nextNoteAtMs = 0;
  }

  /**
   * Requests and stores a signed license if that is due. Never throws: a failure is returned, reported and retried later.
   * `background`: no caller waits for it.
   */
  async signIfDue(sessionId: string, terms: Terms, background = true): Promise<SeatleaseError | undefined> {
    const { graceDays, startDays, borrowedUntil } = terms;
    if (!this.#deps.keys || (graceDays === 0 && !borrowedUntil)) return undefined;
    if (!this.#isGranted || startDays !== this.#startDays) this.#nextNoteAtMs = 0;
    this.#isGranted = true;
    this.#startDays = startDays;
    const nowMs = this.#deps.stopwatch.read();
    const wanted = `${sessionId} ${borrowedUntil?.getTime()}`;
    const isDue = nowMs >= this.#nextSignAtMs || (!background && this.#failures > 0);
    if (!isDue && wanted === this.#wanted) return undefined;
    this.#wanted = wanted;
    this.#nextSignAtMs = nowMs + TRY_AGAIN_AFTER_MS;
    return this.#sign(sessionId, borrowedUntil !== undefined, background);
  }

  /** Stores the current time for the next start, every five minutes. */
  async storeTime(): Promise<void> {
    if (!this.#mine || this.#deps.stopwatch.read() < this.#nextNoteAtMs) return;
    await this.#save();
  }

  /** What is stored; `undefined` if nothing is. Changes nothing. Throws if it cannot be verified. */
  async find(): Promise<Found | undefined> {
    const stored = await this.#read();
    if (!stored) return undefined;
    const { token, sessionId, isBorrowed } = stored.license;
    const license = await this.#verify(token);
    const time = this.#time.resumed(stored.time, license.issuedAtMs);
    const problem = whyUnusable(license, time) ?? whyNotStarted(stored, license, time);
    return { license, sessionId, isBorrowed, problem, stored, time };
  }

  /** Uses what was found. Returns whether the folder can be written. */
  async use({ license, stored, time }: Found): Promise<boolean> {
    this.#time = time;
    this.#mine = stored;
    this.#license = license;
    return this.#save();
  }

  /** Loads the stored license for a start without the server; `undefined` if nothing is stored. Throws if it cannot be used. */
  async load(): Promise<Found | undefined> {
    const found = await this.find();
    if (found?.problem) throw found.problem;
    if (!found || (await this.use(found))) return found;
    this.#license = undefined;
    // Where the time cannot be stored, a clock that is set back before each start would show nothing.
    throw notWritable();
  }

  /** The loaded license is used to start a program without the server. */
  startedOffline(): void {
    this.#offlineSinceMs ??= Math.floor(this.#time.nowMs());
    void this.#save();
  }

  /** The server has got `offlineSince`. */
  reported(): void {
    if (this.#offlineSinceMs === undefined) return;
    const reportedMs = this.#offlineSinceMs;
    this.#reportedMs = reportedMs;
    this.#offlineSinceMs = undefined;
    void this.#deps.store.update((stored) =>
      stored?.offlineSinceMs === reportedMs ? { ...stored, offlineSinceMs: undefined } : stored,
    );
  }

  /**
   * The server has confirmed the release. If the license allows a start offline after a release, the stored license stays,
   * with a note of the release; a loan and any other license is deleted. A loan of another program stays.
   */
  async released(startDays: number): Promise<void> {
    const isLoan = this.#mine?.license.isBorrowed;
    const time = this.#time.note();
    this.forget();
    await this.#deps.store.update((stored) => {
      if (stored?.license.isBorrowed && !isLoan) return stored;
      return stored && !isLoan && startDays > 0
        ? { ...stored, time, startDays, isReleased: true }
        : undefined;
    });
  }

  /** Deletes the stored license: the server has said that there is no right to it. A loan of another program stays. */
  async remove(): Promise<void> {
    const isOfLoan = this.#mine?.license.isBorrowed ?? true;
    this.forget();
    await this.#deps.store.update((stored) => (stored?.license.isBorrowed && !isOfLoan ? stored : undefined));
  }

  /** The loan of this machine has been returned, or has ended. */
  async loanEnded(): Promise<void> {
    if (this.#mine?.license.isBorrowed) this.forget();
    await this.#deps.store.update((stored) => (stored?.license.isBorrowed ? undefined : stored));
  }

  /** What is stored is no longer used by this program. */
  protected forget(): void {
    this.#generation += 1;
    this.#license = undefined;
    this.#mine = undefined;
    this.#isGranted = false;
    this.#wanted = '';
  }

  async #sign(
    sessionId: string,
    isBorrowed: boolean,
    background: boolean,
  ): Promise<SeatleaseError | undefined> {
    const { server, stopwatch } = this.#deps;
    const generation = this.#generation;
    const wanted = this.#wanted;
    const isWanted = (): boolean => generation === this.#generation && wanted === this.#wanted;
    try {
      const answer = await server.call('sign', {
        body: { session_id: sessionId },
        timeoutMs: LONGEST_TIMEOUT_MS,
        background,
        read: readSigned,
      });
      if (answer.error) throw answer.error;
      const token = answer.body;
      const license = await this.#verify(token);
      if (!isWanted()) return undefined;
      const { licenseId, issuedAtMs, offlineUntilMs } = license;
      this.#time.prove(answer.sentAtMs, license);
      this.#license = license;
      this.#nextSignAtMs = stopwatch.read() + SIGN_AGAIN_AFTER_MS * (1 - 0.1 * Math.random());
      this.#failures = 0;
      this.#reported.clear();
      const stored: StoredLicense = { token, licenseId, sessionId, isBorrowed, issuedAtMs, offlineUntilMs };
      this.#mine = { license: stored, startDays: this.#startDays, isReleased: false };
      const isStored = await this.#save(true);
      // Only a loan needs the file: it is for later programs.
      return isStored ? undefined : notWritable();
    } catch (error) {
      // The license of before stays usable until its end.
      if (isWanted()) this.#failed(error as SeatleaseError);
      return error as SeatleaseError;
    }
  }

  #failed(error: SeatleaseError): void {
    this.#failures += 1;
    const pauseMs = Math.min((error.retryAfterSeconds ?? 0) * 1000, SIGN_AGAIN_AFTER_MS);
    this.#nextSignAtMs = this.#deps.stopwatch.read() + Math.max(pauseMs, TRY_AGAIN_AFTER_MS);
    if ((this.#failures < TRIES && isTemporary(error)) || this.#reported.has(error.code)) return;
    this.#reported.add(error.code);
    this.#deps.atRisk(error);
  }

  /** Stores what this program knows, and returns whether that succeeded. `isNew`: also if nothing is stored. */
  async #save(isNew = false): Promise<boolean> {
    const generation = this.#generation;
    this.#nextNoteAtMs = this.#deps.stopwatch.read() + NOTE_TIME_EVERY_MS;
    return this.#deps.store.update((stored) => {
      const mine = this.#mine;
      if (!mine || generation !== this.#generation) return stored;
      const isGranted = this.#isGranted;
      const ours = {
        ...mine,
        time: this.#time.note(),
        startDays: isGranted ? this.#startDays : mine.startDays,
        isReleased: !isGranted && mine.isReleased,
        offlineSinceMs: this.#offlineSinceMs,
      };
      if (stored)
        return join({ ...ours, isGranted, reportedMs: this.#reportedMs }, stored, this.#time.nowMs());
      // Another program has deleted it: a loan was returned, or the seat was released, which this program still holds.
      return isNew || (isGranted && !mine.license.isBorrowed) ? ours : stored;
    });
  }

  async #read(): Promise<Stored | undefined> {
    if (!this.#deps.keys) return undefined;
    const stored = await this.#deps.store.read();
    if (stored?.offlineSinceMs !== this.#reportedMs) this.#offlineSinceMs ??= stored?.offlineSinceMs;
    return stored;
  }

  #verify(token: string): Promise<SignedLicense> {
    const { keys = [], expected } = this.#deps;
    return verifyToken(token, keys, expected);
  }
}

function whyUnusable({ offlineUntilMs }: SignedLicense, time: ServerTime): SeatleaseError | undefined {
  if (time.isRolledBack())
    return new SeatleaseError('CLOCK_ROLLED_BACK', 'The clock was set back: set it right, or go online.');
  if (time.nowMs() < offlineUntilMs) return undefined;
  return new SeatleaseError(
    'OFFLINE_LICENSE_EXPIRED',
    `Offline use was allowed until ${timestamp(offlineUntilMs)}.`,
  );
}

function notWritable(): SeatleaseError {
  return new SeatleaseError('OFFLINE_START_NOT_ALLOWED', 'No offline use: the state folder is not writable.');
}

/** Only a start needs it: a program that runs may use the license until its end. */
function whyNotStarted(
  { isReleased, startDays, time: { contactMs }, license: { isBorrowed } }: Stored,
  { offlineUntilMs }: SignedLicense,
  time: ServerTime,
): SeatleaseError | undefined {
  const untilMs = Math.min(offlineUntilMs, contactMs + startDays * DAY_MS);
  if (!isReleased || isBorrowed || time.nowMs() < untilMs) return undefined;
  return new SeatleaseError(
    'OFFLINE_START_NOT_ALLOWED',
    `Offline starts were allowed until ${timestamp(untilMs)}.`,
    { members: { until: timestamp(untilMs) } },
  );
}

/** The next try may succeed: the server does not answer, or the session has just ended and the seat is acquired again. */
function isTemporary(error: SeatleaseError): boolean {
  const step = stepAfter(error, true);
  return step === 'acquire' || step === 'outage';
}

function timestamp(ms: number): string {
  return new Date(ms).toISOString();
}
