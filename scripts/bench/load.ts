import { createHistogram, type RecordableHistogram } from 'node:perf_hooks';
import { Client } from 'undici';

/** One request of a client, counted under `verb`; any other status than those expected is an error. */
export interface Ask {
  readonly verb: string;
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** Origin and path. */
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly expected: readonly number[];
}

export interface Answer {
  readonly status: number;
  readonly text: string;
}

/**
 * Requests of one client: yields each request and receives its response, or `undefined` if there was none as expected.
 */
export type Turn = Generator<Ask, void, Answer | undefined>;

export interface Measured {
  /** Milliseconds from the request to the complete response. */
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly count: number;
  readonly errors: number;
  readonly perSecond: number;
}

export interface Load {
  /** Each client keeps its own connection to each origin and sends one request at a time. */
  readonly clients: number;
  /** Concurrent requests to an origin; others wait, and the wait counts as part of their time. Default: unlimited. */
  readonly atOnce?: number;
  /** A client's next turn, or `undefined` to stop the client. Called as soon as the client is free. */
  nextTurn(client: number): Turn | undefined;
}

/** Puts load on a server until all turns are taken; returns the measurements by verb. */
export async function drive({
  clients,
  atOnce = Number.POSITIVE_INFINITY,
  nextTurn,
}: Load): Promise<ReadonlyMap<string, Measured>> {
  const tallies = new Map<string, { readonly histogram: RecordableHistogram; errors: number }>();
  const tallyOf = (verb: string) => {
    const tally = tallies.get(verb) ?? { histogram: createHistogram(), errors: 0 };
    tallies.set(verb, tally);
    return tally;
  };
  const semaphores = new Map<string, Semaphore>();
  const startedMs = performance.now();
  await Promise.all(
    Array.from({ length: clients }, async (_, i) => {
      const connections = new Map<string, Client>();
      // `undefined` if no complete response came.
      const send = async ({ url, method, headers, body }: Ask): Promise<Answer | undefined> => {
        const { origin, pathname, search } = new URL(url);
        const connection = connections.get(origin) ?? new Client(origin, { pipelining: 1 });
        connections.set(origin, connection);
        const semaphore = semaphores.get(origin) ?? openSemaphore(atOnce);
        semaphores.set(origin, semaphore);
        await semaphore.enter();
        try {
          const sent = { method, path: `${pathname}${search}`, headers: headers ?? {}, body: body ?? null };
          const answer = await connection.request(sent);
          return { status: answer.statusCode, text: await answer.body.text() };
        } catch {
          return undefined;
        } finally {
          semaphore.leave();
        }
      };
      try {
        for (let turn = nextTurn(i); turn; turn = nextTurn(i)) {
          for (let next = turn.next(); !next.done; ) {
            const { verb, expected } = next.value;
            const tally = tallyOf(verb);
            const askedMs = performance.now();
            const answer = await send(next.value);
            tally.histogram.record(Math.max(1, Math.round((performance.now() - askedMs) * 1_000)));
            const isExpected = answer !== undefined && expected.includes(answer.status);
            if (!isExpected) tally.errors += 1;
            next = turn.next(isExpected ? answer : undefined);
          }
        }
      } finally {
        for (const connection of connections.values()) await connection.destroy();
      }
    }),
  );
  const seconds = (performance.now() - startedMs) / 1_000;
  return new Map(
    [...tallies].map(([verb, { histogram, errors }]) => [
      verb,
      {
        p50Ms: histogram.percentile(50) / 1_000,
        p99Ms: histogram.percentile(99) / 1_000,
        count: histogram.count,
        errors,
        perSecond: (histogram.count - errors) / seconds,
      },
    ]),
  );
}

interface Semaphore {
  enter(): Promise<void>;
  leave(): void;
}

/** Admits `atOnce` at a time, and the others in order of arrival. */
function openSemaphore(atOnce: number): Semaphore {
  const waiting: (() => void)[] = [];
  let inside = 0;
  return {
    async enter() {
      if (inside < atOnce) inside += 1;
      else await new Promise<void>((resolve) => waiting.push(resolve));
    },
    leave() {
      const next = waiting.shift();
      // The place passes to the next in line.
      if (next) next();
      else inside -= 1;
    },
  };
}

/** A turn of one request. */
export function* just(ask: Ask): Turn {
  yield ask;
}

/** Runs one turn for each of `things`, on whichever client is free. */
export function eachOnce<T>(
  clients: number,
  things: readonly T[],
  turnOf: (thing: T) => Turn,
): Promise<ReadonlyMap<string, Measured>> {
  const left = things.values();
  return drive({
    clients,
    nextTurn: () => {
      const { done, value } = left.next();
      return done ? undefined : turnOf(value);
    },
  });
}

export function errorsOf(measured: Iterable<Measured>): number {
  return [...measured].reduce((sum, { errors }) => sum + errors, 0);
}
