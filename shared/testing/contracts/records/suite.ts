import { afterAll, beforeAll } from 'vitest';
import type { Records } from '../../../ports/records.ts';
import { documentsContract } from './documents.ts';
import { formatsContract } from './formats.ts';
import { queriesContract } from './queries.ts';
import { transactionsContract } from './transactions.ts';

/**
 * The contract of every record store, as vitest tests. `open` is called once; nothing needs to be reset, because every
 * test uses its own collections.
 */
export function recordsContract(open: () => Promise<Records>): void {
  let records: Records;
  beforeAll(async () => {
    records = await open();
  });
  afterAll(async () => {
    await records?.close();
  });

  const store = (): Records => records;
  documentsContract(store);
  formatsContract(store);
  queriesContract(store);
  transactionsContract(store);
}
