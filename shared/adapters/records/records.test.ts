import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import * as z from 'zod/mini';
import { Unavailable } from '../../errors.ts';
import { openSqliteRecords } from '../../local/sqlite-records.ts';
import type { Collection, Query, Records } from '../../ports/records.ts';
import { recordsContract } from '../../testing/contracts/records/suite.ts';
import { describeReal } from '../../testing/real-parts.ts';
import { freePort } from '../../testing/servers/free-port.ts';
import { silentServer } from '../../testing/servers/silent-server.ts';
import { tcpProxy } from '../../testing/servers/tcp-proxy.ts';
import { type FirestoreProject, newFirestoreProject, newProjectId } from '../../testing/shared-emulators.ts';
import { openFirestoreRecords } from './firestore-records.ts';

const run = promisify(execFile);

const counters: Collection<{ count: number }> = {
  name: 'counters',
  schema: z.object({ count: z.number() }),
};
const byCount: Query<{ count: number }> = {
  name: 'byCount',
  collection: counters,
  where: [],
  orderBy: { field: 'count', direction: 'asc' },
};

describe('SQLite in memory', () => {
  recordsContract(async () => openSqliteRecords(':memory:'));
});

describe('SQLite in a file', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await temporaryFolder();
  });
  afterAll(() => rm(folder, { recursive: true }));

  recordsContract(async () => openSqliteRecords(path.join(folder, 'contract.db')));
});

describe('a SQLite file', () => {
  let folder: string;
  let file: string;
  beforeEach(async () => {
    folder = await temporaryFolder();
    file = path.join(folder, 'records.db');
  });
  afterEach(() => rm(folder, { recursive: true }));

  test('keeps its documents across a restart', async () => {
    const before = openSqliteRecords(file);
    await before.create(counters, 'a', { count: 1 });
    await before.transact(async (transaction) => transaction.set(counters, 'b', { count: 2 }));
    await before.close();

    await using after = closing(openSqliteRecords(file));
    expect((await after.records.query(byCount, {}, { limit: 10 })).documents).toEqual([
      { count: 1 },
      { count: 2 },
    ]);
  });

  test('counts concurrent increments from two connections', async () => {
    await using here = closing(openSqliteRecords(file));
    await using there = closing(openSqliteRecords(file));
    const stores = [here.records, there.records];
    await Promise.all(Array.from({ length: 20 }, (_, i) => increment(stores[i % 2] ?? here.records)));
    expect(await here.records.get(counters, 'total')).toEqual({ count: 20 });
  });

  test('that is not a database is Unavailable, not empty', async () => {
    await writeFile(file, 'x'.repeat(10_000));
    expect(() => openSqliteRecords(file)).toThrow(Unavailable);
  });

  test('that was closed is Unavailable and can be closed again', async () => {
    const records = openSqliteRecords(file);
    await records.create(counters, 'a', { count: 1 });
    await records.close();
    await expect(records.get(counters, 'a')).rejects.toThrow(Unavailable);
    await expect(records.ping()).rejects.toThrow(Unavailable);
    await records.close();
  });

  test('in a folder that does not exist is Unavailable', () => {
    expect(() => openSqliteRecords(path.join(folder, 'nowhere', 'records.db'))).toThrow(Unavailable);
  });

  test('that another process keeps locked is Unavailable for writes, and intact afterwards', async () => {
    await using opened = closing(openSqliteRecords(file, 100));
    const other = new DatabaseSync(file);
    other.exec('BEGIN IMMEDIATE');
    const error = await opened.records.create(counters, 'a', { count: 1 }).catch((caught: unknown) => caught);
    other.exec('ROLLBACK');
    other.close();
    expect(error).toBeInstanceOf(Unavailable);
    expect(await opened.records.create(counters, 'a', { count: 2 })).toBe('CREATED');
  });
});

/** Shorter than the defaults, which deadlines.long.test.ts measures. */
const HASTY = { retryWindowMs: 200, readMs: 500 };
/** Of a busy machine that keeps to them. */
const WITHIN_MS = 7_000;

