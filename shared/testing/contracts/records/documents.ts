import { describe, expect, test } from 'vitest';
import type { Collection, Records } from '../../../ports/records.ts';
import { anySchema, byCount, counterSchema, failureOf, fresh } from './collections.ts';

export function documentsContract(store: () => Records): void {
  describe('documents', () => {
    test('answers a ping', async () => {
      await expect(store().ping()).resolves.toBeUndefined();
    });

    test('reads a document that was never written as absent', async () => {
      expect(await store().get(fresh('counters', counterSchema), 'unknown')).toBeUndefined();
    });

    test('creates a document once and keeps the first', async () => {
      const counters = fresh('counters', counterSchema);
      expect(await store().create(counters, 'a', { count: 1 })).toBe('CREATED');
      expect(await store().create(counters, 'a', { count: 2 })).toBe('EXISTS');
      expect(await store().get(counters, 'a')).toEqual({ count: 1 });
    });

    test('returns CREATED to exactly one of two concurrent creates', async () => {
      const counters = fresh('counters', counterSchema);
      const verdicts = await Promise.all(
        [1, 2].map((count) => store().create(counters, 'contested', { count })),
      );
      expect(verdicts.toSorted()).toEqual(['CREATED', 'EXISTS']);
      const winner = verdicts.indexOf('CREATED') + 1;
      expect(await store().get(counters, 'contested')).toEqual({ count: winner });
    });

    test('keeps documents with the same id in two collections apart', async () => {
      const [here, there] = [fresh('counters', counterSchema), fresh('counters', counterSchema)];
      await store().create(here, 'same', { count: 1 });
      expect(await store().get(there, 'same')).toBeUndefined();
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
        'text that looks like numbers and booleans',
        { a: '123', b: '1e3', c: 'true', d: 'null', e: '0x10', f: '007' },
      ],
      ['field names of every kind', { 'a.b': 1, 'sp ace': 2, ünï: 3, $ref: 4, '0': 5, "quo'te`": 6 }],
    ])('returns exactly what was stored: %s', async (_, document) => {
      const anything = fresh('anything', anySchema);
      await store().create(anything, 'exact', document);
      await store().transact(async (transaction) => transaction.set(anything, 'set', document));
      expect(await store().get(anything, 'exact')).toStrictEqual(document);
      expect(await store().get(anything, 'set')).toStrictEqual(document);
      const read = await store().transact((transaction) => transaction.get(anything, 'exact'));
      expect(read).toStrictEqual(document);
    });

    test('leaves out a field that is undefined', async () => {
      const anything = fresh('anything', anySchema);
      await store().create(anything, 'a', { kept: 1, left: undefined, nested: { left: undefined } });
      expect(await store().get(anything, 'a')).toStrictEqual({ kept: 1, nested: {} });
    });

    test.each([
      ['a list directly inside a list', { list: [[1]] }],
      ['a number that is not finite', { count: Number.NaN }],
      ['a Date', { at: new Date(0) }],
    ])('refuses to store %s, which not every store can return', async (_, document) => {
      const anything = fresh('anything', anySchema);
      await expect(store().create(anything, 'odd', document)).rejects.toThrow(`${anything.name}/odd`);
      expect(await store().get(anything, 'odd')).toBeUndefined();
    });

    test.each([
      ['empty', ''],
      ['a dot', '.'],
      ['two dots', '..'],
      ['with a slash', 'a/b'],
      ['reserved', '__a__'],
      ['too long', 'x'.repeat(1501)],
    ])('refuses an id that not every store accepts: %s', async (_, id) => {
      const counters = fresh('counters', counterSchema);
      await expect(store().get(counters, id)).rejects.toThrow(counters.name);
      await expect(store().create(counters, id, { count: 1 })).rejects.toThrow(counters.name);
    });

    test('refuses a stored document that does not match its schema, without quoting its content', async () => {
      const loose = fresh('anything', anySchema);
      const strict: Collection<{ count: number }> = { name: loose.name, schema: counterSchema };
      await store().create(loose, 'broken', { count: 'secret-content' });
      const reads = [
        () => store().get(strict, 'broken'),
        () => store().transact((transaction) => transaction.get(strict, 'broken')),
        () => store().query(byCount(strict), {}, { limit: 1 }),
      ];
      for (const read of reads) {
        const error = await failureOf(read());
        expect(error).toMatchObject({ message: expect.stringContaining(`${loose.name}/broken`) });
        expect(String(error)).not.toContain('secret-content');
      }
    });
  });
}
