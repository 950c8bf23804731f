import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import * as z from 'zod/mini';
import { sealCursor } from '../../../domain/cursor.ts';
import {
  type Collection,
  InvalidCursor,
  type Page,
  type Query,
  type Records,
} from '../../../ports/records.ts';
import { runs } from '../../runs.ts';
import {
  anySchema,
  by,
  byCount,
  byRank,
  type Entry,
  entry,
  entrySchema,
  failureOf,
  fresh,
  namesOf,
} from './collections.ts';

const nestedSchema = z.object({
  at: z.int(),
  detail: z.object({ holder: z.optional(z.string()), count: z.int() }),
});
const linkedSchema = z.object({ of: z.string(), link: z.optional(z.object({ seq: z.int() })) });

/** The content of a cursor: its list, and the order value and id of a document. */
function contentOf(cursor: string): unknown[] {
  const [, content] = JSON.parse(Buffer.from(cursor, 'base64url').toString());
  return z.parse(z.array(z.unknown()), content);
}

export function queriesContract(store: () => Records): void {
  describe('queries', () => {
    test.each(['asc', 'desc'] as const)(
      'returns every document once across pages, including ties (%s)',
      async (direction) => {
        const entries = fresh('entries', entrySchema);
        const written = Array.from({ length: 11 }, (_, i) =>
          entry({ name: `n${i}`, rank: Math.floor(i / 4) }),
        );
        await writeAll(entries, written);
        const walked = await walk(
          { ...byRank(entries), orderBy: { field: 'rank', direction } },
          {},
          { limit: 2 },
        );
        const ordered = written.toSorted((a, b) => a.rank - b.rank || (a.name < b.name ? -1 : 1));
        const expected = direction === 'asc' ? ordered : ordered.toReversed();
        // The ids are the names, so ties are ordered by name too.
        expect(namesOf(walked.documents)).toEqual(namesOf(expected));
        expect(walked.pageSizes).toEqual([2, 2, 2, 2, 2, 1]);
      },
    );

    test('orders text byte by byte, and numbers by value', async () => {
      const entries = fresh('entries', entrySchema);
      const names = ['10', '9', 'B', 'a', 'é', '\uff5e', '🪑'];
      await writeAll(
        entries,
        names.toReversed().map((name) => entry({ name })),
      );
      const query: Query<Entry> = { ...byRank(entries), orderBy: { field: 'name', direction: 'asc' } };
      expect(namesOf((await walk(query, {}, { limit: 1 })).documents)).toEqual(names);
    });

    test('returns no cursor if the last page is exactly full', async () => {
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

    test('returns only documents that match every value', async () => {
      const entries = fresh('entries', entrySchema);
      await writeAll(entries, [
        entry({ name: 'a', owner: 'ten_1', open: true, rank: 2 }),
        entry({ name: 'b', owner: 'ten_1', open: false, rank: 1 }),
        entry({ name: 'c', owner: 'ten_2', open: true, rank: 0 }),
        entry({ name: 'd', owner: 'ten_1', open: true, rank: 1 }),
      ]);
      const query: Query<Entry> = { ...byRank(entries), where: ['owner', 'open'] };
      const { documents, pageSizes } = await walk(query, { owner: 'ten_1', open: true }, { limit: 1 });
      expect(namesOf(documents)).toEqual(['d', 'a']);
      expect(pageSizes).toEqual([1, 1]);
    });

    test('treats 1, "1" and true as different values', async () => {
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

    test('finds documents by a nested field, until the field is removed', async () => {
      const nested = fresh('nested', nestedSchema);
      const document = (at: number, holder?: string) => ({ at, detail: { holder, count: at } });
      await store().create(nested, 'a', document(1, 'ada'));
      await store().create(nested, 'b', document(2, 'bob'));
      await store().create(nested, 'c', document(3, 'ada'));
      await store().create(nested, 'd', document(4));
      const query = { name: 'byHolder', collection: nested, where: ['detail.holder'], orderBy: by('at') };
      const found = async () => (await walk(query, { 'detail.holder': 'ada' }, { limit: 1 })).documents;
      expect((await found()).map(({ at }) => at)).toEqual([1, 3]);
      await store().transact(async (transaction) => transaction.set(nested, 'a', document(1)));
      expect((await found()).map(({ at }) => at)).toEqual([3]);
    });

    test('leaves out documents without the order field', async () => {
      const anything = fresh('anything', anySchema);
      await store().create(anything, 'with', { count: 1 });
      await store().create(anything, 'without', { other: 1 });
      const { documents } = await store().query(byCount(anything), {}, { limit: 10 });
      expect(documents).toEqual([{ count: 1 }]);
    });

    test.each<[string, (list: unknown, value: unknown, id: unknown) => string]>([
      ['empty', () => ''],
      ['garbage', () => 'not a cursor!'],
      ['an object', (list, value, id) => sealCursor({ list, value, id })],
      ['too short', (list, value) => sealCursor([list, value])],
      ['an order value that cannot be ordered', (list, _, id) => sealCursor([list, null, id])],
      ['an invalid document id', (list, value) => sealCursor([list, value, 'a/b'])],
      ['of another version', (...content) => Buffer.from(JSON.stringify([2, content])).toString('base64url')],
      ['padded', (list, value, id) => `${sealCursor([list, value, id])}==`],
      ['of an unknown list', (_, value, id) => sealCursor(['byName', value, id])],
    ])('refuses a cursor that it did not create: %s', async (_, forge) => {
      const { query, cursor } = await twoPages();
      const [list, value, id] = contentOf(cursor);
      expect(forge(list, value, id)).not.toBe(cursor);
      const forged = { limit: 1, cursor: forge(list, value, id) };
      expect(await failureOf(store().query(query, { owner: 'ten_1' }, forged))).toBeInstanceOf(InvalidCursor);
      // The same cursor, decoded and encoded again, is valid.
      const same = { limit: 1, cursor: sealCursor([list, value, id]) };
      expect((await store().query(query, { owner: 'ten_1' }, same)).documents).toHaveLength(1);
    });

    test('refuses a cursor of another query, other values or other bounds', async () => {
      const { query, cursor } = await twoPages();
      const equals = { owner: 'ten_1' };
      const others: readonly [Query<Entry>, Record<string, string>, Partial<Page>][] = [
        [{ ...query, name: 'other' }, equals, {}],
        [{ ...query, orderBy: { field: 'rank', direction: 'desc' } }, equals, {}],
        [query, { owner: 'ten_2' }, {}],
        [query, equals, { least: 0 }],
        [query, equals, { below: 9 }],
      ];
      for (const [other, values, bounds] of others) {
        const page = { limit: 1, cursor, ...bounds };
        expect(await failureOf(store().query(other, values, page))).toBeInstanceOf(InvalidCursor);
      }
    });

    test('refuses a page size of 0, one above 100, and a filter that the query does not have', async () => {
      const query = byRank(fresh('entries', entrySchema));
      for (const limit of [0, 101, 1.5]) {
        await expect(store().query(query, {}, { limit })).rejects.toThrow('byRank');
      }
      await expect(store().query(query, { owner: 'ten_1' }, { limit: 1 })).rejects.toThrow('byRank');
    });
  });

  describe('bounds of a page', () => {
    const bounds = fc.record({
      least: fc.option(fc.integer({ min: -1, max: 6 }), { nil: undefined }),
      below: fc.option(fc.integer({ min: -1, max: 6 }), { nil: undefined }),
      limit: fc.integer({ min: 1, max: 4 }),
      direction: fc.constantFrom('asc' as const, 'desc' as const),
    });

    test('return every document within them once, in order, and no others, for any bounds', async () => {
      const entries = fresh('entries', entrySchema);
      const written = Array.from({ length: 12 }, (_, i) =>
        entry({ name: `n${i}`, rank: i % 6, owner: i === 4 ? 'ten_2' : 'ten_1' }),
      );
      await writeAll(entries, written);
      await fc.assert(
        fc.asyncProperty(bounds, async ({ direction, ...page }) => {
          const query: Query<Entry> = {
            ...byRank(entries),
            where: ['owner'],
            orderBy: { field: 'rank', direction },
          };
          const { least = -1, below = 99 } = page;
          const ordered = written
            .filter(({ rank, owner }) => owner === 'ten_1' && rank >= least && rank < below)
            .toSorted((a, b) => a.rank - b.rank || (a.name < b.name ? -1 : 1));
          const { documents, pageSizes } = await walk(query, { owner: 'ten_1' }, page);
          expect(namesOf(documents)).toEqual(namesOf(direction === 'asc' ? ordered : ordered.toReversed()));
          expect(pageSizes).toHaveLength(Math.max(1, Math.ceil(ordered.length / page.limit)));
        }),
        { seed: 20261125, numRuns: runs(20, 200) },
      );
    });

    test.each(['asc', 'desc'] as const)('compare text byte by byte (%s)', async (direction) => {
      const entries = fresh('entries', entrySchema);
      const names = ['10', '9', 'B', 'a', 'é', '\uff5e', '🪑'];
      await writeAll(
        entries,
        names.map((name) => entry({ name })),
      );
      const query: Query<Entry> = { ...byRank(entries), orderBy: { field: 'name', direction } };
      const within = async (page: Partial<Page>) => {
        const { documents } = await walk(query, {}, { limit: 2, ...page });
        return direction === 'asc' ? namesOf(documents) : namesOf(documents).toReversed();
      };
      expect(await within({ least: 'a' })).toEqual(['a', 'é', '\uff5e', '🪑']);
      expect(await within({ below: '🪑' })).toEqual(['10', '9', 'B', 'a', 'é', '\uff5e']);
      expect(await within({ least: '9', below: 'é' })).toEqual(['9', 'B', 'a']);
      expect(await within({ least: 'b', below: 'a' })).toEqual([]);
    });

    test.each(['asc', 'desc'] as const)('apply to a nested field (%s)', async (direction) => {
      const linked = fresh('linked', linkedSchema);
      await store().create(linked, 'loose', { of: 'ten_1' });
      await Promise.all(
        [1, 2, 3, 4, 5].map((seq) => store().create(linked, `e${seq}`, { of: 'ten_1', link: { seq } })),
      );
      const query: Query<z.infer<typeof linkedSchema>> = {
        name: 'bySeq',
        collection: linked,
        where: ['of'],
        orderBy: { field: 'link.seq', direction },
      };
      const { documents } = await walk(query, { of: 'ten_1' }, { limit: 1, least: 2, below: 5 });
      const seqs = documents.map(({ link }) => link?.seq);
      expect(seqs).toEqual(direction === 'asc' ? [2, 3, 4] : [4, 3, 2]);
      expect((await walk(query, { of: 'ten_1' }, { limit: 2 })).documents).toHaveLength(5);
    });

    test('match only values of their own type', async () => {
      const anything = fresh('anything', anySchema);
      await Promise.all([1, '1', 2, '2'].map((count, i) => store().create(anything, `d${i}`, { count })));
      const counts = async (page: Partial<Page>) =>
        (await walk(byCount(anything), {}, { limit: 1, ...page })).documents.map(({ count }) => count);
      expect(await counts({ least: 1 })).toEqual([1, 2]);
      expect(await counts({ below: '2' })).toEqual(['1']);
      expect(await counts({ least: '' })).toEqual(['1', '2']);
      expect(await counts({ below: 99 })).toEqual([1, 2]);
    });

    test('exclude everything outside, even with a valid cursor from outside', async () => {
      const entries = fresh('entries', entrySchema);
      await writeAll(
        entries,
        [0, 1, 2, 3, 4].map((rank) => entry({ name: `n${rank}`, rank })),
      );
      for (const direction of ['asc', 'desc'] as const) {
        const query: Query<Entry> = { ...byRank(entries), orderBy: { field: 'rank', direction } };
        const page = { limit: 1, least: 1, below: 4 };
        const { nextCursor = '' } = await store().query(query, {}, page);
        const [list] = contentOf(nextCursor);
        for (const rank of [-7, 0, 4, 7]) {
          const cursor = sealCursor([list, rank, 'x']);
          const { documents } = await store().query(query, {}, { ...page, limit: 9, cursor });
          const all = direction === 'asc' ? [1, 2, 3] : [3, 2, 1];
          const isBefore = direction === 'asc' ? rank < 1 : rank >= 4;
          expect(documents.map((document) => document.rank)).toEqual(isBefore ? all : []);
        }
      }
    });

    test('of two types are refused', async () => {
      const query = byRank(fresh('entries', entrySchema));
      await expect(store().query(query, {}, { limit: 1, least: 1, below: '2' })).rejects.toThrow('byRank');
    });
  });

  /** A query of two documents, and the cursor of its first page of one. */
  async function twoPages(): Promise<{ query: Query<Entry>; cursor: string }> {
    const entries = fresh('entries', entrySchema);
    await writeAll(entries, [entry({ name: 'a' }), entry({ name: 'b' })]);
    const query: Query<Entry> = { ...byRank(entries), where: ['owner'] };
    const { nextCursor } = await store().query(query, { owner: 'ten_1' }, { limit: 1 });
    if (nextCursor === undefined) expect.fail('should have a second page');
    return { query, cursor: nextCursor };
  }

  async function writeAll(entries: Collection<Entry>, documents: readonly Entry[]): Promise<void> {
    await Promise.all(documents.map((document) => store().create(entries, document.name, document)));
  }

  async function walk<T>(query: Query<T>, equals: Record<string, string | boolean>, first: Page) {
    const documents: T[] = [];
    const pageSizes: number[] = [];
    let cursor: string | undefined;
    do {
      const page = await store().query(query, equals, { ...first, cursor });
      documents.push(...page.documents);
      pageSizes.push(page.documents.length);
      cursor = page.nextCursor;
    } while (cursor !== undefined && pageSizes.length < 50);
    return { documents, pageSizes };
  }
}
