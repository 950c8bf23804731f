import type { Records, Transaction } from '../../shared/ports/records.ts';
import type { OperationCounts } from './operation-counts.ts';

/** Called with each operation of the records (`get licenses`), and with what Firestore bills for it. */
type OnOperation = (operation: string, billed: Partial<OperationCounts>) => void;

/** The records, with every operation reported. The operations of a retried transaction are reported again. */
export function countOperations(records: Records, onOperation: OnOperation): Records {
  return {
    get(collection, id) {
      onOperation(`get ${collection.name}`, { documentReads: 1 });
      return records.get(collection, id);
    },
    create(collection, id, document) {
      onOperation(`create ${collection.name}`, { documentWrites: 1 });
      return records.create(collection, id, document);
    },
    async query(query, equals, page) {
      const found = await records.query(query, equals, page);
      // One more document is read to find out whether there is a next page.
      const documentReads = found.documents.length + (found.nextCursor === undefined ? 0 : 1);
      onOperation(`query ${query.name}`, { documentReads: Math.max(1, documentReads) });
      return found;
    },
    transact: (work) => records.transact((transaction) => work(countTransaction(transaction, onOperation))),
    ping: () => records.ping(),
    close: () => records.close(),
  };
}

function countTransaction(transaction: Transaction, onOperation: OnOperation): Transaction {
  return {
    get(collection, id) {
      onOperation(`get ${collection.name}`, { documentReads: 1 });
      return transaction.get(collection, id);
    },
    set(collection, id, document) {
      onOperation(`set ${collection.name}`, { documentWrites: 1 });
      transaction.set(collection, id, document);
    },
    delete(collection, id) {
      onOperation(`delete ${collection.name}`, { documentDeletes: 1 });
      transaction.delete(collection, id);
    },
  };
}
