import { constants } from 'node:os';
import type { AtExit } from '../platform.ts';
import { canSendAfterwards, sendAfterwards } from './send-afterwards.ts';

/** Signals that end a program by default and can be handled. */
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
type Signal = (typeof SIGNALS)[number];

const IN_TIME_MS = 1_000;
/** A signal that ends the program does so sooner. */
const NO_EFFECT_MS = 50;

/** Marks our listeners, so that two copies of this package do not mistake each other's for the host program's. */
const OURS = Symbol.for('seatlease exit listener');

export interface ExitOptions {
  /** Called when the time for releasing has passed: pending requests must no longer keep the program running. */
  readonly stopWaiting: () => void;
  /** Whether another process sends the requests that this one cannot send any more. */
  readonly afterwards?: boolean | undefined;
}

/** Returns a function that registers a release. Without a registered release there are no listeners. */
export function exitHook({ stopWaiting, afterwards = canSendAfterwards() }: ExitOptions) {
  const waiting = new Set<AtExit>();
  const attempted = new WeakSet<AtExit>();
  let isListening = false;
  let isEnding = false;
  let pending: Promise<unknown> = Promise.resolve();

  function inTime(): Promise<unknown> {
    pending = Promise.all([pending, releaseInTime()]);
    return pending;
  }

  /** Each release gets its time once: otherwise `beforeExit`, which repeats, would keep the program running forever. */
  async function releaseInTime(): Promise<void> {
    const unattempted = [...waiting].filter((each) => !attempted.has(each));
    if (unattempted.length === 0) return;
    const all = unattempted.map(async (each) => {
      attempted.add(each);
      await each.inTime();
      unregister(each);
    });
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, IN_TIME_MS);
    });
    await Promise.race([Promise.allSettled(all), late]);
    clearTimeout(timer);
    stopWaiting();
  }

  function exit(): void {
    const requests = [...waiting].flatMap((each) => each.afterwards() ?? []);
    waiting.clear();
    if (requests.length > 0 && afterwards) sendAfterwards(requests);
  }

  async function end(signal: Signal): Promise<void> {
    if (isEnding || isHandledByHost(signal)) return;
    isEnding = true;
    await inTime();
    exit();
    // The parent process must see that the signal ended the program.
    stopListening();
    process.kill(process.pid, signal);
    // The kernel ignores it for PID 1, which a program in a container usually is (kill(2)).
    setTimeout(() => process.exit(128 + constants.signals[signal]), NO_EFFECT_MS);
  }

  const bySignal = SIGNALS.map((signal) => ({ signal, listener: ours(() => void end(signal)) }));

  function listen(): void {
    if (isListening) return;
    isListening = true;
    process.on('beforeExit', inTime).on('exit', exit);
    for (const { signal, listener } of bySignal) process.on(signal, listener);
  }

  function stopListening(): void {
    isListening = false;
    process.off('beforeExit', inTime).off('exit', exit);
    for (const { signal, listener } of bySignal) process.off(signal, listener);
  }

  function unregister(release: AtExit): void {
    waiting.delete(release);
    if (waiting.size === 0 && !isEnding) stopListening();
  }

  return (release: AtExit): (() => void) => {
    waiting.add(release);
    listen();
    return () => unregister(release);
  };
}

function ours(listener: () => void): () => void {
  return Object.assign(listener, { [OURS]: true });
}

/**
 * A program that listens to a signal itself decides whether it ends. The listener of the package signal-exit, which many
 * command-line tools include, does not count: it yields to other listeners as ours does, and if both yielded, nothing would
 * end the program.
 */
function isHandledByHost(signal: Signal): boolean {
  const others = process.listeners(signal).filter((listener) => !(OURS in listener)).length;
  const emitters: unknown[] = [
    Reflect.get(process, '__signal_exit_emitter__'),
    Reflect.get(globalThis, Symbol.for('signal-exit emitter')),
  ];
  const yielding = emitters.map((emitter) => (hasCount(emitter) ? emitter.count : 0));
  return others > yielding.reduce((sum, count) => sum + count, 0);
}

function hasCount(emitter: unknown): emitter is { readonly count: number } {
  return (
    typeof emitter === 'object' && emitter !== null && 'count' in emitter && typeof emitter.count === 'number'
  );
}
