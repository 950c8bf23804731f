import { describe, expect, test } from 'vitest';
import { type Collection, InvalidCursor, type Query, type Records } from './records.ts';
import {
  anySchema,
  by,
  byCount,
  byRank,
  cursorOf,
  type Entry,
  entry,
  entrySchema,
  failureOf,
  fresh,
  namesOf,
} from './records-collections.contract-suite.ts';

export function queriesContract(store: () => Records): void {
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
      const page = await store().query(byRank(entries), {}, { limit: 2 });
      expect(page.documents).toHaveLength(2);
      expect(page).not.toHaveProperty('nextCursor');
    });

    test('finds nothing in an empty collection', async () => {
      expect(await store().query(byRank(fresh('entries', entrySchema)), {}, { limit: 5 })).toEqual({
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
          store().create(anything, `${typeof value}`, { value, of: typeof value }),
        ),
      );
      const query = { name: 'byValue', collection: anything, where: ['value'], orderBy: by('of') };
      for (const value of [1, '1', true]) {
        const { documents } = await store().query(query, { value }, { limit: 10 });
        expect(documents).toEqual([{ value, of: typeof value }]);
      }
    });

    test('leaves out documents that lack the field it orders by', async () => {
      const anything = fresh('anything', anySchema);
      await store().create(anything, 'with', { count: 1 });
      await store().create(anything, 'without', { other: 1 });
      const { documents } = await store().query(byCount(anything), {}, { limit: 10 });
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
      const error = await failureOf(store().query(byRank(entries), {}, { limit: 1, cursor }));
      expect(error).toBeInstanceOf(InvalidCursor);
    });

    test('refuses a page of no size, of more than 100, and a filter that the query does not have', async () => {
      const query = byRank(fresh('entries', entrySchema));
      for (const limit of [0, 101, 1.5]) {
        await expect(store().query(query, {}, { limit })).rejects.toThrow('byRank');
      }
      await expect(store().query(query, { owner: 'ten_1' }, { limit: 1 })).rejects.toThrow('byRank');
    });
  });

  async function writeAll(entries: Collection<Entry>, documents: readonly Entry[]): Promise<void> {
    await Promise.all(documents.map((document) => store().create(entries, document.name, document)));
  }

  async function walk<T>(query: Query<T>, equals: Record<string, string | boolean>, limit: number) {
    const documents: T[] = [];
    const pageSizes: number[] = [];
    let cursor: string | undefined;
    do {
      const page = await store().query(query, equals, { limit, cursor });
      documents.push(...page.documents);
      pageSizes.push(page.documents.length);
      cursor = page.nextCursor;
    } while (cursor !== undefined && pageSizes.length < 50);
    return { documents, pageSizes };
  }
}
