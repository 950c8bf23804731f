import { setTimeout as delay, setImmediate as nextTurn } from 'node:timers/promises';
import { messagesByLicense } from '../adapters/events/batch.ts';
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
  /** Maximum number of parallel deliveries, each for a different license. */
  readonly mostAtOnce?: number;
}

/** How long `close` waits for running deliveries, which may use dependencies that are closed after the bus. */
const closeWithinMs = 1_000;

const subscriptionName = 'projects/local/subscriptions/record-event';

/**
 * Opens a bus that delivers like a Pub/Sub push subscription: the messages of one license one at a time and in order,
 * different licenses in parallel. A refused message (no 2xx, or the subscriber threw) is delivered again. Later
 * messages of the same license wait until it is accepted or a dead letter.
 */
export function openEventBus(options: EventBusOptions = {}): EventBus {
  return new EmbeddedBus(options);
}

/** Messages of one license that are not accepted yet. */
interface Lane {
  readonly waiting: Message[];
  /** How often the first message was delivered. */
  attempts: number;
}

type Message = PushEnvelope['message'];

class EmbeddedBus implements EventBus {
  readonly deadLetters: PushEnvelope[] = [];
  readonly #retryMs: number;
  readonly #mostAttempts: number;
  readonly #mostAtOnce: number;
  readonly #lanes = new Map<string, Lane>();
  /** Lanes whose first message can be delivered now, the longest waiting first. */
  readonly #ready: Lane[] = [];
  readonly #delivering = new Set<Promise<void>>();
  readonly #pauses = new Set<NodeJS.Timeout>();
  #idlers: (() => void)[] = [];
  #push: Push | undefined;
  #published = 0;
  #closing: Promise<void> | undefined;

  constructor({ retryMs = 1_000, mostAttempts = 5, mostAtOnce = 8 }: EventBusOptions) {
    this.#retryMs = retryMs;
    this.#mostAttempts = mostAttempts;
    this.#mostAtOnce = mostAtOnce;
  }

  async publish(events: readonly SeatEvent[], traceparent?: string): Promise<void> {
    await this.ping();
    for (const [licenseId, messages] of messagesByLicense(events, traceparent)) {
      this.#laneOf(licenseId).waiting.push(...messages.map((message) => this.#stamp(message)));
    }
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
    if (this.#lanes.size === 0) return;
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
    this.#lanes.clear();
    this.#resolveIdle();
  }

  #laneOf(licenseId: string): Lane {
    const known = this.#lanes.get(licenseId);
    if (known !== undefined) return known;
    const lane: Lane = { waiting: [], attempts: 0 };
    this.#lanes.set(licenseId, lane);
    this.#ready.push(lane);
    return lane;
  }

  #stamp({ data, attributes, orderingKey }: EventMessage): Message {
    this.#published += 1;
    return {
      data: data.toString('base64'),
      messageId: String(this.#published),
      attributes,
      orderingKey,
      publishTime: new Date().toISOString(),
    };
  }

  #deliver(): void {
    while (this.#push !== undefined && this.#closing === undefined) {
      if (this.#delivering.size >= this.#mostAtOnce) return;
      const lane = this.#ready.shift();
      if (lane === undefined) return;
      const delivering = this.#deliverFirst(lane, this.#push).finally(() => {
        this.#delivering.delete(delivering);
        this.#deliver();
      });
      this.#delivering.add(delivering);
    }
  }

  async #deliverFirst(lane: Lane, push: Push): Promise<void> {
    const [message] = lane.waiting;
    if (message === undefined) return;
    lane.attempts += 1;
    const envelope = { message, subscription: subscriptionName, deliveryAttempt: lane.attempts };
    const isAccepted = await accepts(push, structuredClone(envelope));
    if (!isAccepted && lane.attempts < this.#mostAttempts) {
      this.#pause(lane);
      return;
    }
    if (!isAccepted) this.deadLetters.push(envelope);
    lane.waiting.shift();
    lane.attempts = 0;
    if (lane.waiting.length > 0) this.#ready.push(lane);
    else this.#end(message);
  }

  #pause(lane: Lane): void {
    if (this.#closing !== undefined) return;
    const pause = setTimeout(
      () => {
        this.#pauses.delete(pause);
        this.#ready.push(lane);
        this.#deliver();
      },
      this.#retryMs * 2 ** (lane.attempts - 1),
    );
    this.#pauses.add(pause);
  }

  #end({ orderingKey = '' }: Message): void {
    this.#lanes.delete(orderingKey);
    if (this.#lanes.size === 0) this.#resolveIdle();
  }

  #resolveIdle(): void {
    for (const resolve of this.#idlers) resolve();
    this.#idlers = [];
  }
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
