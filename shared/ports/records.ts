import type { ZodMiniType } from 'zod/mini';

/**
 * Durable documents: everything that must outlive Redis. The interface is Firestore's, reduced to what an embedded
 * store can guarantee too.
 *
 * A document is plain JSON with no array directly inside an array; fields that are `undefined` are dropped. An id
 * is not empty, holds no `/`, is not `.`, `..` or `__…__`, and has at most 1,500 bytes (Firestore's limits); any other
 * throws. If the store does not answer, it throws `Unavailable('records', …)`; it is then unknown whether a write
 * succeeded.
 *
 * Every document is stored with the version of its format, as the field `v`. A document of a version that the collection
 * does not name, or that does not match the schema, throws an Error that names the document and none of its content.
 * Fields that the schema does not know are kept as `unknown-fields.ts` says.
 */
export interface Records {
  /** The document, or `undefined` if it does not exist. A failed lookup throws; it is never reported as absent. */
  get<T>(collection: Collection<T>, id: string): Promise<T | undefined>;

  /** Creates the document unless the id exists. Of two concurrent calls exactly one returns `CREATED`. */
  create<T>(collection: Collection<T>, id: string, document: T): Promise<'CREATED' | 'EXISTS'>;

  /** One page of a catalogued query, at most `page.limit` documents. */
  query<T>(query: Query<T>, equals: Equals, page: Page): Promise<PageOf<T>>;

  /**
   * Runs `work` as one serialisable transaction. `work` may run more than once, so it must have no effect
   * outside the transaction, and every read must come before the first write (a later read throws).
   * When `work` throws, nothing is written and the error is the caller's.
   */
  transact<R>(work: (transaction: Transaction) => Promise<R>): Promise<R>;

  /** Resolves if the store answers; throws `Unavailable` if not. */
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
  /**
   * The versions of its documents that this release reads, `[1]` by default; it writes the first. An optional field needs
   * no new version. To replace version 1 by 2, first release `[1, 2]`, then `[2, 1]`, so that one release back still
   * reads everything.
   */
  readonly versions?: readonly [number, ...number[]];
  /**
   * Reads each document as it is stored, with its version as `v`, also one of an unknown version: only for checks that look
   * for damaged documents. Writing throws.
   */
  readonly isAsStored?: true;
}

/**
 * An entry of the query catalogue: equality on every field of `where`, then one order. Only catalogued queries exist,
 * because Firestore needs a composite index for each, and the emulator does not report a missing one.
 */
export interface Query<T> {
  readonly name: string;
  readonly collection: Collection<T>;
  readonly where: readonly string[];
  /** The field holds a string or a number; documents without it are left out. */
  readonly orderBy: { readonly field: string; readonly direction: 'asc' | 'desc' };
}

/** A value for each field that the query's `where` names. */
export type Equals = Readonly<Record<string, string | number | boolean>>;

export interface Page {
  /** 1 to 100. */
  readonly limit: number;
  /**
   * `nextCursor` of the previous page. A cursor that this store did not create for the same query, values and bounds
   * throws `InvalidCursor`.
   */
  readonly cursor?: string | undefined;
  /** Only documents whose order field has the type of this value (number or string) and is at least this. */
  readonly least?: string | number | undefined;
  /**
   * Only documents whose order field has the type of this value and is below it; two bounds must have the same type.
   */
  readonly below?: string | number | undefined;
  /**
   * Called for each document that this release cannot read; the page is then returned without it. If absent, such a
   * document throws.
   */
  readonly onUnreadable?: ((error: Error) => void) | undefined;
}

export interface PageOf<T> {
  readonly documents: readonly T[];
  /** Absent on the last page. */
  readonly nextCursor?: string;
}

/** A page cursor that is not ours: the caller's mistake, not a bug. */
export class InvalidCursor extends Error {
  override readonly name = 'InvalidCursor';
}
