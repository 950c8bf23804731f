import { setTimeout as delay } from 'node:timers/promises';
import { type Part, Unavailable } from '../../errors.ts';

const CREDENTIALS_WITHIN_MS = 4_000;

/** Channel option: a connection that was left is not found again by the next client. */
export const OWN_CONNECTION = { 'grpc.use_local_subchannel_pool': 1 } as const;

export interface ConnectionOptions<Client> {
  /** Makes a client, and loads the SDK for it. */
  readonly open: () => Promise<Client>;
  readonly end: (client: Client) => Promise<unknown>;
  /** Whether, after this failure of a call, the next one needs another connection. */
  readonly isLost: (error: unknown) => boolean;
  /** The failure of a call as callers of the port get it. */
  readonly asUnavailable: (error: unknown) => unknown;
}

export interface Connection<Client> {
  /** Gives `call` the client. Throws what `asUnavailable` makes of a failure. */
  use<R>(call: (client: Client) => Promise<R>): Promise<R>;
  /** Resolves when all calls under way have ended. Those may still begin others, so a later call connects again. */
  close(): Promise<void>;
}

/**
 * One connection for all calls, made by the first. After a call that lost it the next one makes another: a connection
 * that has gone silent stays so for many minutes, and one that was refused waits ever longer.
 */
export function openConnection<Client>({
  open,
  end,
  isLost,
  asUnavailable,
}: ConnectionOptions<Client>): Connection<Client> {
  let current: Promise<Client> | undefined;
  const running = new Set<Promise<unknown>>();
  const leaving = new Set<Promise<void>>();

  /** Ends a connection once nobody waits for an answer over it any more. */
  function leave(left: Promise<Client>): void {
    if (current === left) current = undefined;
    const ended = Promise.allSettled(running)
      .then(() => left)
      .then(end)
      .then(() => {})
      .catch(() => {})
      .finally(() => leaving.delete(ended));
    leaving.add(ended);
  }

  async function run<R>(call: (client: Client) => Promise<R>): Promise<R> {
    current ??= open();
    const used = current;
    let client: Client | undefined;
    try {
      client = await used;
      return await call(client);
    } catch (error) {
      if (!client || isLost(error)) leave(used);
      throw asUnavailable(error);
    }
  }

  return {
    async use(call) {
      const answer = run(call);
      running.add(answer);
      try {
        return await answer;
      } finally {
        running.delete(answer);
      }
    },
    async close() {
      if (current) leave(current);
      await Promise.allSettled(leaving);
    },
  };
}

/**
 * A client that Google generates, once it has credentials. Those that cannot be had would otherwise end the process, as a
 * rejection that nobody handles. Throws `Unavailable` after 4 seconds; `service` is for the log.
 */
export async function withCredentials<Client extends { initialize(): Promise<unknown> }>(
  part: Part,
  service: string,
  client: Client,
): Promise<Client> {
  const waiting = new AbortController();
  const tooLate = delay(CREDENTIALS_WITHIN_MS, undefined, { signal: waiting.signal }).then(() => {
    throw new Error(`it took longer than ${CREDENTIALS_WITHIN_MS} ms`);
  });
  try {
    await Promise.race([client.initialize(), tooLate]);
    return client;
  } catch (error) {
    throw new Unavailable(part, `no credentials for ${service} could be had`, { cause: error });
  } finally {
    waiting.abort();
  }
}
