import { describe, expect, test } from 'vitest';
import { pseudonymsOf } from '../domain/holder.ts';
import { TENANTS } from '../ports/collections.ts';
import type { Deps } from '../ports/deps.ts';
import { ALL_TENANTS } from '../ports/queries.ts';
import type { Records, Transaction } from '../ports/records.ts';
import { recordsOnce } from './idempotency-key.ts';

/** Records in memory, without concurrency. */
function openRecords() {
  const documents = new Map<string, unknown>();
  const transaction: Transaction = {
    get: async (collection, id) => documents.get(`${collection.name}/${id}`) as never,
    set: (collection, id, document) => void documents.set(`${collection.name}/${id}`, document),
    delete: (collection, id) => void documents.delete(`${collection.name}/${id}`),
  };
  const asked: string[] = [];
  const others = ['get', 'query', 'ping', 'close'].map((name) => [name, async () => void asked.push(name)]);
  const records = {
    ...Object.fromEntries(others),
    transact: (work: (transaction: Transaction) => unknown) => work(transaction),
  };
  const once = (): Records =>
    recordsOnce(
      { key: 'key', endpoint: 'probe.create', actor: { kind: 'user', id: 'usr_1' }, input: { n: 1 } },
      { records, clock: { nowMs: () => 0 }, pseudonymOf: pseudonymsOf('key') } as unknown as Deps,
    );
  return { documents, asked, once };
}

const write = async (transaction: Transaction): Promise<string> => {
  transaction.set(TENANTS, 'ten_1', {} as never);
  return 'written';
};

describe('a request with an Idempotency-Key', () => {
  test('gets the outcome of its first transaction again, and writes nothing', async () => {
    const { documents, once } = openRecords();
    expect(await once().transact(write)).toBe('written');
    const before = new Map(documents);
    const again = await once().transact(async () => {
      throw new Error('ran again');
    });
    expect(again).toBe('written');
    expect(documents).toEqual(before);
  });

  test('stores no outcome of a transaction that wrote nothing', async () => {
    const { documents, once } = openRecords();
    expect(await once().transact(async () => 'refused')).toBe('refused');
    expect(documents.size).toBe(0);
    expect(await once().transact(write)).toBe('written');
  });

  test('reads, pings and closes as without a key', async () => {
    const { once, asked } = openRecords();
    const records = once();
    await records.get(TENANTS, 'ten_1');
    await records.query(ALL_TENANTS, {}, { limit: 1 });
    await records.ping();
    await records.close();
    expect(asked).toEqual(['get', 'query', 'ping', 'close']);
  });

  test('stores the outcome of a transaction that only deletes', async () => {
    const { documents, once } = openRecords();
    await once().transact(async (transaction) => transaction.delete(TENANTS, 'ten_1'));
    expect(documents.size).toBe(1);
  });

  test('cannot write after its first transaction, or outside of one', async () => {
    const { once } = openRecords();
    const records = once();
    await records.transact(async () => 'read');
    await expect(async () => records.transact(write)).rejects.toThrow('only its first transaction can write');
    await expect(async () => records.create(TENANTS, 'ten_1', {} as never)).rejects.toThrow('probe.create');
  });
});
