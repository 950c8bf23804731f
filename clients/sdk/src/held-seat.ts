import type { SendAcquire } from './acquire-calls.ts';
import type { SeatleaseError } from './errors.ts';
import { Emitter } from './events.ts';
import { HeartbeatLoop, type KeptSeat } from './heartbeat-loop.ts';
import type { Grace } from './offline/grace.ts';
import { type Entitlements, type Grant, type HeartbeatAnswer, readHeartbeat } from './parse-answers.ts';
import type { AtExit } from './platform.ts';
import { type ReleaseDeps, releaseSeat, type SessionBody } from './release-calls.ts';
import { SEAT_EVENTS, type Seat, type SeatEvents, type SeatState } from './seat.ts';
import type { SeatUnderstudy, UnderstudiedSeat } from './seat-understudy.ts';
import type { Answer } from './server.ts';
import { isRefusal, stepAfter } from './steps.ts';

export interface HeldSeatDeps extends ReleaseDeps {
  readonly grace: Grace;
  readonly acquire: SendAcquire;
  /** Missing in browsers. */
  readonly openUnderstudy?: (deps: ReleaseDeps, seat: UnderstudiedSeat) => SeatUnderstudy;
  emit<Name extends keyof SeatEvents>(name: Name, event: SeatEvents[Name]): void;
}

/** Properties of a seat, from a grant or from a stored license. */
export type SeatFacts = Pick<
  Grant,
  'sessionId' | 'licenseId' | 'borrowedUntil' | 'entitlements' | 'graceDays' | 'startDays'
>;

export class HeldSeat extends Emitter<SeatEvents> implements Seat, KeptSeat, UnderstudiedSeat {
  /** Names this seat to the server, also when it is acquired again. */
  readonly instanceId: string;
  readonly #deps: HeldSeatDeps;
  readonly #heartbeats: HeartbeatLoop;
  readonly #understudy: SeatUnderstudy | undefined;
  #facts: SeatFacts;
  /** `undefined` while the seat has no session: until the server grants it, or grants it again. */
  #token: string | undefined;
  /** When the request was sent whose answer had the token. */
  #tokenSentAtMs = 0;
  /** Whether the server has granted it before. */
  #wasHeld = false;
  #end: 'released' | 'lost' | undefined;
  #problem: SeatleaseError | undefined;
  /** The server said that the seat is not ours: only what is left of the lease may be used, until a good answer. */
  #refusal: SeatleaseError | undefined;
  #isReacquired = false;
  /** The state that was last reported to listeners. */
  #reported: SeatState = 'online';
  #releasing: Promise<void> | undefined;
  #offExit: (() => void) | undefined;

