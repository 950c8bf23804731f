import type { Firestore } from '@google-cloud/firestore';
import { Unavailable } from '../../errors.ts';
import { type Connection, openConnection } from '../grpc/connection.ts';
import { asUnavailable, CANNOT_SERVE } from '../grpc/status.ts';
import { type CallDeadlines, callLimits, GAVE_UP } from './firestore-calls.ts';

export interface FirestoreOptions {
  readonly projectId: string;
  /** The project's default database if absent. */
  readonly databaseId?: string | undefined;
  /** `host:port` of an emulator: no encryption, no credentials. */
  readonly emulatorHost?: string | undefined;
  /** How long a transaction may retry against others, 15 s if absent. */
  readonly transactionWithinMs?: number | undefined;
  /** Those of `callLimits` if absent. */
  readonly deadlines?: Partial<CallDeadlines> | undefined;
}

/** The statuses of an SDK operation while Firestore is unavailable. */
const unavailable: readonly number[] = [...CANNOT_SERVE, GAVE_UP];

/** Firestore with `callLimits`. After `close` nothing is retried. */
export function openFirestore(options: FirestoreOptions): Connection<Firestore> {
  const limits = callLimits(options.deadlines);
  const connection = openConnection({
    open: () => openClient(options, limits.limit),
    end: (client) => client.terminate(),
    isLost: () => false,
    asUnavailable: firestoreUnavailable,
  });
  let isClosed = false;
  return {
    async use(call) {
      if (isClosed) throw new Unavailable('records', 'the store has been closed');
      return await connection.use(call);
    },
    async close() {
      isClosed = true;
      limits.stop();
      await connection.close();
    },
  };
}

/** Converts `error` for callers of the port. */
export function firestoreUnavailable(error: unknown): unknown {
  return asUnavailable('records', 'Firestore', unavailable, error);
}

async function openClient(options: FirestoreOptions, limit: unknown): Promise<Firestore> {
  const { Firestore } = await import('@google-cloud/firestore');
  const { projectId, databaseId, emulatorHost } = options;
  return new Firestore({
    projectId,
    ...(databaseId === undefined ? {} : { databaseId }),
    ...(emulatorHost === undefined ? {} : { host: emulatorHost, ssl: false }),
    ignoreUndefinedProperties: true,
    'grpc.callInvocationTransformer': limit,
  });
}