describe.concurrent('a Firestore that does not answer', () => {
  // Loading the SDK is not part of a deadline.
  beforeAll(async () => {
    await import('@google-cloud/firestore');
  });

  const operations: readonly [string, (records: Records) => Promise<unknown>][] = [
    ['a read', (records) => records.get(counters, 'a')],
    ['a query', (records) => records.query(byCount, {}, { limit: 1 })],
    ['a create', (records) => records.create(counters, 'a', { count: 1 })],
    ['a transaction', (records) => increment(records)],
    ['a ping', (records) => records.ping()],
  ];

  test('ends every operation in Unavailable within its deadlines if nothing listens', async () => {
    const emulatorHost = `127.0.0.1:${await freePort()}`;
    const records = openFirestoreRecords({ projectId: 'demo-dead', emulatorHost, deadlines: HASTY });
    const tries = await Promise.all(operations.map(([, operation]) => timed(operation(records))));
    await records.close();
    for (const [index, { error, tookMs }] of tries.entries()) {
      expect(error, operations[index]?.[0]).toBeInstanceOf(Unavailable);
      expect(tookMs, operations[index]?.[0]).toBeLessThan(WITHIN_MS);
    }
  });

  test('ends a read in Unavailable within its deadline if it accepts connections and sends nothing', async () => {
    await using silent = await silentServer();
    const records = openFirestoreRecords({
      projectId: 'demo-silent',
      emulatorHost: silent.host,
      deadlines: HASTY,
    });
    const { error, tookMs } = await timed(records.get(counters, 'a'));
    await records.close();
    expect(error).toBeInstanceOf(Unavailable);
    expect(tookMs).toBeLessThan(WITHIN_MS);
  });

  test('lets a process end that closes the store during a read', async () => {
    const emulatorHost = `127.0.0.1:${await freePort()}`;
    const script = `
      const { openFirestoreRecords } = await import(${JSON.stringify(moduleUrl('./firestore-records.ts'))});
      const records = openFirestoreRecords({ projectId: 'demo-x', emulatorHost: '${emulatorHost}' });
      const read = records.ping().catch((error) => error.name);
      await records.close();
      const closedAtMs = performance.now();
      process.on('exit', () => console.log(JSON.stringify({ outcome, lingeredMs: performance.now() - closedAtMs })));
      const outcome = await read;
    `;
    const { stdout } = await runModule(script);
    const { outcome, lingeredMs } = JSON.parse(stdout);
    expect(outcome).toBe('Unavailable');
    expect(lingeredMs).toBeLessThan(500);
  });

  test('is Unavailable after it was closed', async () => {
    const records = openFirestoreRecords({ projectId: 'demo-closed' });
    await records.close();
    await expect(records.get(counters, 'a')).rejects.toThrow(Unavailable);
  });
});

test('opening Firestore does not load its SDK before the first operation', async () => {
  const script = `
    import { registerHooks } from 'node:module';
    let loaded = false;
    registerHooks({
      resolve: (specifier, context, next) => {
        loaded ||= /^(@google|@grpc|google-|protobuf)/.test(specifier);
        return next(specifier, context);
      },
    });
    const { openFirestoreRecords } = await import(${JSON.stringify(moduleUrl('./firestore-records.ts'))});
    const records = openFirestoreRecords({ projectId: 'demo-lazy', emulatorHost: '127.0.0.1:1' });
    const before = loaded;
    const read = records.ping().catch(() => {});
    await records.close();
    await read;
    console.log(JSON.stringify({ before, after: loaded }));
  `;
  const { stdout } = await runModule(script);
  expect(JSON.parse(stdout)).toEqual({ before: false, after: true });
});

