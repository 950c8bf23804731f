import { closeSync, openSync } from 'node:fs';
import { constants } from 'node:os';

/** Those that others send to a program to have it do something. */
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2'] as const;
/** Those that a terminal sends, and then to all that runs in its foreground: our program has them already. */
const OF_TERMINALS: readonly NodeJS.Signals[] = ['SIGINT', 'SIGHUP', 'SIGQUIT'];

export function exitCodeOfSignal(signal: NodeJS.Signals): number {
  return 128 + constants.signals[signal];
}

/** Signals of this process, for the program that it runs; before there is one, they end the wait for a seat. */
export class ForwardedSignals {
  readonly #ending = new AbortController();
  readonly #listeners: ReadonlyMap<NodeJS.Signals, () => void>;
  readonly #hasTerminal: boolean;
  #forward: ((signal: NodeJS.Signals) => void) | undefined;
  /** Of a signal that came too early to be handed on. */
  exitCode: number | undefined;

  constructor(isOnTerminal = hasTerminal()) {
    this.#hasTerminal = isOnTerminal;
    this.#listeners = new Map(SIGNALS.map((signal) => [signal, () => this.#hear(signal)]));
    for (const [signal, listener] of this.#listeners) process.on(signal, listener);
  }

  /** Aborted by a signal that came too early to be handed on. */
  get ended(): AbortSignal {
    return this.#ending.signal;
  }

  to(forward: (signal: NodeJS.Signals) => void): void {
    this.#forward = forward;
  }

  stop(): void {
    for (const [signal, listener] of this.#listeners) process.off(signal, listener);
  }

  #hear(signal: NodeJS.Signals): void {
    if (!this.#forward) {
      this.exitCode = exitCodeOfSignal(signal);
      this.#ending.abort();
    } else if (!this.#hasTerminal || !OF_TERMINALS.includes(signal)) this.#forward(signal);
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
