import type {
  DocumentReference,
  DocumentSnapshot,
  Firestore,
  Query as FirestoreQuery,
  Transaction as FirestoreTransaction,
} from '@google-cloud/firestore';
import { Unavailable } from '../../errors.ts';
import type { Collection, Equals, Page, PageOf, Query, Records, Transaction } from '../../ports/records.ts';
import type { Connection } from '../grpc/connection.ts';
import { STATUS, statusOf } from '../grpc/status.ts';
import { checkId, checkReadsComeFirst, decodeDocument, encodeDocument, settle } from './documents.ts';
import { type FirestoreOptions, firestoreUnavailable, openFirestore } from './firestore-client.ts';
import { type Position, pageRequest, toPage } from './page.ts';

/**
 * Records in Firestore. The SDK is loaded by the first operation, which also creates the one client: importing this
 * module or opening the store costs nothing. If Firestore does not answer, a read ends in `Unavailable` after about 4
 * seconds. Writes, and reads in a transaction, may have to wait for locks, so they have 12 seconds. A whole
 * transaction, which the SDK restarts when it loses to another, takes at most about 27 seconds.
 *
 * After `Unavailable` from a create or a transaction it is unknown whether it was written.
 */
export function openFirestoreRecords(options: FirestoreOptions): Records {
  return new FirestoreRecords(options);
}

/**
 * A process that crashes in a transaction leaves its locks behind for a minute. Waiting for them longer than this, plus
 * one more attempt, would exceed the function's time limit.
 */
const DEFAULT_TRANSACTION_WITHIN_MS = 15_000;

/** Of concurrent transactions on one document one succeeds at a time, and each time the others retry. */
const MAX_TRANSACTION_ATTEMPTS = 10;

class FirestoreRecords implements Records {
  readonly #connection: Connection<Firestore>;
  readonly #transactionWithinMs: number;

  constructor(options: FirestoreOptions) {
    this.#connection = openFirestore(options);
    this.#transactionWithinMs = options.transactionWithinMs ?? DEFAULT_TRANSACTION_WITHIN_MS;
  }

  async get<T>(collection: Collection<T>, id: string): Promise<T | undefined> {
    checkId(collection, id);
    const snapshot = await this.#connection.use((client) => reference(client, collection, id).get());
    return fromSnapshot(collection, id, snapshot);
  }

  async create<T>(collection: Collection<T>, id: string, document: T): Promise<'CREATED' | 'EXISTS'> {
    const stored = encodeDocument(collection, id, document);
    try {
      await this.#connection.use((client) => reference(client, collection, id).create(stored));
      return 'CREATED';
    } catch (error) {
      if (statusOf(error) === STATUS.ALREADY_EXISTS) return 'EXISTS';
      throw error;
    }
  }

  async query<T>(query: Query<T>, equals: Equals, page: Page): Promise<PageOf<T>> {
    const { fetchLimit, after } = pageRequest(query, equals, page);
    const found = await this.#connection.use((client) =>
      selectPage(client, query, equals, page, after, fetchLimit).get(),
    );
    const rows = found.docs.map((snapshot) => ({ id: snapshot.id, stored: snapshot.data() }));
    return toPage(query, equals, page, rows);
  }

  async transact<R>(work: (transaction: Transaction) => Promise<R>): Promise<R> {
    const endMs = performance.now() + this.#transactionWithinMs;
    try {
      return await this.#connection.use((client) =>
        client.runTransaction(
          async (transaction) => {
            if (performance.now() > endMs) throw new WorkThrew(overtaken());
            return await runWork(work, new Attempt(client, transaction));
          },
          { maxAttempts: MAX_TRANSACTION_ATTEMPTS },
        ),
      );
    } catch (error) {
      throw error instanceof WorkThrew ? error.thrown : error;
    }
  }

  async ping(): Promise<void> {
    await this.#connection.use((client) => client.collection('ping').doc('ping').get());
  }

  close(): Promise<void> {
    return this.#connection.close();
  }
}

/** One run of a transaction's work. Keeps the store's first failure, even if the work handles it. */
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
      throw firestoreUnavailable(error);
    }
  }
}

/** Carries an error of the work past the SDK, which would retry an error with a `code` that it knows. */
class WorkThrew extends Error {
  readonly thrown: unknown;

  constructor(thrown: unknown) {
    super('The work of the transaction threw.');
    this.thrown = thrown;
  }
}

async function runWork<R>(work: (transaction: Transaction) => Promise<R>, attempt: Attempt): Promise<R> {
  const outcome = await settle(() => work(attempt));
  // The SDK retries only if it sees the store's own error.
  if (attempt.failure !== undefined) {
    throw attempt.failure.error;
  }
  if ('thrown' in outcome) {
    throw new WorkThrew(outcome.thrown);
  }
  return outcome.result;
}

function overtaken(): Unavailable {
  return new Unavailable('records', 'other transactions held the locks of its documents for too long');
}

function selectPage<T>(
  client: Firestore,
  { collection, orderBy: { field, direction } }: Query<T>,
  equals: Equals,
  { least, below }: Page,
  after: Position | undefined,
  fetchLimit: number,
): FirestoreQuery {
  const filtered = Object.entries(equals).reduce(
    (narrowed, [name, value]) => narrowed.where(name, '==', value),
    client.collection(collection.name).limit(fetchLimit),
  );
  const from = least === undefined ? filtered : filtered.where(field, '>=', least);
  const bounded = below === undefined ? from : from.where(field, '<', below);
  const ordered = bounded.orderBy(field, direction).orderBy('__name__', direction);
  return after === undefined ? ordered : ordered.startAfter(after.value, after.id);
}

function reference<T>(client: Firestore, collection: Collection<T>, id: string): DocumentReference {
  return client.collection(collection.name).doc(id);
}

function fromSnapshot<T>(collection: Collection<T>, id: string, snapshot: DocumentSnapshot): T | undefined {
  return snapshot.exists ? decodeDocument(collection, id, snapshot.data()) : undefined;
}
