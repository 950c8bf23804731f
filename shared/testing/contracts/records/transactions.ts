import { describe, expect, test } from 'vitest';
import type { Collection, Records } from '../../../ports/records.ts';
import {
  anySchema,
  byCount,
  contendedTimeoutMs,
  counterSchema,
  entry,
  entrySchema,
  failureOf,
  fresh,
} from './collections.ts';

export function transactionsContract(store: () => Records): void {
  // Concurrent, because contending transactions wait seconds for the locks of the Firestore emulator.
  describe.concurrent('transactions', () => {
    test('counts each of ten concurrent increments', { timeout: contendedTimeoutMs }, async () => {
      const counters = fresh('counters', counterSchema);
      await store().create(counters, 'total', { count: 0 });
      await Promise.all(Array.from({ length: 10 }, () => increment(counters, 'total')));
      expect(await store().get(counters, 'total')).toEqual({ count: 10 });
    });

    test('lets exactly one of two concurrent claims succeed', { timeout: contendedTimeoutMs }, async () => {
      const entries = fresh('entries', entrySchema);
      const claim = (owner: string) =>
        store().transact(async (transaction) => {
          if ((await transaction.get(entries, 'seat')) !== undefined) {
            return 'TAKEN';
          }
          transaction.set(entries, 'seat', entry({ owner }));
          return 'CLAIMED';
        });
      const owners = ['ada', 'bob'];
      const verdicts = await Promise.all(owners.map(claim));
      expect(verdicts.toSorted()).toEqual(['CLAIMED', 'TAKEN']);
      const holder = await store().get(entries, 'seat');
      expect(holder?.owner).toBe(owners[verdicts.indexOf('CLAIMED')]);
    });

    test('never lets a create happen between a read and its write', {
      timeout: contendedTimeoutMs,
    }, async () => {
      const counters = fresh('counters', counterSchema);
      const setIfAbsent = store().transact(async (transaction) => {
        const found = await transaction.get(counters, 'one');
        if (found === undefined) {
          transaction.set(counters, 'one', { count: 1 });
        }
        return found === undefined;
      });
      const [wasAbsent, verdict] = await Promise.all([
        setIfAbsent,
        store().create(counters, 'one', { count: 2 }),
      ]);
      expect(wasAbsent).toBe(verdict === 'EXISTS');
      expect(await store().get(counters, 'one')).toEqual({ count: wasAbsent ? 1 : 2 });
    });

    test('writes nothing if the work throws, and rethrows the error unchanged', async () => {
      const counters = fresh('counters', counterSchema);
      // The SDK would take this code for a conflict of its own, and retry.
      const mistake = Object.assign(new Error('mine'), { code: 10 });
      let runs = 0;
      const failing = store().transact(async (transaction) => {
        runs += 1;
        await transaction.get(counters, 'a');
        transaction.set(counters, 'a', { count: 1 });
        throw mistake;
      });
      expect(await failureOf(failing)).toBe(mistake);
      expect(mistake.message).toBe('mine');
      expect(runs).toBe(1);
      expect(await store().get(counters, 'a')).toBeUndefined();
    });

    test('refuses a read after the first write, and then writes nothing', async () => {
      const counters = fresh('counters', counterSchema);
      const late = store().transact(async (transaction) => {
        transaction.set(counters, 'a', { count: 1 });
        await transaction.get(counters, 'b');
      });
      await expect(late).rejects.toThrow('before its first write');
      const afterDelete = store().transact(async (transaction) => {
        transaction.delete(counters, 'a');
        await transaction.get(counters, 'b');
      });
      await expect(afterDelete).rejects.toThrow('before its first write');
      expect(await store().get(counters, 'a')).toBeUndefined();
    });

    test('deletes a document, and ignores one that does not exist', async () => {
      const counters = fresh('counters', counterSchema);
      await store().create(counters, 'a', { count: 1 });
      await store().transact(async (transaction) => {
        transaction.delete(counters, 'a');
        transaction.delete(counters, 'never');
      });
      expect(await store().get(counters, 'a')).toBeUndefined();
      expect(await store().create(counters, 'a', { count: 2 })).toBe('CREATED');
    });

    test('replaces a document as a whole, and keeps the last of several writes', async () => {
      const anything = fresh('anything', anySchema);
      await store().create(anything, 'a', { old: 1, kept: { deep: 1 } });
      await store().transact(async (transaction) => {
        transaction.set(anything, 'a', { middle: 1 });
        transaction.set(anything, 'a', { kept: {} });
        transaction.set(anything, 'b', { gone: 1 });
        transaction.delete(anything, 'b');
      });
      expect(await store().get(anything, 'a')).toStrictEqual({ kept: {} });
      expect(await store().get(anything, 'b')).toBeUndefined();
    });

    test('shows no part of a transaction before it ends, and all of it afterwards', async () => {
      const counters = fresh('counters', counterSchema);
      const query = byCount(counters);
      const [hasWritten, mayFinish] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
      const running = store().transact(async (transaction) => {
        transaction.set(counters, 'a', { count: 1 });
        transaction.set(counters, 'b', { count: 2 });
        hasWritten.resolve();
        await mayFinish.promise;
      });
      await hasWritten.promise;
      expect(await store().get(counters, 'a')).toBeUndefined();
      expect((await store().query(query, {}, { limit: 10 })).documents).toEqual([]);
      mayFinish.resolve();
      await running;
      expect((await store().query(query, {}, { limit: 10 })).documents).toEqual([{ count: 1 }, { count: 2 }]);
    });

    test('never reads half of another transaction', { timeout: contendedTimeoutMs }, async () => {
      const counters = fresh('counters', counterSchema);
      await store().create(counters, 'left', { count: 5 });
      await store().create(counters, 'right', { count: 5 });
      const move = () =>
        store().transact(async (transaction) => {
          const left = (await transaction.get(counters, 'left'))?.count ?? 0;
          const right = (await transaction.get(counters, 'right'))?.count ?? 0;
          if (left + right !== 10) {
            throw new Error(`saw ${left} and ${right}`);
          }
          transaction.set(counters, 'left', { count: left - 1 });
          transaction.set(counters, 'right', { count: right + 1 });
        });
      await Promise.all([move(), move(), move()]);
      expect(await store().get(counters, 'left')).toEqual({ count: 2 });
      expect(await store().get(counters, 'right')).toEqual({ count: 8 });
    });

    test('stores a document as it was when it was set, even if the object changes later', async () => {
      const counters = fresh('counters', counterSchema);
      const document = { count: 1 };
      await store().transact(async (transaction) => {
        transaction.set(counters, 'a', document);
        document.count = 2;
      });
      expect(await store().get(counters, 'a')).toEqual({ count: 1 });
    });

    test('returns what the work returns', async () => {
      expect(await store().transact(async () => 'done')).toBe('done');
    });
  });

  async function increment(counters: Collection<{ count: number }>, id: string): Promise<void> {
    await store().transact(async (transaction) => {
      const counter = await transaction.get(counters, id);
      transaction.set(counters, id, { count: (counter?.count ?? 0) + 1 });
    });
  }
}
