import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite';
import * as z from 'zod/mini';
import {
  checkId,
  checkReadsComeFirst,
  decodeDocument,
  encodeDocument,
  settle,
} from '../adapters/records/documents.ts';
import { type Position, pageRequest, type Row, toPage } from '../adapters/records/page.ts';
import { Unavailable } from '../errors.ts';
import type { Collection, Equals, Page, PageOf, Query, Records, Transaction } from '../ports/records.ts';

const defaultLockedMs = 2_000;

/** Upper bound on attempts when concurrent commits overtake a transaction. Reaching it means something is wrong. */
const maxAttempts = 100;

const schema = `
  CREATE TABLE IF NOT EXISTS documents (
    collection TEXT NOT NULL,
    id TEXT NOT NULL,
    document TEXT NOT NULL,
    PRIMARY KEY (collection, id)
  ) STRICT, WITHOUT ROWID;
`;

/** SQLite's primary result codes for a database that is unavailable or damaged, not for mistakes of the caller. */
const unavailableCodes: ReadonlySet<number> = new Set([
  5, // BUSY
  6, // LOCKED
  7, // NOMEM
  8, // READONLY
  10, // IOERR
  11, // CORRUPT
  13, // FULL
  14, // CANTOPEN
  15, // PROTOCOL
  26, // NOTADB
]);

const storedText = z.object({ document: z.string() });
const storedRow = z.object({ id: z.string(), document: z.string() });
const sqliteFailure = z.object({ code: z.literal('ERR_SQLITE_ERROR'), errcode: z.number() });

/**
 * Records in one SQLite file, or in memory for `':memory:'`: the embedded replacement for Firestore. A write is on disk
 * before it is acknowledged, and several processes can open the same file. Throws `Unavailable` if the file cannot be
 * opened, is locked by another process for more than `lockedMs` (2 seconds by default), or is not a valid SQLite
 * database.
 */
export function openSqliteRecords(file: string, lockedMs = defaultLockedMs): Records {
  return new SqliteRecords(file, lockedMs);
}

class SqliteRecords implements Records {
  readonly #database: DatabaseSync;
  /** Each statement is compiled once: that takes longer than to run one. */
  readonly #statements = new Map<string, StatementSync>();

  constructor(file: string, lockedMs: number) {
    this.#database = asUnavailable(() => openDatabase(file, lockedMs));
  }

  async get<T>(collection: Collection<T>, id: string): Promise<T | undefined> {
    checkId(collection, id);
    const text = this.#read(collection.name, id);
    return text === undefined ? undefined : decodeDocument(collection, id, JSON.parse(text));
  }

  async create<T>(collection: Collection<T>, id: string, document: T): Promise<'CREATED' | 'EXISTS'> {
    const text = JSON.stringify(encodeDocument(collection, id, document));
    const { changes } = this.#use(() =>
      this.#prepare(
        'INSERT INTO documents (collection, id, document) VALUES (?, ?, ?) ON CONFLICT DO NOTHING',
      ).run(collection.name, id, text),
    );
    return Number(changes) === 1 ? 'CREATED' : 'EXISTS';
  }

  async query<T>(query: Query<T>, equals: Equals, page: Page): Promise<PageOf<T>> {
    const { fetchLimit, after } = pageRequest(query, equals, page);
    const { sql, values } = selectPage(query, equals, page, after, fetchLimit);
    const found = this.#use(() => this.#prepare(sql).all(...values));
    return toPage(query, equals, page, found.map(toRow));
  }

  async transact<R>(work: (transaction: Transaction) => Promise<R>): Promise<R> {
    for (let attempt = 0; attempt < maxAttempts; attempt += 1) {
      const transaction = new SqliteTransaction((collection, id) => this.#read(collection, id));
      const outcome = await settle(() => work(transaction));
      // Work that threw is checked, too: it may have read only half of another commit.
      const writes = 'thrown' in outcome ? [] : transaction.writes;
      if (this.#commit(transaction.reads, writes)) {
        if ('thrown' in outcome) {
          throw outcome.thrown;
        }
        return outcome.result;
      }
    }
    throw new Unavailable('records', `a transaction was overtaken ${maxAttempts} times`);
  }

  async ping(): Promise<void> {
    this.#use(() => this.#prepare('SELECT 1 FROM documents LIMIT 1').get());
  }

  async close(): Promise<void> {
    if (this.#database.isOpen) {
      this.#database.close();
    }
  }

  #use<R>(action: (database: DatabaseSync) => R): R {
    if (!this.#database.isOpen) {
      throw new Unavailable('records', 'the store has been closed');
    }
    return asUnavailable(() => action(this.#database));
  }

  #read(collection: string, id: string): string | undefined {
    const found = this.#use(() =>
      this.#prepare('SELECT document FROM documents WHERE collection = ? AND id = ?').get(collection, id),
    );
    return found === undefined ? undefined : z.parse(storedText, found).document;
  }

  /**
   * Applies the writes if every document that was read is unchanged, and returns whether it did. Nothing is awaited
   * between BEGIN and COMMIT, so no other call of this process can see or join the open transaction.
   */
  #commit(reads: readonly Read[], writes: readonly Write[]): boolean {
    return this.#use((database) => {
      database.exec(writes.length === 0 ? 'BEGIN' : 'BEGIN IMMEDIATE');
      try {
        const isUnchanged = reads.every((read) => this.#read(read.collection, read.id) === read.text);
        if (isUnchanged) {
          writes.forEach((write) => {
            this.#apply(write);
          });
        }
        database.exec(isUnchanged ? 'COMMIT' : 'ROLLBACK');
        return isUnchanged;
      } catch (error) {
        if (database.isTransaction) {
          database.exec('ROLLBACK');
        }
        throw error;
      }
    });
  }

  #apply({ collection, id, text }: Write): void {
    if (text === undefined) {
      this.#prepare('DELETE FROM documents WHERE collection = ? AND id = ?').run(collection, id);
    } else {
      this.#prepare('INSERT OR REPLACE INTO documents (collection, id, document) VALUES (?, ?, ?)').run(
        collection,
        id,
        text,
      );
    }
  }

  #prepare(sql: string): StatementSync {
    const statement = this.#statements.get(sql) ?? this.#database.prepare(sql);
    this.#statements.set(sql, statement);
    return statement;
  }
}

