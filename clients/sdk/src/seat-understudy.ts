import type { Lease } from './lease.ts';
import { type HeartbeatAnswer, readHeartbeat } from './parse-answers.ts';
import type { Understudy, UnderstudyAnswer } from './platform.ts';
import type { ReleaseDeps, SessionBody } from './release-calls.ts';
import type { Answer } from './server.ts';

/** The seat that an understudy sends heartbeats for. */
export interface UnderstudiedSeat {
  /** `undefined` before its grant, and once it is lost. */
  session(): SessionBody | undefined;
  applyHeartbeat(answer: Answer<HeartbeatAnswer>): void;
  /** Its own next heartbeat is due now. */
  hurry(): void;
}

const LEAST_RETRY_MS = 1000;

/** Plans heartbeats of one seat for the case that the event loop is blocked, and applies their answers afterwards. */
export class SeatUnderstudy {
  readonly #deps: ReleaseDeps;
  readonly #seat: UnderstudiedSeat;
  #understudy: Understudy | undefined;

  constructor(deps: ReleaseDeps, seat: UnderstudiedSeat) {
    this.#deps = deps;
    this.#seat = seat;
  }

  /** The understudy sends only if the event loop is blocked for one pause after `atMs`; nothing without a lease. */
  plan(atMs: number, lease: Lease | undefined): void {
    const { server, platform, stopwatch } = this.#deps;
    const session = this.#seat.session();
    if (!lease || !session) {
      this.#understudy?.cancel();
      return;
    }
    this.#understudy ??= platform.understudy?.();
    this.#understudy?.plan(server.requestFor('heartbeat', session), {
      inMs: atMs - stopwatch.read() + lease.pauseMs,
      everyMs: lease.heartbeatMs,
      retryMs: Math.max(lease.pauseMs, LEAST_RETRY_MS),
      timeoutMs: lease.timeoutMs,
    });
  }

  /** Applies the answers in the order of sending. */
  drain(): void {
    for (const answer of this.#understudy?.drain() ?? []) this.#apply(answer);
  }

  stop(): void {
    this.#understudy?.cancel();
    this.#understudy?.stop();
    this.#understudy = undefined;
  }

  #apply({ request, sentAt, response }: UnderstudyAnswer): void {
    const { server, stopwatch, platform } = this.#deps;
    const sessionId = this.#seat.session()?.session_id;
    if (sessionId === undefined || !request.body?.includes(sessionId)) return;
    const now = platform.clock.now();
    const agoMs = Math.max(now.monotonicMs - sentAt.monotonicMs, now.wallMs - sentAt.wallMs, 0);
    const sentAtMs = stopwatch.read() - agoMs;
    const answer = server.parse(request, response, sentAtMs, (body) => readHeartbeat(body, sessionId));
    // A failure is no try of the loop, which asks by itself. It alone can get a new access token.
    if (answer.error) {
      this.#seat.hurry();
      if (answer.error.code === 'NO_ANSWER' || server.canReplaceToken(answer)) return;
    }
    this.#seat.applyHeartbeat(answer);
  }
}
