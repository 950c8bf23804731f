import { describe, expect, test } from 'vitest';
import { withoutUnknownFields } from '../../../domain/unknown-fields.ts';
import type { Collection, Records } from '../../../ports/records.ts';
import { anySchema, by, byCount, counterSchema, failureOf, fresh, orderSchema } from './collections.ts';

/** What one release promises about the documents of another. */
export function formatsContract(store: () => Records): void {
  describe('documents of another release', () => {
    const newer = {
      rank: 1,
      note: 'root',
      buyer: { name: 'ada', phone: '1' },
      items: [{ count: 1, tax: [{ rate: 2 }] }, { count: 2 }],
    };

    async function writtenByNewer() {
      const orders = fresh('orders', orderSchema);
      const whole = { ...orders, schema: anySchema };
      await store().create(whole, 'a', newer);
      return { orders, whole };
    }

    test('keep fields that this release does not know, in nested objects and lists too, when it writes them back', async () => {
      const { orders, whole } = await writtenByNewer();
      await store().transact(async (transaction) => {
        const order = await transaction.get(orders, 'a');
        if (!order) return;
        const items = order.items.toReversed().map((item) => ({ ...item, count: item.count + 1 }));
        transaction.set(orders, 'a', { ...order, rank: 2, items });
      });
      expect(await store().get(whole, 'a')).toStrictEqual({
        ...newer,
        rank: 2,
        items: [{ count: 3 }, { count: 2, tax: [{ rate: 2 }] }],
      });
      const { documents } = await store().query(
        { name: 'byRank', collection: orders, where: [], orderBy: by('rank') },
        {},
        { limit: 1 },
      );
      await store().transact(async (transaction) => {
        for (const order of documents) transaction.set(orders, 'b', order);
      });
      expect(await store().get(whole, 'b')).toStrictEqual(await store().get(whole, 'a'));
    });

    test('show no such field to code that lists their fields or makes JSON of them', async () => {
      const { orders } = await writtenByNewer();
      const order = await store().get(orders, 'a');
      expect(JSON.parse(JSON.stringify({ ...order }))).toEqual({
        rank: 1,
        buyer: { name: 'ada' },
        items: [{ count: 1 }, { count: 2 }],
      });
      expect(Object.keys(order?.buyer ?? {})).toEqual(['name']);
    });

    test('lose such fields when personal data is removed from them, or when a new document replaces them', async () => {
      const { orders, whole } = await writtenByNewer();
      await store().transact(async (transaction) => {
        const order = await transaction.get(orders, 'a');
        if (!order) return;
        transaction.set(orders, 'a', { ...withoutUnknownFields(order), buyer: { name: null } });
        transaction.set(orders, 'b', { rank: order.rank, buyer: { name: null }, items: [] });
      });
      const items = [{ count: 1 }, { count: 2 }];
      expect(await store().get(whole, 'a')).toStrictEqual({ rank: 1, buyer: { name: null }, items });
      expect(await store().get(whole, 'b')).toStrictEqual({ rank: 1, buyer: { name: null }, items: [] });
    });

    test('are refused by name, and without their content, if this release does not know their version', async () => {
      const counters = fresh('counters', counterSchema);
      await store().create({ ...counters, versions: [2] }, 'a', { count: 7_654_321 });
      const reads = [
        () => store().get(counters, 'a'),
        () => store().transact((transaction) => transaction.get(counters, 'a')),
        () => store().query(byCount(counters), {}, { limit: 1 }),
      ];
      for (const read of reads) {
        const error = await failureOf(read());
        expect(String(error)).toContain(`${counters.name}/a has version 2`);
        expect(String(error)).not.toContain('7654321');
      }
    });

    test('are read in each version that the collection names, and written back in the first', async () => {
      const one = fresh('counters', counterSchema);
      const both: Collection<{ count: number }> = { ...one, versions: [2, 1] };
      await store().create(one, 'a', { count: 1 });
      await store().transact(async (transaction) => {
        const counter = await transaction.get(both, 'a');
        transaction.set(both, 'a', { count: (counter?.count ?? 0) + 1 });
      });
      expect(await store().get(both, 'a')).toEqual({ count: 2 });
      expect(await store().get({ ...one, versions: [2] }, 'a')).toEqual({ count: 2 });
      expect(String(await failureOf(store().get(one, 'a')))).toContain('has version 2');
    });

    test('are read as they are stored, with their version, by a check for damaged ones, which cannot write them', async () => {
      const counters = fresh('counters', counterSchema);
      const asStored: Collection<unknown> = { name: counters.name, schema: anySchema, isAsStored: true };
      await store().create({ ...counters, versions: [2] }, 'a', { count: 1 });
      expect(await store().get(asStored, 'a')).toEqual({ v: 2, count: 1 });
      expect(String(await failureOf(store().create(asStored, 'b', { v: 2, count: 1 })))).toContain(
        'cannot be stored',
      );
    });

    test('that cannot be read are left out of a list, and reported, only if the caller asks for that', async () => {
      const counters = fresh('counters', counterSchema);
      await store().create(counters, 'a', { count: 1 });
      await store().create({ ...counters, versions: [2] }, 'b', { count: 2 });
      await store().create(counters, 'c', { count: 3 });
      const reasons: string[] = [];
      const onUnreadable = (error: Error) => void reasons.push(error.message);
      const first = await store().query(byCount(counters), {}, { limit: 2, onUnreadable });
      const cursor = first.nextCursor;
      const second = await store().query(byCount(counters), {}, { limit: 2, cursor, onUnreadable });
      expect([first.documents, second.documents]).toEqual([[{ count: 1 }], [{ count: 3 }]]);
      expect(reasons).toEqual([expect.stringContaining(`${counters.name}/b has version 2`)]);
      await expect(store().query(byCount(counters), {}, { limit: 9 })).rejects.toThrow('has version 2');
    });
  });
}