interface Read {
  readonly collection: string;
  readonly id: string;
  readonly text: string | undefined;
}

interface Write {
  readonly collection: string;
  readonly id: string;
  /** `undefined` deletes the document. */
  readonly text: string | undefined;
}

/** Collects reads and writes; the store checks the reads and applies the writes at commit. */
class SqliteTransaction implements Transaction {
  readonly reads: Read[] = [];
  readonly writes: Write[] = [];
  readonly #read: (collection: string, id: string) => string | undefined;

  constructor(read: (collection: string, id: string) => string | undefined) {
    this.#read = read;
  }

  async get<T>(collection: Collection<T>, id: string): Promise<T | undefined> {
    checkReadsComeFirst(this.writes.length > 0);
    checkId(collection, id);
    const text = this.#read(collection.name, id);
    this.reads.push({ collection: collection.name, id, text });
    return text === undefined ? undefined : decodeDocument(collection, id, JSON.parse(text));
  }

  set<T>(collection: Collection<T>, id: string, document: T): void {
    const text = JSON.stringify(encodeDocument(collection, id, document));
    this.writes.push({ collection: collection.name, id, text });
  }

  delete<T>(collection: Collection<T>, id: string): void {
    checkId(collection, id);
    this.writes.push({ collection: collection.name, id, text: undefined });
  }
}

function openDatabase(file: string, lockedMs: number): DatabaseSync {
  const database = new DatabaseSync(file, { timeout: lockedMs });
  try {
    if (file !== ':memory:') {
      database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;');
    }
    database.exec(schema);
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

function selectPage<T>(
  query: Query<T>,
  equals: Equals,
  { least, below }: Page,
  after: Position | undefined,
  fetchLimit: number,
): { sql: string; values: SQLInputValue[] } {
  const order = jsonPath(query.orderBy.field);
  const direction = query.orderBy.direction === 'asc' ? 'ASC' : 'DESC';
  // Like Firestore, leaves out documents without the order field.
  const conditions = ['collection = ?', 'json_type(document, ?) IS NOT NULL'];
  const values: SQLInputValue[] = [query.collection.name, order];
  const comparisons = [
    ...query.where.map((field) => compare(field, '=', equals[field])),
    ...(least === undefined ? [] : [compare(query.orderBy.field, '>=', least)]),
    ...(below === undefined ? [] : [compare(query.orderBy.field, '<', below)]),
  ];
  for (const comparison of comparisons) {
    conditions.push(comparison.sql);
    values.push(...comparison.values);
  }
  if (after !== undefined) {
    conditions.push(`(json_extract(document, ?), id) ${direction === 'ASC' ? '>' : '<'} (?, ?)`);
    values.push(order, after.value, after.id);
  }
  const sql = `SELECT id, document FROM documents WHERE ${conditions.join(' AND ')}
    ORDER BY json_extract(document, ?) ${direction}, id ${direction} LIMIT ?`;
  return { sql, values: [...values, order, fetchLimit] };
}

/**
 * Compares type and value, because json_extract returns the same value for `true` and `1`, and SQLite sorts every
 * number before every text. Firestore finds only values of the requested type.
 */
function compare(
  field: string,
  operator: '=' | '>=' | '<',
  value: Equals[string] | undefined,
): { sql: string; values: SQLInputValue[] } {
  const path = jsonPath(field);
  if (typeof value === 'boolean') {
    return { sql: 'json_type(document, ?) = ?', values: [path, String(value)] };
  }
  const types = typeof value === 'number' ? "('integer', 'real')" : "('text')";
  return {
    sql: `(json_type(document, ?) IN ${types} AND json_extract(document, ?) ${operator} ?)`,
    values: [path, path, value ?? null],
  };
}

function jsonPath(field: string): string {
  return ['$', ...field.split('.').map((part) => JSON.stringify(part))].join('.');
}

function toRow(found: unknown): Row {
  const { id, document } = z.parse(storedRow, found);
  return { id, stored: JSON.parse(document) };
}

function asUnavailable<R>(action: () => R): R {
  try {
    return action();
  } catch (error) {
    const failure = z.safeParse(sqliteFailure, error);
    // The low byte of an extended result code is its primary code.
    if (failure.success && unavailableCodes.has(failure.data.errcode & 0xff)) {
      const because = error instanceof Error ? error.message : 'SQLite failed';
      throw new Unavailable('records', because, { cause: error });
    }
    throw error;
  }
}
