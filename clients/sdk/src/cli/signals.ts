import { closeSync, openSync } from 'node:fs';
import { constants } from 'node:os';

/** Signals to forward to the program. */
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2'] as const;
/**
 * A terminal sends these to its whole foreground process group: the program already has them. Not SIGHUP: a terminal that
 * hangs up sends it to the leader of its session only (POSIX, General Terminal Interface, 11.1.10), which this process is if
 * it was started without a shell, as by `ssh -t` or `docker run -it`. Getting it twice does no harm.
 */
const SENT_BY_TERMINALS: readonly NodeJS.Signals[] = ['SIGINT', 'SIGQUIT'];

export function exitCodeOfSignal(signal: NodeJS.Signals): number {
  return 128 + constants.signals[signal];
}

/** Forwards signals of this process to the program that it runs. Before the program runs, they end the wait for a seat. */
export class ForwardedSignals {
  readonly #ending = new AbortController();
  readonly #listeners: ReadonlyMap<NodeJS.Signals, () => void>;
  readonly #hasTerminal: boolean;
  #forward: ((signal: NodeJS.Signals) => void) | undefined;
  /** Set by a signal that arrived before the program ran. */
  exitCode: number | undefined;

  constructor(isOnTerminal = hasTerminal()) {
    this.#hasTerminal = isOnTerminal;
    this.#listeners = new Map(SIGNALS.map((signal) => [signal, () => this.#handle(signal)]));
    for (const [signal, listener] of this.#listeners) process.on(signal, listener);
  }

  /** Aborted by a signal that comes before the program runs. */
  get ended(): AbortSignal {
    return this.#ending.signal;
  }

  to(forward: (signal: NodeJS.Signals) => void): void {
    this.#forward = forward;
  }

  stop(): void {
    for (const [signal, listener] of this.#listeners) process.off(signal, listener);
  }

  #handle(signal: NodeJS.Signals): void {
    if (!this.#forward) {
      this.exitCode = exitCodeOfSignal(signal);
      this.#ending.abort();
    } else if (!this.#hasTerminal || !SENT_BY_TERMINALS.includes(signal)) this.#forward(signal);
  }
}

function hasTerminal(): boolean {
  try {
    closeSync(openSync('/dev/tty', 'r'));
    return true;
  } catch {
    return false;
  }
}
