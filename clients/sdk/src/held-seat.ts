import type { SeatleaseError } from './errors.ts';
import { Emitter, type Off } from './events.ts';
import { HeartbeatLoop, type HeartbeatOutcome } from './heartbeat-loop.ts';
import type { Grace } from './offline/grace.ts';
import { type Grant, readHeartbeat } from './parse-answers.ts';
import type { AtExit, Platform } from './platform.ts';
import { type ReleaseRequest, releaseBody, releaseSeat } from './release-calls.ts';
import type { LostReason, Seat, SeatEvents, SeatState } from './seat.ts';
import type { Answer, Server } from './server.ts';
import type { Stopwatch } from './stopwatch.ts';

export interface HeldSeatDeps {
  readonly platform: Platform;
  readonly stopwatch: Stopwatch;
  readonly server: Server;
  readonly grace: Grace;
  /** Names this seat to the server, also when it is acquired anew. */
  readonly instanceId: string;
  /** Acquires the seat from the server: it started offline, or the server has lost its session. */
  acquire(timeoutMs: number): Promise<Answer<Grant>>;
  emit<Name extends keyof SeatEvents>(name: Name, event: SeatEvents[Name]): void;
  /** Releases a grant that arrives after the seat was released here. */
  releaseUnwanted(grant: Grant): void;
}

/** Properties of a seat, from a grant or from a stored license. */
export interface SeatFacts {
  readonly sessionId: string;
  readonly licenseId: string;
  readonly borrowedUntil: Date | undefined;
}

/** Problem codes that end a session permanently. */
export const FINAL_CODES: ReadonlySet<string> = new Set([
  'SESSION_NOT_FOUND',
  'LICENSE_SUSPENDED',
  'LICENSE_EXPIRED',
  'LICENSE_NOT_FOUND',
  'CREDENTIALS_INVALID',
  // The sign-in itself has ended.
  'GRANT_INVALID',
]);

export class HeldSeat implements Seat {
  readonly instanceId: string;
  readonly #deps: HeldSeatDeps;
  readonly #emitter: Emitter<SeatEvents>;
  readonly #heartbeats: HeartbeatLoop;
  #facts: SeatFacts;
  /** `undefined` while the seat has no session: until the server grants it, also anew. */
  #token: string | undefined;
  /** Whether the server has granted it before. */
  #wasHeld = false;
  #hasGrace = true;
  #end: 'released' | 'lost' | undefined;
  #lastState: SeatState = 'online';
  #releasing: Promise<void> | undefined;
  #offExit: () => void = () => undefined;

