import { setTimeout as delay } from 'node:timers/promises';
import type { KeyManagementServiceClient } from '@google-cloud/kms';
import { Unavailable } from '../../errors.ts';
import { isUnheard } from './kms-failures.ts';

export type KmsClientSettings = ConstructorParameters<typeof KeyManagementServiceClient>[0];

type Connecting = Promise<KeyManagementServiceClient>;

const CREDENTIALS_WITHIN_MS = 4_000;

export interface KmsConnection {
  /** Gives `call` the client. Throws what it throws, or `Unavailable` where there is no client to be had. */
  use<R>(call: (client: KeyManagementServiceClient) => Promise<R>): Promise<R>;
  /** Resolves when all that was under way has ended. */
  close(): Promise<void>;
}

/**
 * One connection for all calls. The first makes it and loads the SDK: opening costs nothing. After a call that nobody
 * may have heard the next one makes another: a connection that has gone silent stays so for many minutes.
 */
export function openKmsConnection(settings: KmsClientSettings): KmsConnection {
  let connection: Connecting | undefined;
  const running = new Set<Promise<unknown>>();
  const leaving = new Set<Promise<void>>();

  /** Ends a connection once nobody waits for an answer over it any more. */
  function leave(left: Connecting): void {
    if (connection === left) connection = undefined;
    const ended = Promise.allSettled(running)
      .then(() => left)
      .then((client) => client.close())
      .catch(() => {})
      .finally(() => leaving.delete(ended));
    leaving.add(ended);
  }

  async function run<R>(call: (client: KeyManagementServiceClient) => Promise<R>): Promise<R> {
    connection ??= connect(settings);
    const used = connection;
    try {
      return await call(await used);
    } catch (error) {
      if (isUnheard(error) || error instanceof NoClient) leave(used);
      throw error;
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
      if (connection) leave(connection);
      await Promise.allSettled(leaving);
    },
  };
}

class NoClient extends Unavailable {
  constructor(cause: unknown) {
    super('signing', 'no credentials for Cloud KMS could be had', { cause });
  }
}

async function connect(settings: KmsClientSettings): Connecting {
  const { KeyManagementServiceClient: Client } = await import('@google-cloud/kms');
  // A connection of its own, so that one that was left is not found again.
  const client = new Client({ ...settings, 'grpc.use_local_subchannel_pool': 1 });
  // Credentials that cannot be had would otherwise end the process, as a rejection that nobody handles.
  await inTime(client.initialize());
  return client;
}

async function inTime(initializing: Promise<unknown>): Promise<void> {
  const waiting = new AbortController();
  const tooLate = delay(CREDENTIALS_WITHIN_MS, undefined, { signal: waiting.signal }).then(() => {
    throw new Error(`it took longer than ${CREDENTIALS_WITHIN_MS} ms`);
  });
  try {
    await Promise.race([initializing, tooLate]);
  } catch (error) {
    throw new NoClient(error);
  } finally {
    waiting.abort();
  }
}
