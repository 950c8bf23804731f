import { setTimeout as delay, setImmediate as nextTurn } from 'node:timers/promises';
import { messagesByLicense } from '../adapters/events/batch.ts';
import type { SeatEvent } from '../domain/event.ts';
import type { EventMessage, PushEnvelope } from '../domain/event-message.ts';
import { Unavailable } from '../errors.ts';
import type { Events } from '../ports/events.ts';

/** Where the bus delivers to: the HTTP status that the delivery was answered with. */
export type Push = (envelope: PushEnvelope) => Promise<number>;

/** A topic, its push subscription and its dead letter topic, in this process: what is under way ends with it. */
export interface EventBus extends Events {
  /** Names the one subscriber; what was published before comes first. Throws when there is one already. */
  subscribe(push: Push): void;
  /** Resolves when everything published has been accepted or has become a dead letter, or when the bus is closed. */
  idle(): Promise<void>;
  /** Messages that were refused as often as they may be, as last delivered. */
  readonly deadLetters: readonly PushEnvelope[];
}

export interface EventBusOptions {
  /** Until a refused message comes again; twice as long each further time. */
  readonly retryMs?: number;
  /** Deliveries of a message until it is a dead letter. */
  readonly mostAttempts?: number;
  /** Deliveries at a time, each of another license. */
  readonly mostAtOnce?: number;
}

/** Deliveries may lean on parts that are closed after the bus. */
const closeWithinMs = 1_000;

const subscriptionName = 'projects/local/subscriptions/record-event';

/**
 * Opens a bus that delivers as Pub/Sub pushes: the messages of one license one at a time and in order, those of
 * others meanwhile. A message that is refused (no 2xx, or the subscriber threw) comes again; it keeps back its
 * license's later ones until it is accepted or a dead letter.
 */
export function openEventBus(options: EventBusOptions = {}): EventBus {
  return new EmbeddedBus(options);
}

/** Messages of one license that are still to be accepted. */
interface Lane {
  readonly waiting: Message[];
  /** Deliveries so far of the first of them. */
  attempts: number;
}

type Message = PushEnvelope['message'];

class EmbeddedBus implements EventBus {
  readonly deadLetters: PushEnvelope[] = [];
  readonly #retryMs: number;
  readonly #mostAttempts: number;
  readonly #mostAtOnce: number;
  readonly #lanes = new Map<string, Lane>();
  /** Those whose first message may be delivered now, the longest waiting first. */
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
    if (this.#push !== undefined) throw new Error('The bus has a subscriber already.');
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
    this.#tellIdlers();
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
    if (this.#lanes.size === 0) this.#tellIdlers();
  }

  #tellIdlers(): void {
    for (const resolve of this.#idlers) resolve();
    this.#idlers = [];
  }
}

async function accepts(push: Push, envelope: PushEnvelope): Promise<boolean> {
  // Whoever published hears first that the message was taken.
  await nextTurn();
  try {
    const status = await push(envelope);
    return status >= 200 && status < 300;
  } catch {
    return false;
  }
}
