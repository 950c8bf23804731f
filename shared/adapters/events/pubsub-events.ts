import { setTimeout as delay } from 'node:timers/promises';
import type { PubSub as PubSubClass, v1 } from '@google-cloud/pubsub';
import * as z from 'zod/mini';
import type { SeatEvent } from '../../domain/event.ts';
import type { EventMessage } from '../../domain/event-message.ts';
import { Unavailable } from '../../errors.ts';
import type { Events } from '../../ports/events.ts';
import { messagesByLicense } from './batch.ts';

export interface PubSubOptions {
  readonly projectId: string;
  /** Its id, without the project's. */
  readonly topic: string;
  /** `host:port` of an emulator: no encryption, no credentials. */
  readonly emulatorHost?: string | undefined;
  /** How long a call may take, its retries included: 5 s where absent. */
  readonly withinMs?: number | undefined;
}

/**
 * Events in a Pub/Sub topic. The SDK is loaded by the first call and one connection kept after that: importing this
 * module or opening the topic costs nothing. A topic that does not take a call's events within about 5 seconds ends
 * it in `Unavailable`; so does one that is missing or may not be used, as all that callers can do is to try later.
 *
 * A call makes one request for each license in it, all at once: Pub/Sub refuses a request that mixes ordering keys
 * (FAILED_PRECONDITION), though its emulator takes it.
 */
export function openPubSubEvents(options: PubSubOptions): Events {
  return new PubSubEvents(options);
}

const usuallyWithinMs = 5_000;
const connectWithinMs = 4_000;
const firstPauseMs = 100;
const longestPauseMs = 1_000;

/** gRPC's status codes after which nothing can be done but to try later. */
const WORDS: ReadonlyMap<number, string> = new Map([
  [1, 'CANCELLED'],
  [2, 'UNKNOWN'],
  [4, 'DEADLINE_EXCEEDED'],
  [5, 'NOT_FOUND'],
  [7, 'PERMISSION_DENIED'],
  [8, 'RESOURCE_EXHAUSTED'],
  [10, 'ABORTED'],
  [13, 'INTERNAL'],
  [14, 'UNAVAILABLE'],
  [16, 'UNAUTHENTICATED'],
]);

/** Those of them that the next second may mend. */
const RETRIED: ReadonlySet<number> = new Set([1, 2, 4, 8, 10, 13, 14]);

const rpcFailure = z.object({ code: z.number(), details: z.optional(z.string()) });

type Call = (client: v1.PublisherClient, deadlineMs: number) => Promise<void>;

class PubSubEvents implements Events {
  readonly #options: PubSubOptions;
  readonly #topic: string;
  readonly #running = new Set<Promise<void>>();
  readonly #leaving = new Set<Promise<void>>();
  #connection: Promise<v1.PublisherClient> | undefined;
  #isClosed = false;

  constructor(options: PubSubOptions) {
    this.#options = options;
    this.#topic = `projects/${options.projectId}/topics/${options.topic}`;
  }

  async publish(events: readonly SeatEvent[], traceparent?: string): Promise<void> {
    this.#checkOpen();
    const batches = [...messagesByLicense(events, traceparent).values()];
    if (batches.length === 0) return;
    await this.#use((client, deadlineMs) => this.#publishAll(client, batches, deadlineMs));
  }

  async ping(): Promise<void> {
    await this.#use(async (client, deadlineMs) => {
      await client.getTopic({ topic: this.#topic }, { retry: null, timeout: deadlineMs - performance.now() });
    });
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#leave(this.#connection);
    await Promise.allSettled(this.#leaving);
  }

  #checkOpen(): void {
    if (this.#isClosed) throw new Unavailable('events', 'the topic has been closed');
  }

  async #use(call: Call): Promise<void> {
    this.#checkOpen();
    const running = this.#run(call);
    this.#running.add(running);
    try {
      await running;
    } finally {
      this.#running.delete(running);
    }
  }

