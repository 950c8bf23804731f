import type { Verdict } from './finding.ts';
import { unknown } from './finding.ts';

export interface Question {
  readonly method?: 'GET' | 'POST';
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as JSON. */
  readonly body?: unknown;
}

export interface Answer {
  readonly status: number;
  /** The parsed JSON; `undefined` if it is none. */
  readonly body: unknown;
  /** Where a redirect leads. Redirects are not followed. */
  readonly location?: string | undefined;
}

/** Sends a question to a provider. Throws `NoAnswer` if the provider cannot be reached. */
export type Answers = (question: Question, signal: AbortSignal) => Promise<Answer>;

/** A question has no answer that says anything about the stack. Its verdict is the result of the check. */
export class NoAnswer extends Error {
  override readonly name = 'NoAnswer';
  readonly verdict: Verdict;
  /** The system's or Google's code for the reason. */
  readonly reason: string | undefined;

  constructor(verdict: Verdict, reason?: string) {
    super(verdict.found);
    this.verdict = verdict;
    this.reason = reason;
  }
}

/** Asks over HTTP. `addressOf` replaces the address of a question, for tests. */
export function httpAnswers(addressOf: (url: string) => string = (url) => url): Answers {
  return async ({ method = 'GET', url, headers = {}, body }, signal) => {
    const sent = { ...headers, ...(body === undefined ? {} : { 'content-type': 'application/json' }) };
    try {
      const response = await fetch(addressOf(url), {
        method,
        headers: sent,
        redirect: 'manual',
        signal,
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      return {
        status: response.status,
        body: parse(await response.text()),
        location: response.headers.get('location') ?? undefined,
      };
    } catch (error) {
      signal.throwIfAborted();
      const code = codeOf(error);
      const { host } = new URL(url);
      throw new NoAnswer(
        unknown(
          `${host} cannot be reached (${code ?? 'no code'}).`,
          'Check the network, and run this again.',
        ),
        code,
      );
    }
  };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** `fetch` wraps the error of the system, which has the code. */
function codeOf(error: unknown): string | undefined {
  const cause = error instanceof Error ? (error.cause ?? error) : error;
  const code = cause instanceof Error && 'code' in cause ? cause.code : undefined;
  return typeof code === 'string' ? code : undefined;
}