describeReal('Firestore emulator', 'Firestore', () => {
  let emulator: FirestoreProject;
  const open = () => openFirestoreRecords({ projectId: emulator.projectId, emulatorHost: emulator.host });
  beforeAll(async () => {
    emulator = await newFirestoreProject();
    // The first answer may take the emulator longer than a read waits.
    await using opened = closing(open());
    await vi.waitFor(() => opened.records.ping(), 20_000);
  });

  // The emulator takes seconds for contending transactions that take milliseconds elsewhere.
  recordsContract(async () =>
    openFirestoreRecords({
      projectId: emulator.projectId,
      emulatorHost: emulator.host,
      transactionWithinMs: 60_000,
    }),
  );

  test.concurrent('gives every project and every database its own store', async () => {
    const { host, projectId } = emulator;
    await using first = closing(open());
    await using project = closing(openFirestoreRecords({ projectId: newProjectId(), emulatorHost: host }));
    await using database = closing(
      openFirestoreRecords({ projectId, databaseId: 'second', emulatorHost: host }),
    );
    await first.records.create(counters, 'a', { count: 1 });
    expect(await project.records.get(counters, 'a')).toBeUndefined();
    expect(await database.records.get(counters, 'a')).toBeUndefined();
  });

  test.concurrent('waits only for a limited time for the locks of a process that crashed in a transaction', {
    timeout: 60_000,
  }, async () => {
    const { host, projectId } = emulator;
    const options = { projectId, emulatorHost: host, transactionWithinMs: 1_000 };
    await using dying = closing(open());
    await using waiting = closing(openFirestoreRecords(options));
    const [hasLocked, mayEnd] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const holding = dying.records.transact(async (transaction) => {
      await transaction.get(counters, 'locked');
      hasLocked.resolve();
      await mayEnd.promise;
    });
    await hasLocked.promise;
    const { error, tookMs } = await timed(
      waiting.records.transact(async (transaction) => {
        await transaction.get(counters, 'locked');
        transaction.set(counters, 'locked', { count: 1 });
      }),
    );
    expect(error).toBeInstanceOf(Unavailable);
    expect(tookMs).toBeLessThan(20_000);
    mayEnd.resolve();
    await holding;
    await waiting.records.transact(async (transaction) => transaction.set(counters, 'locked', { count: 2 }));
    expect(await waiting.records.get(counters, 'locked')).toEqual({ count: 2 });
  });

  test.concurrent('becomes Unavailable if Firestore becomes unreachable between two reads', async () => {
    const { host, projectId } = emulator;
    const proxy = await tcpProxy(host);
    await using opened = closing(
      openFirestoreRecords({ projectId, emulatorHost: proxy.host, deadlines: HASTY }),
    );
    expect(await opened.records.create(counters, 'before', { count: 1 })).toBe('CREATED');
    proxy.down(true);
    const { error, tookMs } = await timed(opened.records.get(counters, 'before'));
    expect(error).toBeInstanceOf(Unavailable);
    expect(tookMs).toBeLessThan(WITHIN_MS);
    await proxy.close();
  });
});

async function increment(records: Records): Promise<void> {
  await records.transact(async (transaction) => {
    const counter = await transaction.get(counters, 'total');
    transaction.set(counters, 'total', { count: (counter?.count ?? 0) + 1 });
  });
}

function closing(records: Records): AsyncDisposable & { readonly records: Records } {
  return { records, [Symbol.asyncDispose]: () => records.close() };
}

async function timed(operation: Promise<unknown>): Promise<{ error: unknown; tookMs: number }> {
  const startMs = performance.now();
  const error = await operation.then(
    () => undefined,
    (caught: unknown) => caught,
  );
  return { error, tookMs: performance.now() - startMs };
}

function temporaryFolder(): Promise<string> {
  return mkdtemp(path.join(tmpdir(), 'seatlease-records-'));
}

function moduleUrl(file: string): string {
  return new URL(file, import.meta.url).href;
}

/** Runs code in a separate Node process and waits for it to end by itself. */
function runModule(code: string): Promise<{ stdout: string }> {
  return run(process.execPath, ['--input-type=module', '--eval', code], { timeout: 20_000 });
}
