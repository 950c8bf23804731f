import * as z from 'zod/mini';
import { unknownFieldsOf } from '../../shared/domain/unknown-fields.ts';
import type { Collection, Records, Transaction } from '../../shared/ports/records.ts';

const ADDED = { added_later: 'by a newer release' };

/**
 * Makes the records contain what a newer release could have written: each document, and each event's detail, gets a
 * field that this release does not know. A use case that changes a document and loses the field then throws.
 */
export function addUnknownFields(records: Records): void {
  const { create, transact } = records;
  records.create = (collection, id, document) =>
    create.call(records, loose(collection), id, extended(document));
  records.transact = (work) =>
    transact.call(records, (transaction) => work(watched(transaction))) as ReturnType<typeof work>;
}

function watched(transaction: Transaction): Transaction {
  const read = new Set<string>();
  return {
    async get(collection, id) {
      const document = await transaction.get(collection, id);
      // A real deployed bundle, which tests run beside this suite, writes documents without such a field.
      if (document instanceof Object && 'added_later' in unknownFieldsOf(document))
        read.add(`${collection.name}/${id}`);
      return document;
    },
    set(collection, id, document) {
      const fields = Object.assign({}, document) as Readonly<Record<string, unknown>>;
      const isChanged = read.has(`${collection.name}/${id}`) && !MAY_LOSE_FIELDS[collection.name]?.(fields);
      if (isChanged && !('added_later' in unknownFieldsOf(fields)))
        throw new Error(`unknown fields of ${collection.name}/${id} were lost`);
      transaction.set(loose(collection), id, extended(document));
    },
    delete: (collection, id) => transaction.delete(collection, id),
  };
}

/** Documents that a new one replaces, and documents from which personal data was removed. */
const MAY_LOSE_FIELDS: Readonly<Record<string, (document: Readonly<Record<string, unknown>>) => boolean>> = {
  checkouts: () => true,
  'checkout-keys': () => true,
  'idempotency-keys': () => true,
  maintenance: () => true,
  'operator-tokens': ({ name, tokenId }) => name === tokenId,
  'session-histories': ({ holder }) => holder === null,
  tenants: ({ closedAtMs }) => closedAtMs !== null,
  'trial-claims': ({ given, trials }) => given === null && trials === 1,
};

function extended(document: unknown): Record<string, unknown> {
  const fields: Record<string, unknown> = { ...ADDED, ...(document as object) };
  // The hash of a sealed event covers its detail.
  return fields.detail instanceof Object && fields.sealed !== true
    ? { ...fields, detail: { ...ADDED, ...fields.detail } }
    : fields;
}

/** The collection without its schema, which does not allow the added field. */
function loose({ schema: _, ...named }: Collection<unknown>): Collection<Record<string, unknown>> {
  return { ...named, schema: z.record(z.string(), z.unknown()) };
}