  async #run(call: Call): Promise<void> {
    const deadlineMs = performance.now() + (this.#options.withinMs ?? usuallyWithinMs);
    this.#connection ??= connect(this.#options);
    const connection = this.#connection;
    try {
      await call(await inTime(connection), deadlineMs);
    } catch (error) {
      // A connection that has gone silent stays so for many minutes, and one that was refused waits ever longer.
      this.#leave(connection);
      throw asUnavailable(error);
    }
  }

  /** All must have ended before any failure is told: nothing may still be under way when the caller tries again. */
  async #publishAll(
    client: v1.PublisherClient,
    batches: readonly EventMessage[][],
    deadlineMs: number,
  ): Promise<void> {
    const outcomes = await Promise.allSettled(
      batches.map((batch) => this.#publishBatch(client, batch, deadlineMs)),
    );
    const failed = outcomes.find((outcome) => outcome.status === 'rejected');
    if (failed !== undefined) throw failed.reason;
  }

  async #publishBatch(
    client: v1.PublisherClient,
    messages: EventMessage[],
    deadlineMs: number,
  ): Promise<void> {
    for (let pauseMs = firstPauseMs; ; pauseMs = Math.min(pauseMs * 2, longestPauseMs)) {
      try {
        const timeoutMs = deadlineMs - performance.now();
        await client.publish({ topic: this.#topic, messages }, { retry: null, timeout: timeoutMs });
        return;
      } catch (error) {
        const code = z.safeParse(rpcFailure, error).data?.code ?? 0;
        if (!RETRIED.has(code) || performance.now() + pauseMs >= deadlineMs) throw error;
      }
      await delay(pauseMs);
    }
  }

  /** Ends a connection once nobody publishes over it any more. */
  #leave(connection: Promise<v1.PublisherClient> | undefined): void {
    if (connection === undefined) return;
    if (this.#connection === connection) this.#connection = undefined;
    const left = Promise.allSettled(this.#running)
      .then(() => connection)
      .then((client) => client.close())
      .catch(() => {})
      .finally(() => this.#leaving.delete(left));
    this.#leaving.add(left);
  }
}

async function connect({ projectId, emulatorHost }: PubSubOptions): Promise<v1.PublisherClient> {
  const { PubSub, v1 } = await import('@google-cloud/pubsub');
  const client = new v1.PublisherClient({
    projectId,
    ...(emulatorHost === undefined ? {} : await emulatorSettings(PubSub, projectId, emulatorHost)),
    // A connection of its own, so that one that is left is not found again.
    'grpc.use_local_subchannel_pool': 1,
  });
  // Credentials that cannot be had would otherwise end the process, as a rejection that nobody handles.
  await client.initialize();
  return client;
}

/** gRPC without encryption is to be had only through the SDK, which asks nothing of the environment if told all. */
async function emulatorSettings(PubSub: typeof PubSubClass, projectId: string, emulatorHost: string) {
  const { PassThroughClient } = await import('google-auth-library');
  const settings = { projectId, apiEndpoint: emulatorHost, emulatorMode: true };
  const { sslCreds } = await new PubSub(settings).getClientConfig();
  const { hostname, port } = new URL(`http://${emulatorHost}`);
  return { apiEndpoint: hostname, port: Number(port), sslCreds, authClient: new PassThroughClient() };
}

async function inTime<T>(connecting: Promise<T>): Promise<T> {
  const waiting = new AbortController();
  const tooLate = delay(connectWithinMs, undefined, { signal: waiting.signal }).then(() => {
    throw new Error(`it took longer than ${connectWithinMs} ms`);
  });
  try {
    return await Promise.race([connecting, tooLate]);
  } catch (error) {
    throw new Unavailable('events', 'no credentials for Pub/Sub could be had', { cause: error });
  } finally {
    waiting.abort();
  }
}

function asUnavailable(error: unknown): unknown {
  const failure = z.safeParse(rpcFailure, error).data;
  const word = WORDS.get(failure?.code ?? 0);
  if (failure === undefined || word === undefined) return error;
  const because = `Pub/Sub failed with ${word} (${failure.code}): ${failure.details ?? 'no details'}`;
  return new Unavailable('events', because, { cause: error });
}
