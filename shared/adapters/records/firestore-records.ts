import type {
  DocumentReference,
  DocumentSnapshot,
  Firestore,
  Transaction as FirestoreTransaction,
} from '@google-cloud/firestore';
import * as z from 'zod/mini';
import { Unavailable } from '../../errors.ts';
import type { Collection, Equals, Page, PageOf, Query, Records, Transaction } from '../../ports/records.ts';
import { checkId, checkReadsComeFirst, decodeDocument, encodeDocument, settle } from './documents.ts';
import { callLimits, RPC } from './firestore-calls.ts';
import { pageRequest, toPage } from './page.ts';

export interface FirestoreOptions {
  readonly projectId: string;
  /** The project's default database where absent. */
  readonly databaseId?: string | undefined;
  /** `host:port` of an emulator: no encryption, no credentials. */
  readonly emulatorHost?: string | undefined;
  /** How long a transaction may go on trying against others, 15 s where absent. */
  readonly transactionWithinMs?: number | undefined;
}

/**
 * Records in Firestore. The SDK is loaded by the first operation and one client kept after that: importing this
 * module or opening the store costs nothing. A Firestore that does not answer ends a read in `Unavailable`
 * after about 4 seconds. Writes, and reads in a transaction, may have to wait for locks: they get 12, and a
 * transaction as a whole, which the SDK begins anew when it loses to another, at most about 27.
 *
 * After `Unavailable` from a create or a transaction it is not known whether it was written.
 */
export function openFirestoreRecords(options: FirestoreOptions): Records {
  return new FirestoreRecords(options);
}

/**
 * A process that dies in the middle of a transaction leaves its locks behind for a minute. Who waits for them longer than
 * this and one more attempt would outlive its own function.
 */
const transactionWithinMs = 15_000;

/** Racing transactions on one document pass one at a time, each time sending the others round again. */
const maxTransactionAttempts = 10;

const rpcFailure = z.object({ code: z.number(), details: z.optional(z.string()) });

const unavailableCodes: ReadonlySet<number> = new Set([
  RPC.DEADLINE_EXCEEDED,
  RPC.RESOURCE_EXHAUSTED,
  RPC.ABORTED,
  RPC.GAVE_UP,
  RPC.INTERNAL,
  RPC.UNAVAILABLE,
]);

class FirestoreRecords implements Records {
  readonly #options: FirestoreOptions;
  readonly #limits = callLimits();
  readonly #running = new Set<Promise<unknown>>();
  #client: Promise<Firestore> | undefined;
  #isClosed = false;

  constructor(options: FirestoreOptions) {
    this.#options = options;
  }

  async get<T>(collection: Collection<T>, id: string): Promise<T | undefined> {
    checkId(collection, id);
    const snapshot = await this.#use((client) => reference(client, collection, id).get());
    return fromSnapshot(collection, id, snapshot);
  }

  async create<T>(collection: Collection<T>, id: string, document: T): Promise<'CREATED' | 'EXISTS'> {
    const stored = encodeDocument(collection, id, document);
    return await this.#use(async (client) => {
      try {
        await reference(client, collection, id).create(stored);
        return 'CREATED';
      } catch (error) {
        if (rpcCode(error) === RPC.ALREADY_EXISTS) {
          return 'EXISTS';
        }
        throw error;
      }
    });
  }

  async query<T>(query: Query<T>, equals: Equals, page: Page): Promise<PageOf<T>> {
    const { fetchLimit, after } = pageRequest(query, equals, page);
    const { field, direction } = query.orderBy;
    const { least, below } = page;
    const found = await this.#use((client) => {
      const filtered = Object.entries(equals).reduce(
        (narrowed, [name, value]) => narrowed.where(name, '==', value),
        client.collection(query.collection.name).limit(fetchLimit),
      );
      const from = least === undefined ? filtered : filtered.where(field, '>=', least);
      const bounded = below === undefined ? from : from.where(field, '<', below);
      const ordered = bounded.orderBy(field, direction).orderBy('__name__', direction);
      return (after === undefined ? ordered : ordered.startAfter(after.value, after.id)).get();
    });
    const rows = found.docs.map((snapshot) => ({ id: snapshot.id, stored: snapshot.data() }));
    return toPage(query, equals, page, rows);
  }

  async transact<R>(work: (transaction: Transaction) => Promise<R>): Promise<R> {
    const endMs = performance.now() + (this.#options.transactionWithinMs ?? transactionWithinMs);
    return await this.#use((client) =>
      client.runTransaction(
        async (transaction) => {
          if (performance.now() > endMs) {
            throw new WorkThrew(
              new Unavailable('records', 'other transactions kept this one from its documents'),
            );
          }
          return await runWork(work, new Attempt(client, transaction));
        },
        { maxAttempts: maxTransactionAttempts },
      ),
    );
  }

  async ping(): Promise<void> {
    await this.#use((client) => client.collection('ping').doc('ping').get());
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#limits.stop();
    await Promise.allSettled(this.#running);
    const client = await this.#client;
    await client?.terminate();
  }

  async #use<R>(action: (client: Firestore) => Promise<R>): Promise<R> {
    if (this.#isClosed) {
      throw new Unavailable('records', 'the store has been closed');
    }
    this.#client ??= connect(this.#options, this.#limits.limit);
    const running = this.#client.then(action);
    this.#running.add(running);
    try {
      return await running;
    } catch (error) {
      throw error instanceof WorkThrew ? error.thrown : asUnavailable(error);
    } finally {
      this.#running.delete(running);
    }
  }
}

