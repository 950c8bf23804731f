import type { Records, Transaction } from '../../shared/ports/records.ts';

export interface Billed {
  reads: number;
  writes: number;
}

/**
 * The records, with what Firestore would bill counted: a read for each document got or found and one for a query that
 * finds nothing (https://cloud.google.com/firestore/pricing), a write for each document written. A transaction that had
 * to run again counts again.
 */
export function billable(records: Records, billed: Billed): Records {
  return {
    get(collection, id) {
      billed.reads += 1;
      return records.get(collection, id);
    },
    create(collection, id, document) {
      billed.writes += 1;
      return records.create(collection, id, document);
    },
    async query(query, equals, page) {
      const found = await records.query(query, equals, page);
      // One document more is read to see whether there is a next page.
      billed.reads += Math.max(1, found.documents.length + (found.nextCursor === undefined ? 0 : 1));
      return found;
    },
    transact: (work) => records.transact((transaction) => work(counted(transaction, billed))),
    ping: () => records.ping(),
    close: () => records.close(),
  };
}

function counted(transaction: Transaction, billed: Billed): Transaction {
  return {
    get(collection, id) {
      billed.reads += 1;
      return transaction.get(collection, id);
    },
    set(collection, id, document) {
      billed.writes += 1;
      transaction.set(collection, id, document);
    },
    delete(collection, id) {
      billed.writes += 1;
      transaction.delete(collection, id);
    },
  };
}
