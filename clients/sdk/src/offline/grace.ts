import { SeatleaseError } from '../errors.ts';
import type { PublicKeys } from '../options.ts';
import { readKeySet, readSigned } from '../parse-answers.ts';
import type { Clock } from '../platform.ts';
import type { Server } from '../server.ts';
import type { Stopwatch } from '../stopwatch.ts';
import { importKeys } from './keys.ts';
import { SeenTime } from './seen-time.ts';
import type { Store, Stored } from './store.ts';
import { type Expected, invalid, type SignedLicense, verifyToken } from './token.ts';

const SIGN_AGAIN_AFTER_MS = 24 * 3600_000;
const TRY_AGAIN_AFTER_MS = 10 * 60_000;
const NOTE_TIME_EVERY_MS = 5 * 60_000;
const TIMEOUT_MS = 10_000;

export interface GraceDeps {
  readonly server: Server;
  readonly store: Store;
  readonly clock: Clock;
  readonly stopwatch: Stopwatch;
  /** The vendor's keys, if they are in the app. */
  readonly publicKeys: PublicKeys | undefined;
  readonly expected: Expected;
}

export interface Held {
  readonly license: SignedLicense;
  readonly sessionId: string;
  readonly isBorrowed: boolean;
}

/** The offline grace: a signed license, stored for times without the server. */
export class Grace {
  readonly #deps: GraceDeps;
  readonly #time: SeenTime;
  #held: Held | undefined;
  #stored: Stored | undefined;
  #nextSignAtMs = 0;
  /** Session and loan of the latest signing: another session or loan needs another license. */
  #wanted = '';
  #nextNoteAtMs = 0;
  /** Increases when the license is removed: a pending signing must not restore it. */
  #generation = 0;
  #writes: Promise<void> = Promise.resolve();

  constructor(deps: GraceDeps) {
    this.#deps = deps;
    this.#time = new SeenTime(deps.clock, deps.stopwatch);
  }

  get offlineUntil(): Date | undefined {
    return this.#held && new Date(this.#held.license.offlineUntilMs);
  }

  /** Why the program must not run without the server now; `undefined` if it may. */
  whyUnusable(): SeatleaseError | undefined {
    if (!this.#held)
      return new SeatleaseError('NO_ANSWER', 'There is no stored license for running offline.');
    if (this.#time.isRolledBack())
      return new SeatleaseError(
        'CLOCK_ROLLED_BACK',
        'The clock shows an earlier time than was seen before. Set the clock, or go online.',
      );
    if (this.#time.nowMs() >= this.#held.license.offlineUntilMs)
      return new SeatleaseError('OFFLINE_LICENSE_EXPIRED', 'The stored license has expired.');
    return undefined;
  }

  /** Milliseconds until the license ends; 0 without a license. */
  leftMs(): number {
    return this.#held ? Math.max(this.#held.license.offlineUntilMs - this.#time.nowMs(), 0) : 0;
  }

  /** Records the time in an answer of the server. */
  see(dateMs: number | undefined): void {
    if (dateMs !== undefined) this.#time.see(dateMs);
  }

  /** Requests and stores a signed license if that is due. Never throws: a failure is retried later. */
  async signIfDue(sessionId: string, borrowedUntil: Date | undefined, background = true): Promise<void> {
    const nowMs = this.#deps.stopwatch.read();
    const wanted = `${sessionId} ${borrowedUntil?.getTime()}`;
    if (nowMs < this.#nextSignAtMs && wanted === this.#wanted) return;
    this.#wanted = wanted;
    this.#nextSignAtMs = nowMs + TRY_AGAIN_AFTER_MS;
    await this.#sign(sessionId, borrowedUntil !== undefined, background).catch(() => undefined);
  }

  /** Stores the current time for the next start. */
  async storeTime(): Promise<void> {
    if (!this.#stored || this.#deps.stopwatch.read() < this.#nextNoteAtMs) return;
    await this.#write({ ...this.#stored, latestMs: this.#time.nowMs() });
  }

  async isStored(): Promise<boolean> {
    return (await this.#deps.store.read()) !== undefined;
  }

  async isLoanStored(): Promise<boolean> {
    const stored = await this.#deps.store.read();
    return stored !== undefined && stored !== 'broken' && stored.isBorrowed;
  }

  /** Loads and verifies the stored license; `undefined` if nothing is stored. Throws if it cannot be used. */
  async load(): Promise<Held | undefined> {
    const stored = await this.#deps.store.read();
    if (stored === undefined) return undefined;
    if (stored === 'broken') throw invalid('It was changed after it was stored.');
    const keys = await importKeys(this.#deps.publicKeys ?? stored.keys ?? { keys: [] });
    const license = await verifyToken(stored.token, keys, {
      ...this.#deps.expected,
      licenseId: this.#deps.expected.licenseId ?? stored.licenseId,
    });
    this.#time.see(Math.max(stored.latestMs, license.issuedAtMs));
    const { sessionId, isBorrowed } = stored;
    this.#held = { license, sessionId, isBorrowed };
    this.#stored = stored;
    const error = this.whyUnusable();
    if (error) {
      this.#held = undefined;
      throw error;
    }
    return this.#held;
  }

  async remove(): Promise<void> {
    this.#generation += 1;
    this.#held = undefined;
    this.#stored = undefined;
    this.#wanted = '';
    await this.#inTurn(() => this.#deps.store.remove());
  }

  async #sign(sessionId: string, isBorrowed: boolean, background: boolean): Promise<void> {
    const { server, publicKeys, expected, stopwatch } = this.#deps;
    const generation = this.#generation;
    const wanted = this.#wanted;
    const body = { session_id: sessionId };
    const answer = await server.call('sign', { body, timeoutMs: TIMEOUT_MS, background, read: readSigned });
    if (answer.kind !== 'good') return;
    const token = answer.body;
    const keySet = publicKeys === undefined ? await this.#keySet(background) : undefined;
    const license = await verifyToken(
      token,
      await importKeys(publicKeys ?? keySet ?? { keys: [] }),
      expected,
    );
    // Another session or loan needs another license.
    if (wanted !== this.#wanted || generation !== this.#generation) return;
    this.#time.correct(Math.max(license.issuedAtMs, answer.dateMs ?? 0), answer.sentAtMs);
    this.#held = { license, sessionId, isBorrowed };
    this.#nextSignAtMs = stopwatch.read() + SIGN_AGAIN_AFTER_MS * (1 - 0.1 * Math.random());
    await this.#write({
      token,
      keys: keySet,
      licenseId: license.licenseId,
      sessionId,
      latestMs: this.#time.nowMs(),
      isBorrowed,
    });
  }

  /** The keys that the server publishes now, without revoked ones; the stored keys if it does not answer. */
  async #keySet(background: boolean): Promise<Stored['keys']> {
    const answer = await this.#deps.server.call('publicKeyJwks', {
      timeoutMs: TIMEOUT_MS,
      background,
      read: readKeySet,
    });
    return answer.kind === 'good' ? answer.body : this.#stored?.keys;
  }

  async #write(stored: Stored): Promise<void> {
    const generation = this.#generation;
    this.#stored = stored;
    this.#nextNoteAtMs = this.#deps.stopwatch.read() + NOTE_TIME_EVERY_MS;
    await this.#inTurn(async () => {
      if (generation === this.#generation) await this.#deps.store.write(stored);
    });
  }

  #inTurn(job: () => Promise<void>): Promise<void> {
    this.#writes = this.#writes.then(job, job);
    return this.#writes;
  }
}
