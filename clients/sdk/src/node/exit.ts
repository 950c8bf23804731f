import { rmSync } from 'node:fs';
import type { AtExit } from '../platform.ts';
import { type Afterwards, canSendAfterwards, sendAfterwards } from './send-afterwards.ts';

/** Those that end a program unless it says otherwise, and leave it time. */
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
type Signal = (typeof SIGNALS)[number];

const IN_TIME_MS = 1_000;

/** Marks our listeners, so that two copies of this package do not take each other for the host's. */
const OURS = Symbol.for('seatlease gives seats back');

export interface ExitOptions {
  /** Called when the program's end has been held up for long enough. */
  readonly letGo: () => void;
  readonly takeMarks: () => readonly string[];
  /** Whether another process sends what this one cannot. */
  readonly afterwards?: boolean | undefined;
}

/** Gives what registers. While nothing is registered it listens to nothing. */
export function exitHook({ letGo, takeMarks, afterwards = canSendAfterwards() }: ExitOptions) {
  const waiting = new Set<AtExit>();
  const hadTheirTime = new WeakSet<AtExit>();
  let isListening = false;
  let isEnding = false;
  let underWay: Promise<unknown> = Promise.resolve();

  function inTime(): Promise<unknown> {
    underWay = Promise.all([underWay, releaseInTime()]);
    return underWay;
  }

  /** Whoever has had their time does not get more: a program that runs out of work again and again would never end. */
  async function releaseInTime(): Promise<void> {
    const theirs = [...waiting].filter((each) => !hadTheirTime.has(each));
    if (theirs.length === 0) return;
    const all = theirs.map(async (each) => {
      hadTheirTime.add(each);
      await each.inTime();
      forget(each);
    });
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((over) => {
      timer = setTimeout(over, IN_TIME_MS);
    });
    await Promise.race([Promise.allSettled(all), late]);
    clearTimeout(timer);
    letGo();
  }

  function exit(): void {
    const requests = [...waiting].flatMap((each) => each.afterwards() ?? []);
    waiting.clear();
    const told: Afterwards = { requests, marks: takeMarks() };
    if (requests.length > 0 && afterwards) sendAfterwards(told);
    else for (const mark of told.marks) rmSync(mark, { force: true });
  }

  async function end(signal: Signal): Promise<void> {
    if (isEnding || isHandledByHost(signal)) return;
    isEnding = true;
    await inTime();
    exit();
    // So that whoever started the program sees that the signal has ended it.
    stopListening();
    process.kill(process.pid, signal);
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

  function forget(release: AtExit): void {
    waiting.delete(release);
    if (waiting.size === 0 && !isEnding) stopListening();
  }

  return (release: AtExit): (() => void) => {
    waiting.add(release);
    listen();
    return () => forget(release);
  };
}

function ours(listener: () => void): () => void {
  return Object.assign(listener, { [OURS]: true });
}

/**
 * A program that listens to a signal itself decides what becomes of it. The package signal-exit, which half of all
 * command-line tools have in them, does not decide: it steps back for other listeners as this one does, so that if both
 * did, nothing would end the program.
 */
function isHandledByHost(signal: Signal): boolean {
  const others = process.listeners(signal).filter((listener) => !(OURS in listener)).length;
  const emitters: unknown[] = [
    Reflect.get(process, '__signal_exit_emitter__'),
    Reflect.get(globalThis, Symbol.for('signal-exit emitter')),
  ];
  const stepBack = emitters.map((emitter) => (hasCount(emitter) ? emitter.count : 0));
  return others > stepBack.reduce((sum, count) => sum + count, 0);
}

function hasCount(emitter: unknown): emitter is { readonly count: number } {
  return (
    typeof emitter === 'object' && emitter !== null && 'count' in emitter && typeof emitter.count === 'number'
  );
}
