import { NoAnswer, type Request, type Response, type SendOptions, type Transport } from '../platform.ts';
import type { TestClock } from './clock.ts';
import { work } from './work.ts';

/**
 * What happens to a request. `on`: it is answered. `cut`: it fails at once. `hung`: it times out and never reaches the server.
 * `deaf`: the server executes it, and the answer is lost. A number: the answer is late by so many milliseconds.
 */
export type NetworkCondition = 'on' | 'cut' | 'hung' | 'deaf' | number;

/** A network that the test controls, on the clock of its machine. */
export class TestNetwork implements Transport {
  condition: NetworkCondition = 'on';
  /** All requests, in order. */
  readonly sent: Request[] = [];
  readonly #clock: TestClock;
  readonly #server: (request: Request) => Promise<Response>;

  constructor(clock: TestClock, server: (request: Request) => Promise<Response>) {
    this.#clock = clock;
    this.#server = server;
  }

  /** For a thread beside the program: the server's answer, at once. */
  async answerOf(request: Request): Promise<Response> {
    if (this.condition !== 'on') throw new NoAnswer('The network is cut.');
    return work(this.#server(request));
  }

  /** Number of requests whose path has this ending. */
  count(ending: string): number {
    return this.sent.filter(({ url }) => url.endsWith(ending)).length;
  }

  async send(request: Request, { timeoutMs }: SendOptions): Promise<Response> {
    const { condition } = this;
    this.sent.push(request);
    if (condition === 'cut') throw new NoAnswer('The network is cut.');
    if (condition !== 'hung') {
      const answer = await work(this.#server(request));
      if (condition === 'on') return answer;
      if (typeof condition === 'number' && condition < timeoutMs) {
        await this.#pass(condition);
        return answer;
      }
    }
    await this.#pass(timeoutMs);
    throw new NoAnswer('No answer came in time.');
  }

  #pass(ms: number): Promise<void> {
    return new Promise((resolve) => void this.#clock.after(ms, resolve));
  }
}

/** Sends over the real network, to a server that the test runs. */
export async function sendByFetch(request: Request): Promise<Response> {
  const { method, url, headers, body } = request;
  const response = await fetch(url, {
    method,
    headers,
    redirect: 'manual',
    ...(body === undefined ? {} : { body }),
  });
  const text = await response.text();
  return {
    status: response.status,
    header: (name) => response.headers.get(name) ?? undefined,
    body: text,
  };
}
