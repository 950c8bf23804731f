import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import * as z from 'zod/mini';
import { type Collection, InvalidCursor, type Query, type Records } from './records.ts';

const counterSchema = z.object({ count: z.number() });
const entrySchema = z.object({ owner: z.string(), open: z.boolean(), rank: z.number(), name: z.string() });
const anySchema = z.record(z.string(), z.unknown());

type Entry = z.infer<typeof entrySchema>;

/** Contended transactions on the Firestore emulator take seconds where every other store takes milliseconds. */
const contendedTimeoutMs = 60_000;

/**
 * What every store of records promises, as vitest tests. `open` is called once; nothing needs to be reset, because
 * every test works in collections of its own.
 */
export function recordsContract(open: () => Promise<Records>): void {
  let records: Records;
  beforeAll(async () => {
    records = await open();
  });
  afterAll(async () => {
    await records?.close();
  });

  describe('documents', () => {
    test('says that it is there', async () => {
      await expect(records.ping()).resolves.toBeUndefined();
    });

    test('reads as absent what was never written', async () => {
      expect(await records.get(fresh('counters', counterSchema), 'nobody')).toBeUndefined();
    });

    test('creates a document once and keeps the first', async () => {
      const counters = fresh('counters', counterSchema);
      expect(await records.create(counters, 'a', { count: 1 })).toBe('CREATED');
      expect(await records.create(counters, 'a', { count: 2 })).toBe('EXISTS');
      expect(await records.get(counters, 'a')).toEqual({ count: 1 });
    });

    test('tells exactly one of two racing creators that it was the first', async () => {
      const counters = fresh('counters', counterSchema);
      const verdicts = await Promise.all(
        [1, 2].map((count) => records.create(counters, 'contested', { count })),
      );
      expect(verdicts.toSorted()).toEqual(['CREATED', 'EXISTS']);
      const winner = verdicts.indexOf('CREATED') + 1;
      expect(await records.get(counters, 'contested')).toEqual({ count: winner });
    });

    test('keeps apart documents of one id in two collections', async () => {
      const [here, there] = [fresh('counters', counterSchema), fresh('counters', counterSchema)];
      await records.create(here, 'same', { count: 1 });
      expect(await records.get(there, 'same')).toBeUndefined();
    });

    test.each([
      ['text in any script', { text: 'Zoë 株式会社 🪑 \u202eرخصة "quoted" \\ \n\t\u0001' }],
      ['empty text, no text and no fields', { text: '', nothing: null, nested: {}, list: [] }],
      ['lists inside objects inside lists', { list: [1, 'two', null, { list: [true, { list: ['deep'] }] }] }],
      [
        'the largest exact numbers',
        { most: 2 ** 53 - 1, least: -(2 ** 53 - 1), half: 0.5, tiny: 5e-324, no: 0 },
      ],
      [
        'text that looks like numbers and truths',
        { a: '123', b: '1e3', c: 'true', d: 'null', e: '0x10', f: '007' },
      ],
      ['field names of every kind', { 'a.b': 1, 'sp ace': 2, ünï: 3, $ref: 4, '0': 5, "quo'te`": 6 }],
    ])('gives back exactly %s', async (_, document) => {
      const anything = fresh('anything', anySchema);
      await records.create(anything, 'exact', document);
      await records.transact(async (transaction) => transaction.set(anything, 'set', document));
      expect(await records.get(anything, 'exact')).toStrictEqual(document);
      expect(await records.get(anything, 'set')).toStrictEqual(document);
      const read = await records.transact((transaction) => transaction.get(anything, 'exact'));
      expect(read).toStrictEqual(document);
    });

    test('leaves out a field that is undefined', async () => {
      const anything = fresh('anything', anySchema);
      await records.create(anything, 'a', { kept: 1, left: undefined, nested: { left: undefined } });
      expect(await records.get(anything, 'a')).toStrictEqual({ kept: 1, nested: {} });
    });

    test.each([
      ['a list directly inside a list', { list: [[1]] }],
      ['a number that is not finite', { count: Number.NaN }],
      ['a Date', { at: new Date(0) }],
    ])('refuses to store %s, which not every store could give back', async (_, document) => {
      const anything = fresh('anything', anySchema);
      await expect(records.create(anything, 'odd', document)).rejects.toThrow(`${anything.name}/odd`);
      expect(await records.get(anything, 'odd')).toBeUndefined();
    });

    test.each([
      ['empty', ''],
      ['a dot', '.'],
      ['two dots', '..'],
      ['with a slash', 'a/b'],
      ['reserved', '__a__'],
      ['too long', 'x'.repeat(1501)],
    ])('refuses an id that not every store could hold: %s', async (_, id) => {
      const counters = fresh('counters', counterSchema);
      await expect(records.get(counters, id)).rejects.toThrow(counters.name);
      await expect(records.create(counters, id, { count: 1 })).rejects.toThrow(counters.name);
    });

    test('refuses a stored document that breaks its schema, without printing what is in it', async () => {
      const loose = fresh('anything', anySchema);
      const strict: Collection<{ count: number }> = { name: loose.name, schema: counterSchema };
      await records.create(loose, 'broken', { count: 'secret-content' });
      const reads = [
        () => records.get(strict, 'broken'),
        () => records.transact((transaction) => transaction.get(strict, 'broken')),
        () => records.query(byCount(strict), {}, { limit: 1 }),
      ];
      for (const read of reads) {
        const error = await failureOf(read());
        expect(error).toMatchObject({ message: expect.stringContaining(`${loose.name}/broken`) });
        expect(String(error)).not.toContain('secret-content');
      }
    });
  });

  describe('queries', () => {
    test.each(['asc', 'desc'] as const)(
      'walks every page, ties and all, each document once (%s)',
      async (direction) => {
        const entries = fresh('entries', entrySchema);
        const written = Array.from({ length: 11 }, (_, i) =>
          entry({ name: `n${i}`, rank: Math.floor(i / 4) }),
        );
        await writeAll(entries, written);
        const walked = await walk({ ...byRank(entries), orderBy: { field: 'rank', direction } }, {}, 2);
        const ordered = written.toSorted((a, b) => a.rank - b.rank || (a.name < b.name ? -1 : 1));
        const expected = direction === 'asc' ? ordered : ordered.toReversed();
        // Ids are the names, so ties go by name too.
        expect(namesOf(walked.documents)).toEqual(namesOf(expected));
        expect(walked.pageSizes).toEqual([2, 2, 2, 2, 2, 1]);
      },
    );

    test('walks pages in the order of text, byte by byte, as in the order of numbers', async () => {
      const entries = fresh('entries', entrySchema);
      const names = ['10', '9', 'B', 'a', 'é', '\uff5e', '🪑'];
      await writeAll(
        entries,
        names.toReversed().map((name) => entry({ name })),
      );
      const query: Query<Entry> = { ...byRank(entries), orderBy: { field: 'name', direction: 'asc' } };
      expect(namesOf((await walk(query, {}, 1)).documents)).toEqual(names);
    });

    test('ends without a cursor when the last page is exactly full', async () => {
      const entries = fresh('entries', entrySchema);
      await writeAll(entries, [entry({ name: 'a' }), entry({ name: 'b' })]);
      const page = await records.query(byRank(entries), {}, { limit: 2 });
      expect(page.documents).toHaveLength(2);
      expect(page).not.toHaveProperty('nextCursor');
    });

    test('finds nothing in an empty collection', async () => {
      expect(await records.query(byRank(fresh('entries', entrySchema)), {}, { limit: 5 })).toEqual({
        documents: [],
      });
    });

    test('gives only documents that equal every value asked for', async () => {
      const entries = fresh('entries', entrySchema);
      await writeAll(entries, [
        entry({ name: 'a', owner: 'ten_1', open: true, rank: 2 }),
        entry({ name: 'b', owner: 'ten_1', open: false, rank: 1 }),
        entry({ name: 'c', owner: 'ten_2', open: true, rank: 0 }),
        entry({ name: 'd', owner: 'ten_1', open: true, rank: 1 }),
      ]);
      const query: Query<Entry> = { ...byRank(entries), where: ['owner', 'open'] };
      const { documents, pageSizes } = await walk(query, { owner: 'ten_1', open: true }, 1);
      expect(namesOf(documents)).toEqual(['d', 'a']);
      expect(pageSizes).toEqual([1, 1]);
    });

    test('takes 1, "1" and true for three different values', async () => {
      const anything = fresh('anything', anySchema);
      await Promise.all(
        [1, '1', true].map((value) =>
          records.create(anything, `${typeof value}`, { value, of: typeof value }),
        ),
      );
      const query = { name: 'byValue', collection: anything, where: ['value'], orderBy: by('of') };
      for (const value of [1, '1', true]) {
        const { documents } = await records.query(query, { value }, { limit: 10 });
        expect(documents).toEqual([{ value, of: typeof value }]);
      }
    });

    test('leaves out documents that lack the field it orders by', async () => {
      const anything = fresh('anything', anySchema);
      await records.create(anything, 'with', { count: 1 });
      await records.create(anything, 'without', { other: 1 });
      const { documents } = await records.query(byCount(anything), {}, { limit: 10 });
      expect(documents).toEqual([{ count: 1 }]);
    });

    test.each([
      ['empty', ''],
      ['garbage', 'not a cursor!'],
      ['an object', cursorOf({ value: 1, id: 'a' })],
      ['too short', cursorOf(['byRank', 1])],
      ['an order value of no order', cursorOf(['byRank', null, 'a'])],
      ['an id of no document', cursorOf(['byRank', 1, 'a/b'])],
      ['padded', `${cursorOf(['byRank', 1, 'a'])}==`],
      ['made for another query', cursorOf(['byName', 1, 'a'])],
    ])('refuses a cursor that it did not make: %s', async (_, cursor) => {
      const entries = fresh('entries', entrySchema);
      const error = await failureOf(records.query(byRank(entries), {}, { limit: 1, cursor }));
      expect(error).toBeInstanceOf(InvalidCursor);
    });

    test('refuses a page of no size, of more than 100, and a filter that the query does not have', async () => {
      const query = byRank(fresh('entries', entrySchema));
      for (const limit of [0, 101, 1.5]) {
        await expect(records.query(query, {}, { limit })).rejects.toThrow('byRank');
      }
      await expect(records.query(query, { owner: 'ten_1' }, { limit: 1 })).rejects.toThrow('byRank');
    });
  });

  describe('transactions', () => {
    test('counts every one of ten racing increments', { timeout: contendedTimeoutMs }, async () => {
      const counters = fresh('counters', counterSchema);
      await records.create(counters, 'total', { count: 0 });
      await Promise.all(Array.from({ length: 10 }, () => increment(counters, 'total')));
      expect(await records.get(counters, 'total')).toEqual({ count: 10 });
    });

    test('lets exactly one of two racing claims win', { timeout: contendedTimeoutMs }, async () => {
      const entries = fresh('entries', entrySchema);
      const claim = (owner: string) =>
        records.transact(async (transaction) => {
          if ((await transaction.get(entries, 'seat')) !== undefined) {
            return 'TAKEN';
          }
          transaction.set(entries, 'seat', entry({ owner }));
          return 'CLAIMED';
        });
      const owners = ['ada', 'bob'];
      const verdicts = await Promise.all(owners.map(claim));
      expect(verdicts.toSorted()).toEqual(['CLAIMED', 'TAKEN']);
      const holder = await records.get(entries, 'seat');
      expect(holder?.owner).toBe(owners[verdicts.indexOf('CLAIMED')]);
    });

    test('never lets a create slip in between a read and its write', {
      timeout: contendedTimeoutMs,
    }, async () => {
      const counters = fresh('counters', counterSchema);
      const setIfAbsent = records.transact(async (transaction) => {
        const found = await transaction.get(counters, 'one');
        if (found === undefined) {
          transaction.set(counters, 'one', { count: 1 });
        }
        return found === undefined;
      });
      const [wasAbsent, verdict] = await Promise.all([
        setIfAbsent,
        records.create(counters, 'one', { count: 2 }),
      ]);
      expect(wasAbsent).toBe(verdict === 'EXISTS');
      expect(await records.get(counters, 'one')).toEqual({ count: wasAbsent ? 1 : 2 });
    });

    test('writes nothing when the work throws, and gives the error back unchanged', async () => {
      const counters = fresh('counters', counterSchema);
      // A code that the SDK would take for a conflict of its own, and retry.
      const mistake = Object.assign(new Error('mine'), { code: 10 });
      let runs = 0;
      const failing = records.transact(async (transaction) => {
        runs += 1;
        await transaction.get(counters, 'a');
        transaction.set(counters, 'a', { count: 1 });
        throw mistake;
      });
      expect(await failureOf(failing)).toBe(mistake);
      expect(mistake.message).toBe('mine');
      expect(runs).toBe(1);
      expect(await records.get(counters, 'a')).toBeUndefined();
    });

    test('refuses a read after the first write, and then writes nothing', async () => {
      const counters = fresh('counters', counterSchema);
      const late = records.transact(async (transaction) => {
        transaction.set(counters, 'a', { count: 1 });
        await transaction.get(counters, 'b');
      });
      await expect(late).rejects.toThrow('before its first write');
      const afterDelete = records.transact(async (transaction) => {
        transaction.delete(counters, 'a');
        await transaction.get(counters, 'b');
      });
      await expect(afterDelete).rejects.toThrow('before its first write');
      expect(await records.get(counters, 'a')).toBeUndefined();
    });

    test('deletes, and deletes what is not there', async () => {
      const counters = fresh('counters', counterSchema);
      await records.create(counters, 'a', { count: 1 });
      await records.transact(async (transaction) => {
        transaction.delete(counters, 'a');
        transaction.delete(counters, 'never');
      });
      expect(await records.get(counters, 'a')).toBeUndefined();
      expect(await records.create(counters, 'a', { count: 2 })).toBe('CREATED');
    });

    test('replaces a document as a whole, and lets the last of several writes stand', async () => {
      const anything = fresh('anything', anySchema);
      await records.create(anything, 'a', { old: 1, kept: { deep: 1 } });
      await records.transact(async (transaction) => {
        transaction.set(anything, 'a', { middle: 1 });
        transaction.set(anything, 'a', { kept: {} });
        transaction.set(anything, 'b', { gone: 1 });
        transaction.delete(anything, 'b');
      });
      expect(await records.get(anything, 'a')).toStrictEqual({ kept: {} });
      expect(await records.get(anything, 'b')).toBeUndefined();
    });

    test('shows nobody a transaction that is not finished, and everybody all of it after', async () => {
      const counters = fresh('counters', counterSchema);
      const query = byCount(counters);
      const [hasWritten, mayFinish] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
      const running = records.transact(async (transaction) => {
        transaction.set(counters, 'a', { count: 1 });
        transaction.set(counters, 'b', { count: 2 });
        hasWritten.resolve();
        await mayFinish.promise;
      });
      await hasWritten.promise;
      expect(await records.get(counters, 'a')).toBeUndefined();
      expect((await records.query(query, {}, { limit: 10 })).documents).toEqual([]);
      mayFinish.resolve();
      await running;
      expect((await records.query(query, {}, { limit: 10 })).documents).toEqual([{ count: 1 }, { count: 2 }]);
    });

    test('never acts on half of another transaction', { timeout: contendedTimeoutMs }, async () => {
      const counters = fresh('counters', counterSchema);
      await records.create(counters, 'left', { count: 5 });
      await records.create(counters, 'right', { count: 5 });
      const move = () =>
        records.transact(async (transaction) => {
          const left = (await transaction.get(counters, 'left'))?.count ?? 0;
          const right = (await transaction.get(counters, 'right'))?.count ?? 0;
          if (left + right !== 10) {
            throw new Error(`saw ${left} and ${right}`);
          }
          transaction.set(counters, 'left', { count: left - 1 });
          transaction.set(counters, 'right', { count: right + 1 });
        });
      await Promise.all([move(), move(), move()]);
      expect(await records.get(counters, 'left')).toEqual({ count: 2 });
      expect(await records.get(counters, 'right')).toEqual({ count: 8 });
    });

    test('stores a document as it was when it was set, whatever happens to the object after', async () => {
      const counters = fresh('counters', counterSchema);
      const document = { count: 1 };
      await records.transact(async (transaction) => {
        transaction.set(counters, 'a', document);
        document.count = 2;
      });
      expect(await records.get(counters, 'a')).toEqual({ count: 1 });
    });

    test('gives back what the work returns', async () => {
      expect(await records.transact(async () => 'done')).toBe('done');
    });
  });

  async function increment(counters: Collection<{ count: number }>, id: string): Promise<void> {
    await records.transact(async (transaction) => {
      const counter = await transaction.get(counters, id);
      transaction.set(counters, id, { count: (counter?.count ?? 0) + 1 });
    });
  }

  async function writeAll(entries: Collection<Entry>, documents: readonly Entry[]): Promise<void> {
    await Promise.all(documents.map((document) => records.create(entries, document.name, document)));
  }

  async function walk<T>(query: Query<T>, equals: Record<string, string | boolean>, limit: number) {
    const documents: T[] = [];
    const pageSizes: number[] = [];
    let cursor: string | undefined;
    do {
      const page = await records.query(query, equals, { limit, cursor });
      documents.push(...page.documents);
      pageSizes.push(page.documents.length);
      cursor = page.nextCursor;
    } while (cursor !== undefined && pageSizes.length < 50);
    return { documents, pageSizes };
  }
}

function fresh<T>(name: string, schema: Collection<T>['schema']): Collection<T> {
  return { name: `${name}-${randomUUID()}`, schema };
}

function entry(some: Partial<Entry>): Entry {
  return { owner: 'ten_1', open: true, rank: 0, name: 'n', ...some };
}

function by(field: string): Query<unknown>['orderBy'] {
  return { field, direction: 'asc' };
}

function byRank(collection: Collection<Entry>): Query<Entry> {
  return { name: 'byRank', collection, where: [], orderBy: by('rank') };
}

function byCount<T>(collection: Collection<T>): Query<T> {
  return { name: 'byCount', collection, where: [], orderBy: by('count') };
}

function namesOf(entries: readonly Entry[]): string[] {
  return entries.map(({ name }) => name);
}

function cursorOf(content: unknown): string {
  return Buffer.from(JSON.stringify(content)).toString('base64url');
}

async function failureOf(promise: Promise<unknown>): Promise<unknown> {
  return await promise.then(
    () => expect.fail('should have been refused'),
    (error: unknown) => error,
  );
}
