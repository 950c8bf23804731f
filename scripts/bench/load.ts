import { createHistogram, type RecordableHistogram } from 'node:perf_hooks';
import { Client } from 'undici';

/** One request of a client, counted under `verb`; any status but those expected is an error. */
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

/** What one client does, request by request, each yielded and given its answer. It ends where it is told `undefined`. */
export type Turn = Generator<Ask, void, Answer | undefined>;

export interface Measured {
  /** Milliseconds from request to the whole answer. */
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly count: number;
  readonly errors: number;
  readonly perSecond: number;
}

export interface Load {
  /** Clients, each with a connection of its own to each origin, which it keeps, and one request at a time. */
  readonly clients: number;
  /** Requests that an origin is given at once; others wait for their turn, which counts as part of their time. No bound. */
  readonly atOnce?: number;
  /** A client's next turn, or `undefined` when there are enough. Clients take turns as soon as they are free. */
  nextTurn(client: number): Turn | undefined;
}

/** Puts load on a server until all turns are taken, and tells what it took by verb. */
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
  const doors = new Map<string, Door>();
  const startedMs = performance.now();
  await Promise.all(
    Array.from({ length: clients }, async (_, i) => {
      const connections = new Map<string, Client>();
      // `undefined` where no whole answer came.
      const ask = async ({ url, method, headers, body }: Ask): Promise<Answer | undefined> => {
        const { origin, pathname: path } = new URL(url);
        const connection = connections.get(origin) ?? new Client(origin, { pipelining: 1 });
        connections.set(origin, connection);
        const door = doors.get(origin) ?? openDoor(atOnce);
        doors.set(origin, door);
        await door.enter();
        try {
          const sent = { method, path, headers: headers ?? {}, body: body ?? null };
          const answer = await connection.request(sent);
          return { status: answer.statusCode, text: await answer.body.text() };
        } catch {
          return undefined;
        } finally {
          door.leave();
        }
      };
      try {
        for (let turn = nextTurn(i); turn; turn = nextTurn(i)) {
          for (let asked = turn.next(); !asked.done; ) {
            const { verb, expected } = asked.value;
            const tally = tallyOf(verb);
            const askedMs = performance.now();
            const answer = await ask(asked.value);
            tally.histogram.record(Math.max(1, Math.round((performance.now() - askedMs) * 1_000)));
            const isExpected = answer !== undefined && expected.includes(answer.status);
            if (!isExpected) tally.errors += 1;
            asked = turn.next(isExpected ? answer : undefined);
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

interface Door {
  enter(): Promise<void>;
  leave(): void;
}

/** Lets so many in at once, the others in the order in which they came. */
function openDoor(atOnce: number): Door {
  const waiting: (() => void)[] = [];
  let inside = 0;
  return {
    async enter() {
      if (inside < atOnce) inside += 1;
      else await new Promise<void>((resolve) => waiting.push(resolve));
    },
    leave() {
      const next = waiting.shift();
      // Who leaves gives its place to the next.
      if (next) next();
      else inside -= 1;
    },
  };
}

/** A turn of one request. */
export function* just(ask: Ask): Turn {
  yield ask;
}

/** A turn for each of some things, whichever client is free. */
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