/** One run of a transaction's work. Keeps the first failure of the store, whatever the work makes of it. */
class Attempt implements Transaction {
  readonly #client: Firestore;
  readonly #transaction: FirestoreTransaction;
  #hasWritten = false;
  failure: { readonly error: unknown } | undefined;

  constructor(client: Firestore, transaction: FirestoreTransaction) {
    this.#client = client;
    this.#transaction = transaction;
  }

  async get<T>(collection: Collection<T>, id: string): Promise<T | undefined> {
    checkReadsComeFirst(this.#hasWritten);
    checkId(collection, id);
    const snapshot = await this.#read(reference(this.#client, collection, id));
    return fromSnapshot(collection, id, snapshot);
  }

  set<T>(collection: Collection<T>, id: string, document: T): void {
    const stored = encodeDocument(collection, id, document);
    this.#hasWritten = true;
    this.#transaction.set(reference(this.#client, collection, id), stored);
  }

  delete<T>(collection: Collection<T>, id: string): void {
    checkId(collection, id);
    this.#hasWritten = true;
    this.#transaction.delete(reference(this.#client, collection, id));
  }

  async #read(document: DocumentReference): Promise<DocumentSnapshot> {
    try {
      return await this.#transaction.get(document);
    } catch (error) {
      this.failure ??= { error };
      throw asUnavailable(error);
    }
  }
}

/** Carries what the work threw past the SDK, which would retry an error that has a `code` it knows. */
class WorkThrew extends Error {
  readonly thrown: unknown;

  constructor(thrown: unknown) {
    super('The work of a transaction threw.');
    this.thrown = thrown;
  }
}

async function runWork<R>(work: (transaction: Transaction) => Promise<R>, attempt: Attempt): Promise<R> {
  const outcome = await settle(() => work(attempt));
  // The SDK must see the store's own error to know that it should try again.
  if (attempt.failure !== undefined) {
    throw attempt.failure.error;
  }
  if ('thrown' in outcome) {
    throw new WorkThrew(outcome.thrown);
  }
  return outcome.result;
}

async function connect(options: FirestoreOptions, limit: unknown): Promise<Firestore> {
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

function reference<T>(client: Firestore, collection: Collection<T>, id: string): DocumentReference {
  return client.collection(collection.name).doc(id);
}

function fromSnapshot<T>(collection: Collection<T>, id: string, snapshot: DocumentSnapshot): T | undefined {
  return snapshot.exists ? decodeDocument(collection, id, snapshot.data()) : undefined;
}

function rpcCode(error: unknown): number | undefined {
  return z.safeParse(rpcFailure, error).data?.code;
}

function asUnavailable(error: unknown): unknown {
  const failure = z.safeParse(rpcFailure, error).data;
  if (failure === undefined || !unavailableCodes.has(failure.code)) {
    return error;
  }
  const because = `Firestore failed with code ${failure.code}: ${failure.details ?? 'no details'}`;
  return new Unavailable('records', because, { cause: error });
}
