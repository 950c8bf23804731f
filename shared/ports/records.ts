import type { ZodMiniType } from 'zod/mini';

/**
 * Durable documents: tenants, licenses and, later, everything that must outlive Redis.
 * The shape is Firestore's, cut down to what an embedded twin can honestly promise too.
 *
 * A document is plain JSON with no array directly inside an array; fields that are `undefined` are dropped. An id is not
 * empty, holds no `/`, is not `.`, `..` or `__…__`, and has at most 1,500 bytes (Firestore's limits); another one throws.
 * A store that does not answer throws `Unavailable('records', …)`; after that, whether a write landed is not known.
 */
export interface Records {
  /** The document, or `undefined` where there is none. A failed look-up throws; it never reads as absent. */
  get<T>(collection: Collection<T>, id: string): Promise<T | undefined>;

  /** Writes the document only where none has that id. Of two racing calls exactly one is told `CREATED`. */
  create<T>(collection: Collection<T>, id: string, document: T): Promise<'CREATED' | 'EXISTS'>;

  /** One page of a catalogued query, at most `page.limit` documents. */
  query<T>(query: Query<T>, equals: Equals, page: Page): Promise<PageOf<T>>;

  /**
   * Runs `work` as one serialisable transaction. `work` may run more than once, so it must have no effect
   * outside the transaction, and every read must come before the first write (a later read throws).
   * When `work` throws, nothing is written and the error is the caller's.
   */
  transact<R>(work: (transaction: Transaction) => Promise<R>): Promise<R>;

  /** Resolves when the store answers; throws `Unavailable` when it does not. */
  ping(): Promise<void>;

  close(): Promise<void>;
}

export interface Transaction {
  get<T>(collection: Collection<T>, id: string): Promise<T | undefined>;
  set<T>(collection: Collection<T>, id: string, document: T): void;
  delete<T>(collection: Collection<T>, id: string): void;
}

/** A named set of documents and the schema that every document read from it is checked against. */
export interface Collection<T> {
  readonly name: string;
  readonly schema: ZodMiniType<T>;
}

/**
 * An entry of the query catalogue: equality on every field of `where`, then one order. Queries exist only as
 * catalogue entries because Firestore needs a composite index for each, and the emulator does not say so.
 */
export interface Query<T> {
  readonly name: string;
  readonly collection: Collection<T>;
  readonly where: readonly string[];
  /** The field holds a string or a number in every document; documents without it are left out. */
  readonly orderBy: { readonly field: string; readonly direction: 'asc' | 'desc' };
}

/** A value for each field that the query's `where` names. */
export type Equals = Readonly<Record<string, string | number | boolean>>;

export interface Page {
  /** 1 to 100. */
  readonly limit: number;
  /**
   * `nextCursor` of the page before; one that this store did not make for the same query, values and bounds throws
   * `InvalidCursor`.
   */
  readonly cursor?: string | undefined;
  /** Only documents whose order field is of the type of this (number or string) and at least this. */
  readonly least?: string | number | undefined;
  /** Only documents whose order field is of the type of this and below this; two bounds are of one type. */
  readonly below?: string | number | undefined;
}

export interface PageOf<T> {
  readonly documents: readonly T[];
  /** Absent on the last page. */
  readonly nextCursor?: string;
}

/** A page cursor that no store of ours made: the caller's mistake, not a fault. */
export class InvalidCursor extends Error {
  override readonly name = 'InvalidCursor';
}