  constructor(deps: HeldSeatDeps, facts: SeatFacts) {
    this.#deps = deps;
    this.instanceId = deps.instanceId;
    this.#facts = facts;
    this.#emitter = new Emitter((error) => deps.platform.report(error));
    this.#heartbeats = new HeartbeatLoop({
      clock: deps.platform.clock,
      stopwatch: deps.stopwatch,
      heartbeat: (timeoutMs) => this.#heartbeat(timeoutMs),
      changed: (outcome) => this.#changed(outcome),
      nextChangeMs: () => deps.grace.leftMs(),
    });
  }

  get sessionId(): string {
    return this.#facts.sessionId;
  }

  get licenseId(): string {
    return this.#facts.licenseId;
  }

  get borrowedUntil(): Date | undefined {
    return this.#facts.borrowedUntil;
  }

  get offlineUntil(): Date | undefined {
    return this.#end ? undefined : this.#deps.grace.offlineUntil;
  }

  get state(): SeatState {
    if (this.#end) return this.#end === 'released' ? 'released' : 'expired';
    if (this.#heartbeats.isOnline()) return 'online';
    return this.#heartbeats.isLeased() || !this.#deps.grace.whyUnusable() ? 'offline' : 'expired';
  }

  /** Whether it was released, or is lost permanently. */
  get hasEnded(): boolean {
    return this.#end !== undefined;
  }

  get mayRun(): boolean {
    return this.state === 'online' || this.state === 'offline';
  }

  get holdsLease(): boolean {
    return !this.#end && this.#heartbeats.isLeased();
  }

  on<Name extends keyof SeatEvents>(name: Name, listener: (event: SeatEvents[Name]) => void): Off {
    return this.#emitter.on(name, listener);
  }

  /** Starts, or restarts, with a grant. `sentAtMs`: when its request was sent. */
  hold(grant: Grant, sentAtMs: number): void {
    const before = { sessionId: this.sessionId, token: this.#token };
    this.#take(grant);
    // A loan replaces the session with heartbeats.
    if (before.token !== undefined && before.sessionId !== grant.sessionId)
      void this.#endSession(before, 'short');
    this.#heartbeats.start({ sentAtMs, ...grant }, grant.borrowedUntil !== undefined);
  }

  /** Starts with a stored license, while the server does not answer. */
  holdOffline(): void {
    this.#releaseAtExit();
    this.#lastState = 'offline';
    this.#heartbeats.start(undefined, false);
  }

  release(): Promise<void> {
    this.#releasing ??= this.#release().catch((error: unknown) => {
      this.#releasing = undefined;
      throw error;
    });
    return this.#releasing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.release();
  }

  async #release(): Promise<void> {
    const hasEnded = this.#end === 'lost';
    this.#end = 'released';
    this.#heartbeats.stop();
    if (hasEnded) return;
    const { sessionId, borrowedUntil } = this;
    // A seat that started offline has no session of its own yet: the stored one may be another program's.
    const hasSession = this.#token !== undefined || borrowedUntil !== undefined;
    const patience = borrowedUntil ? 'long' : 'short';
    const session = { sessionId, token: this.#token };
    const error = hasSession ? await this.#endSession(session, patience) : undefined;
    // Until the server has confirmed the release, the seat is still taken, and an offline start may use it again.
    if (hasSession && !error) await this.#deps.grace.remove();
    this.#offExit();
    if (error && borrowedUntil) throw error;
  }

  #endSession(
    session: Omit<ReleaseRequest, 'patience'>,
    patience: ReleaseRequest['patience'],
  ): Promise<SeatleaseError | undefined> {
    const { platform, server, stopwatch } = this.#deps;
    return releaseSeat(server, platform.clock, stopwatch, { ...session, patience });
  }

  async #heartbeat(timeoutMs: number): Promise<HeartbeatOutcome> {
    const { sessionId } = this;
    const isBorrowed = this.borrowedUntil !== undefined;
    if (this.#token === undefined && !isBorrowed) return this.#acquire(timeoutMs);
    const answer = await this.#deps.server.call('heartbeat', {
      body: { session_id: sessionId, session_token: this.#token },
      timeoutMs,
      background: true,
      read: (body) => readHeartbeat(body, sessionId),
    });
    // The seat has a new session by now: this answer is about the old one.
    if (sessionId !== this.sessionId) return { kind: 'missed', retryAfterSeconds: undefined };
    if (answer.kind === 'refused' && hasOnlyExpired(answer.error) && !this.#end) {
      this.#token = undefined;
      this.#facts = { ...this.#facts, borrowedUntil: undefined };
      return this.#acquire(timeoutMs);
    }
    if (answer.kind !== 'good') return this.#failed(answer, FINAL_CODES.has(answer.error.code));
    this.#token = answer.body.sessionToken;
    this.#deps.grace.see(answer.dateMs);
    return {
      kind: 'good',
      extension: { sentAtMs: answer.sentAtMs, ...answer.body },
      isBorrowed,
      revived: answer.body.revived,
    };
  }

  /** For a seat that started offline, or whose session has expired: any refusal is final. */
  async #acquire(timeoutMs: number): Promise<HeartbeatOutcome> {
    const answer = await this.#deps.acquire(timeoutMs);
    if (answer.kind !== 'good') return this.#failed(answer, answer.kind === 'refused');
    const grant = answer.body;
    if (this.#end) {
      this.#deps.releaseUnwanted(grant);
      return { kind: 'ended' };
    }
    const revived = this.#wasHeld;
    this.#take(grant);
    const isBorrowed = grant.borrowedUntil !== undefined;
    return { kind: 'good', extension: { sentAtMs: answer.sentAtMs, ...grant }, isBorrowed, revived };
  }

  #failed(answer: Exclude<Answer<unknown>, { kind: 'good' }>, isFinal: boolean): HeartbeatOutcome {
    if (answer.kind === 'none' || !isFinal)
      return { kind: 'missed', retryAfterSeconds: answer.error.retryAfterSeconds };
    if (!this.#end) this.#lose(answer.error.code);
    return { kind: 'ended' };
  }

  #take(grant: Grant): void {
    this.#wasHeld = true;
    this.#facts = grant;
    this.#token = grant.sessionToken;
    this.#hasGrace = grant.offlineGraceDays > 0 || grant.borrowedUntil !== undefined;
    this.#releaseAtExit();
  }

  #lose(reason: LostReason): void {
    this.#end = 'lost';
    this.#lastState = 'expired';
    this.#heartbeats.stop();
    this.#offExit();
    void this.#deps.grace.remove();
    this.#emit('lost', { seat: this, reason });
  }

  #changed(outcome: HeartbeatOutcome | undefined): void {
    if (this.#end) return;
    const { grace } = this.#deps;
    const { state } = this;
    if (state === 'online' && this.#hasGrace) void grace.signIfDue(this.sessionId, this.borrowedUntil);
    void grace.storeTime();
    const before = this.#lastState;
    this.#lastState = state;
    if (outcome?.kind === 'good' && outcome.revived) this.#emit('revived', { seat: this });
    // A listener of `revived` may have released it.
    if (state === before || this.#end) return;
    if (state === 'online') this.#emit('online', { seat: this });
    if (state === 'offline') this.#emit('offline', { seat: this });
    if (state === 'expired') this.#emit('lost', { seat: this, reason: this.#whyExpired() });
  }

  #whyExpired(): LostReason {
    const code = this.#deps.grace.whyUnusable()?.code;
    return code === 'CLOCK_ROLLED_BACK' ? code : 'expired';
  }

  #emit<Name extends keyof SeatEvents>(name: Name, event: SeatEvents[Name]): void {
    this.#emitter.emit(name, event);
    this.#deps.emit(name, event);
  }

  #releaseAtExit(): void {
    this.#offExit();
    this.#offExit = this.borrowedUntil ? () => undefined : this.#deps.platform.atExit(this.#exit);
  }

  readonly #exit: AtExit = {
    inTime: () => this.release(),
    afterwards: () =>
      this.#end === 'lost' || this.#token === undefined
        ? undefined
        : this.#deps.server.releaseRequest(releaseBody(this.sessionId, this.#token)),
  };
}

/** Whether neither the program nor an admin ended the session, so that the program may acquire again. */
function hasOnlyExpired({ code, members }: SeatleaseError): boolean {
  return code === 'SESSION_NOT_FOUND' && members.ended !== 'released' && members.ended !== 'evicted';
}
