import { afterAll, beforeAll } from 'vitest';
import type { Records } from './records.ts';
import { documentsContract } from './records-documents.contract-suite.ts';
import { queriesContract } from './records-queries.contract-suite.ts';
import { transactionsContract } from './records-transactions.contract-suite.ts';

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

  const store = (): Records => records;
  documentsContract(store);
  queriesContract(store);
  transactionsContract(store);
}