  constructor(deps: HeldSeatDeps, instanceId: string, facts: SeatFacts) {
    super(SEAT_EVENTS, deps.platform);
    this.#deps = deps;
    this.instanceId = instanceId;
    this.#facts = facts;
    this.#understudy = deps.openUnderstudy?.(deps, this);
    this.#heartbeats = new HeartbeatLoop(deps, this, this.#understudy);
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

  get plan(): string | undefined {
    return this.#entitlements().plan;
  }

  get features(): readonly string[] {
    return this.#entitlements().features;
  }

  get limits(): Readonly<Record<string, number>> {
    return this.#entitlements().limits;
  }

  has(feature: string): boolean {
    return this.features.includes(feature);
  }

  get state(): SeatState {
    this.#understudy?.drain();
    return this.stateNow();
  }

  /** Whether it was released, or is lost permanently. */
  hasEnded(): boolean {
    return this.#end !== undefined;
  }

  get mayRun(): boolean {
    const { state } = this;
    return state === 'online' || state === 'offline';
  }

  get holdsLease(): boolean {
    this.#understudy?.drain();
    return !this.#end && this.#heartbeats.isLeased();
  }

  get problem(): SeatleaseError | undefined {
    const { state } = this;
    return state === 'online' || state === 'released' ? undefined : this.#problem;
  }

  /** For JSON, and for `console.log` in Node. */
  toJSON(): Record<string, unknown> {
    const shown: Record<string, unknown> = {};
    for (const [name, { get }] of Object.entries(Object.getOwnPropertyDescriptors(HeldSeat.prototype)))
      if (get) shown[name] = get.call(this);
    const { problem } = this;
    if (problem) shown.problem = { code: problem.code, message: problem.message };
    return shown;
  }

  [Symbol.for('nodejs.util.inspect.custom')](): unknown {
    return this.toJSON();
  }

  /** Starts, or restarts, with a grant. `sentAtMs`: when its request was sent. */
  hold(grant: Grant, sentAtMs: number): void {
    const before = this.session();
    this.#take(grant, sentAtMs);
    // A loan replaces the session with heartbeats.
    if (before && before.session_id !== grant.sessionId) void releaseSeat(this.#deps, before);
    this.#heartbeats.start({ ...grant, sentAtMs });
  }

  /** Starts with a stored loan, whose heartbeat the server has answered. */
  holdLoan(answer: HeartbeatAnswer, sentAtMs: number): void {
    this.#extend(answer, sentAtMs);
    this.#heartbeats.start({ ...answer, sentAtMs });
  }

  /** Starts with a stored license, while the server does not answer. `problem`: why. */
  holdOffline(problem: SeatleaseError): void {
    this.#releaseAtExit();
    this.#problem = problem;
    this.#reported = 'offline';
    this.#heartbeats.start();
  }

  /** The offline grace is not renewed. */
  warn(error: SeatleaseError): void {
    if (!this.#end) this.#emit('graceAtRisk', { seat: this, error, offlineUntil: this.offlineUntil });
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
    const isLost = this.#end === 'lost';
    this.#end = 'released';
    this.#stop();
    if (isLost) return;
    const { borrowedUntil } = this;
    // A seat that started offline has no session of its own yet: the stored one may be another program's.
    const hasSession = this.#token !== undefined || borrowedUntil !== undefined;
    const error = hasSession ? await releaseSeat(this.#deps, this.#session, !!borrowedUntil) : undefined;
    // Until the server has confirmed the release, the seat is still taken, and an offline start may use it again.
    if (hasSession && !error) await this.#deps.grace.released(this.#facts.startDays);
    this.#offExit?.();
    if (error && borrowedUntil) throw error;
  }

  hurry(): void {
    this.#heartbeats.hurry();
  }

  session(): SessionBody | undefined {
    return this.#end === 'lost' || this.#token === undefined ? undefined : this.#session;
  }

  get #session(): SessionBody {
    return { session_id: this.sessionId, session_token: this.#token };
  }

  #entitlements(): Entitlements {
    this.#understudy?.drain();
    return this.#facts.entitlements;
  }

  stateNow(): SeatState {
    if (this.#end) return this.#end === 'released' ? 'released' : 'expired';
    if (this.#heartbeats.isLeased()) return this.#heartbeats.hasFailed() ? 'offline' : 'online';
    return this.#refusal || this.#deps.grace.whyUnusable() ? 'expired' : 'offline';
  }

  async send(timeoutMs: number): Promise<SeatleaseError | undefined> {
    const { sessionId, borrowedUntil } = this.#facts;
    if (this.#token === undefined && !borrowedUntil) return this.#acquire(timeoutMs);
    const answer = await this.#deps.server.call('heartbeat', {
      body: this.#session,
      timeoutMs,
      background: true,
      read: (body) => readHeartbeat(body, sessionId),
    });
    // The seat has a new session by now: this answer is about the old one.
    if (this.#end || sessionId !== this.sessionId) return undefined;
    const error = this.applyHeartbeat(answer);
    return error && stepAfter(error, true) === 'acquire' ? this.#acquire(timeoutMs) : error;
  }

  async #acquire(timeoutMs: number): Promise<SeatleaseError | undefined> {
    const answer = await this.#deps.acquire({ instanceId: this.instanceId, timeoutMs, background: true });
    if (answer.error) return this.#end ? undefined : this.#failed(answer.error);
    const { body: grant, sentAtMs } = answer;
    if (this.#end) {
      void releaseSeat(this.#deps, { session_id: grant.sessionId, session_token: grant.sessionToken });
      return undefined;
    }
    this.#isReacquired ||= this.#wasHeld;
    this.#take(grant, sentAtMs);
    this.#heartbeats.extend({ ...grant, sentAtMs });
    return undefined;
  }

  /** Returns why it failed. */
  applyHeartbeat(answer: Answer<HeartbeatAnswer>): SeatleaseError | undefined {
    if (answer.error) return this.#failed(answer.error);
    const { body, sentAtMs } = answer;
    this.#isReacquired ||= body.revived;
    this.#extend(body, sentAtMs);
    this.#heartbeats.extend({ ...body, sentAtMs });
    return undefined;
  }

  #extend({ sessionToken, entitlements, serverMs }: HeartbeatAnswer, sentAtMs: number): void {
    this.#good(sessionToken, sentAtMs);
    if (entitlements) this.#facts = { ...this.#facts, entitlements };
    this.#deps.grace.observe(sentAtMs, serverMs);
  }

  #take(grant: Grant, sentAtMs: number): void {
    this.#wasHeld = true;
    this.#facts = grant;
    this.#good(grant.sessionToken, sentAtMs);
    this.#releaseAtExit();
  }

  #good(token: string, sentAtMs: number): void {
    this.#problem = undefined;
    this.#refusal = undefined;
    if (sentAtMs < this.#tokenSentAtMs) return;
    this.#token = token;
    this.#tokenSentAtMs = sentAtMs;
  }

  #failed(error: SeatleaseError): SeatleaseError | undefined {
    this.#problem = error;
    const step = stepAfter(error, true);
    if (step === 'stop') {
      this.#lose(error);
      return undefined;
    }
    if (step === 'acquire') {
      this.#token = undefined;
      this.#facts = { ...this.#facts, borrowedUntil: undefined };
    }
    if (isRefusal(error)) this.#refusal = error;
    return error;
  }

  #lose(error: SeatleaseError): void {
    this.#end = 'lost';
    this.#stop();
    this.#offExit?.();
    void this.#deps.grace.remove();
    // The program may just read the state: its listeners run afterwards.
    queueMicrotask(() => {
      if (this.#end === 'lost') this.#emit('lost', { seat: this, reason: error.code, isFinal: true, error });
    });
  }

  #stop(): void {
    this.#heartbeats.stop();
    this.#understudy?.stop();
  }

  changed(): void {
    const { grace } = this.#deps;
    const state = this.stateNow();
    if (state === 'online') void grace.signIfDue(this.sessionId, this.#facts);
    void grace.storeTime();
    if (this.#isReacquired) {
      this.#isReacquired = false;
      this.#reported = 'expired';
      this.#emit('reacquired', { seat: this });
    }
    // A listener may have released it.
    if (this.#end || state === this.#reported) return;
    // After a sleep, nothing has failed yet, and the next try may succeed: only the state shows it.
    const isSure = this.#refusal || this.#heartbeats.hasFailed() || this.borrowedUntil;
    if (state !== 'online' && !isSure) return;
    this.#reported = state;
    if (state === 'online' || state === 'offline') this.#emit(state, { seat: this });
    else this.#emit('lost', { seat: this, isFinal: false, ...this.#whyExpired() });
  }

  #whyExpired(): Pick<SeatEvents['lost'], 'reason' | 'error'> {
    const clock = this.#deps.grace.whyUnusable();
    const known = this.#refusal ?? (clock?.code === 'CLOCK_ROLLED_BACK' ? clock : undefined);
    return { reason: known?.code ?? 'expired', error: known ?? this.#problem };
  }

  #emit<Name extends keyof SeatEvents>(name: Name, event: SeatEvents[Name]): void {
    this.emit(name, event);
    this.#deps.emit(name, event);
  }

  #releaseAtExit(): void {
    this.#offExit?.();
    this.#offExit = this.borrowedUntil ? undefined : this.#deps.platform.atExit(this.#exit);
  }

  readonly #exit: AtExit = {
    inTime: () => this.release(),
    afterwards: () => {
      const session = this.session();
      return session && this.#deps.server.requestFor('release', session);
    },
  };
}
