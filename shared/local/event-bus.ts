import { setTimeout as delay, setImmediate as nextTurn } from 'node:timers/promises';
import { messagesOf } from '../adapters/events/batch.ts';
import type { SeatEvent } from '../domain/event.ts';
import type { EventMessage, PushEnvelope } from '../domain/event-message.ts';
import { Unavailable } from '../errors.ts';
import type { Events } from '../ports/events.ts';

/** Delivers one message to the subscriber and returns the HTTP status of its answer. */
export type Push = (envelope: PushEnvelope) => Promise<number>;

/**
 * A topic, its push subscription and its dead letter topic, in memory: undelivered messages are lost with the process.
 */
export interface EventBus extends Events {
  /** Sets the only subscriber. It first gets the events that were published before. Throws if there is a subscriber. */
  subscribe(push: Push): void;
  /** Resolves when every published message was accepted or became a dead letter, or when the bus is closed. */
  idle(): Promise<void>;
  /** Messages that were refused `mostAttempts` times, as they were delivered last. */
  readonly deadLetters: readonly PushEnvelope[];
}

export interface EventBusOptions {
  /** Delay before a refused message is delivered again; it doubles with each further attempt. */
  readonly retryMs?: number;
  /** Number of deliveries after which a refused message becomes a dead letter. */
  readonly mostAttempts?: number;
  /** Maximum number of parallel deliveries. */
  readonly mostAtOnce?: number;
  /** Share of accepted messages that are delivered once more, 0 to 1. */
  readonly duplicates?: number;
  /** The same seed chooses the same messages out of order and as duplicates. */
  readonly seed?: number;
}

/** How long `close` waits for running deliveries, which may use dependencies that are closed after the bus. */
const closeWithinMs = 1_000;

const subscriptionName = 'projects/local/subscriptions/record-event';

/**
 * Opens a bus that delivers like a Pub/Sub push subscription without ordering, and at least as oddly: several messages
 * in parallel, in an order of its own (https://cloud.google.com/pubsub/docs/ordering), some again although they were
 * accepted (https://cloud.google.com/pubsub/docs/subscriber#at-least-once-delivery). A refused message (no 2xx, or the
 * subscriber threw) is delivered again later; others do not wait for it.
 */
export function openEventBus(options: EventBusOptions = {}): EventBus {
  return new EmbeddedBus(options);
}

/** A message that is not settled yet. */
interface Pending {
  readonly message: Message;
  /** How often it was delivered. */
  attempts: number;
  /** Whether it was accepted before. */
  readonly isDuplicate: boolean;
}

type Message = PushEnvelope['message'];

class EmbeddedBus implements EventBus {
  readonly deadLetters: PushEnvelope[] = [];
  readonly #retryMs: number;
  readonly #mostAttempts: number;
  readonly #mostAtOnce: number;
  readonly #duplicates: number;
  readonly #random: () => number;
  /** Messages that can be delivered now. */
  readonly #ready: Pending[] = [];
  readonly #delivering = new Set<Promise<void>>();
  readonly #pauses = new Set<NodeJS.Timeout>();
  #unsettled = 0;
  #idlers: (() => void)[] = [];
  #push: Push | undefined;
  #published = 0;
  #closing: Promise<void> | undefined;

  constructor({
    retryMs = 1_000,
    mostAttempts = 5,
    mostAtOnce = 8,
    duplicates = 1 / 8,
    seed = 1,
  }: EventBusOptions) {
    this.#retryMs = retryMs;
    this.#mostAttempts = mostAttempts;
    this.#mostAtOnce = mostAtOnce;
    this.#duplicates = duplicates;
    this.#random = randomFrom(seed);
  }

  async publish(events: readonly SeatEvent[], traceparent?: string): Promise<void> {
    await this.ping();
    for (const message of messagesOf(events, traceparent)) this.#add(this.#stamp(message), false);
    this.#deliver();
  }

  async ping(): Promise<void> {
    if (this.#closing !== undefined) throw new Unavailable('events', 'the bus has been closed');
  }

  subscribe(push: Push): void {
    if (this.#push !== undefined) throw new Error('The bus already has a subscriber.');
    this.#push = push;
    this.#deliver();
  }

  async idle(): Promise<void> {
    if (this.#unsettled === 0) return;
    await new Promise<void>((resolve) => this.#idlers.push(resolve));
  }

  async close(): Promise<void> {
    this.#closing ??= this.#close();
    await this.#closing;
  }

  async #close(): Promise<void> {
    for (const pause of this.#pauses) clearTimeout(pause);
    const waiting = new AbortController();
    await Promise.race([
      Promise.all(this.#delivering),
      delay(closeWithinMs, undefined, { signal: waiting.signal }).catch(() => {}),
    ]);
    waiting.abort();
    this.#resolveIdle();
  }

  #add(message: Message, isDuplicate: boolean): void {
    this.#unsettled += 1;
    this.#ready.push({ message, attempts: 0, isDuplicate });
  }

  #stamp({ data, attributes }: EventMessage): Message {
    this.#published += 1;
    return {
      data: data.toString('base64'),
      messageId: String(this.#published),
      attributes,
      publishTime: new Date().toISOString(),
    };
  }

  #deliver(): void {
    while (this.#push !== undefined && this.#closing === undefined) {
      if (this.#delivering.size >= this.#mostAtOnce) return;
      const [next] = this.#ready.splice(Math.floor(this.#random() * this.#ready.length), 1);
      if (next === undefined) return;
      const delivering = this.#deliverOnce(next, this.#push).finally(() => {
        this.#delivering.delete(delivering);
        this.#deliver();
      });
      this.#delivering.add(delivering);
    }
  }

  async #deliverOnce(pending: Pending, push: Push): Promise<void> {
    const { message, isDuplicate } = pending;
    pending.attempts += 1;
    const envelope = { message, subscription: subscriptionName, deliveryAttempt: pending.attempts };
    const isAccepted = await accepts(push, structuredClone(envelope));
    if (!isAccepted && pending.attempts < this.#mostAttempts) {
      this.#pause(pending);
      return;
    }
    if (!isAccepted) this.deadLetters.push(envelope);
    else if (!isDuplicate && this.#random() < this.#duplicates) this.#add(message, true);
    this.#unsettled -= 1;
    if (this.#unsettled === 0) this.#resolveIdle();
  }

  #pause(pending: Pending): void {
    if (this.#closing !== undefined) return;
    const pause = setTimeout(
      () => {
        this.#pauses.delete(pause);
        this.#ready.push(pending);
        this.#deliver();
      },
      this.#retryMs * 2 ** (pending.attempts - 1),
    );
    this.#pauses.add(pause);
  }

  #resolveIdle(): void {
    for (const resolve of this.#idlers) resolve();
    this.#idlers = [];
  }
}

/** Numbers from 0 to 1 that follow from the seed (a linear congruential generator; Numerical Recipes' constants). */
function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

async function accepts(push: Push, envelope: PushEnvelope): Promise<boolean> {
  // Publishing resolves first, then the subscriber gets the message.
  await nextTurn();
  try {
    const status = await push(envelope);
    return status >= 200 && status < 300;
  } catch {
    return false;
  }
}
