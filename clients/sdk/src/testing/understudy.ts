import type { Request, Response, Understudy, UnderstudyAnswer, UnderstudyTimes } from '../platform.ts';
import type { TestClock } from './clock.ts';
import { work } from './work.ts';

/** An understudy on the clock of its machine. Its timers run also while the program is blocked. */
export class TestUnderstudy implements Understudy {
  /** All requests, in order. */
  readonly sent: Request[] = [];
  isStopped = false;
  readonly #clock: TestClock;
  readonly #server: (request: Request) => Promise<Response>;
  #answers: UnderstudyAnswer[] = [];
  #cancel: () => void = () => undefined;

  constructor(clock: TestClock, server: (request: Request) => Promise<Response>) {
    this.#clock = clock;
    this.#server = server;
  }

  plan(request: Request, times: UnderstudyTimes): void {
    this.cancel();
    this.#after(times.inMs, request, times);
  }

  cancel(): void {
    this.#cancel();
  }

  drain(): readonly UnderstudyAnswer[] {
    return this.#answers.splice(0);
  }

  stop(): void {
    this.isStopped = true;
    this.cancel();
  }

  #after(ms: number, request: Request, times: UnderstudyTimes): void {
    this.#cancel = this.#clock.beside(ms, () => void work(this.#send(request, times)));
  }

  async #send(planned: Request, times: UnderstudyTimes): Promise<void> {
    const headers = { ...planned.headers, 'x-request-id': crypto.randomUUID() };
    const request = { ...planned, headers };
    const sentAt = this.#clock.now();
    this.sent.push(request);
    // An answer in time or none: the next sending is planned first, as a later plan replaces it.
    this.#after(times.everyMs, request, times);
    const response = await this.#server(request).catch(() => undefined);
    if (response) this.#answers.push({ request, sentAt, response });
  }
}
