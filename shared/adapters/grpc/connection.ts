import { setTimeout as delay } from 'node:timers/promises';
import { type Part, Unavailable } from '../../errors.ts';

const CREDENTIALS_WITHIN_MS = 4_000;

/** Channel option: the next client opens a new connection and does not reuse an abandoned one. */
export const OWN_CONNECTION = { 'grpc.use_local_subchannel_pool': 1 } as const;

export interface ConnectionOptions<Client> {
  /** Creates a client, and loads the SDK for it. */
  readonly open: () => Promise<Client>;
  readonly end: (client: Client) => Promise<unknown>;
  /** Whether the next call needs another connection after this failure. */
  readonly isLost: (error: unknown) => boolean;
  /** Converts the failure of a call for callers of the port. */
  readonly asUnavailable: (error: unknown) => unknown;
}

export interface Connection<Client> {
  /** Runs `call` with the client. Failures are converted with `asUnavailable`. */
  use<R>(call: (client: Client) => Promise<R>): Promise<R>;
  /** Resolves when all running calls have ended. They may start new calls, so a later call connects again. */
  close(): Promise<void>;
}

/**
 * One connection for all calls, opened by the first. After a call that lost the connection, the next call opens
 * another: a connection that stopped answering stays silent for many minutes, and a refused one waits longer and longer
 * before it reconnects.
 */
export function openConnection<Client>({
  open,
  end,
  isLost,
  asUnavailable,
}: ConnectionOptions<Client>): Connection<Client> {
  let current: Promise<Client> | undefined;
  const running = new Set<Promise<unknown>>();
  const retiring = new Set<Promise<void>>();

  /** Ends a connection when no call waits for an answer on it any more. */
  function retire(retired: Promise<Client>): void {
    if (current === retired) current = undefined;
    const ended = Promise.allSettled(running)
      .then(() => retired)
      .then(end)
      .then(() => {})
      .catch(() => {})
      .finally(() => retiring.delete(ended));
    retiring.add(ended);
  }

  async function run<R>(call: (client: Client) => Promise<R>): Promise<R> {
    current ??= open();
    const used = current;
    let client: Client | undefined;
    try {
      client = await used;
      return await call(client);
    } catch (error) {
      if (!client || isLost(error)) retire(used);
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
      if (current) retire(current);
      await Promise.allSettled(retiring);
    },
  };
}

/**
 * Waits until a generated Google client has credentials. Without this, failing to get credentials would end the process
 * with an unhandled rejection. Throws `Unavailable` after 4 seconds; `service` is for the log.
 */
export async function withCredentials<Client extends { initialize(): Promise<unknown> }>(
  part: Part,
  service: string,
  client: Client,
): Promise<Client> {
  const waiting = new AbortController();
  const timeLimit = delay(CREDENTIALS_WITHIN_MS, undefined, { signal: waiting.signal }).then(() => {
    throw new Error(`no credentials within ${CREDENTIALS_WITHIN_MS} ms`);
  });
  try {
    await Promise.race([client.initialize(), timeLimit]);
    return client;
  } catch (error) {
    throw new Unavailable(part, `cannot get credentials for ${service}`, { cause: error });
  } finally {
    waiting.abort();
  }
}
