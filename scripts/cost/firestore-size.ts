import * as z from 'zod/mini';
import type { Plain, PlainDocument } from '../../shared/adapters/records/documents.ts';
import { sum } from './sum.ts';

/** What `infra/firestore.indexes.json` holds. */
export const CompositeIndexes = z.object({
  indexes: z.array(
    z.object({ collectionGroup: z.string(), fields: z.array(z.object({ fieldPath: z.string() })) }),
  ),
});

/** Which indexes there are: composite ones, and those of single fields, which Firestore makes for all unless told not to. */
export interface Indexes {
  readonly composite: z.infer<typeof CompositeIndexes>['indexes'];
  readonly single: 'all' | readonly string[];
}

/**
 * Bytes that Firestore stores for a document of a top collection, its index entries among them: an ascending and a
 * descending one for each field, those of maps and the maps themselves too, one for each item of an array, and one for
 * each composite index whose fields it has (https://cloud.google.com/firestore/docs/storage-size and
 * https://cloud.google.com/firestore/docs/concepts/index-overview).
 */
export function storedBytes(
  collection: string,
  id: string,
  document: PlainDocument,
  { composite, single }: Indexes,
): number {
  const nameBytes = textBytes(collection) + textBytes(id) + 16;
  const ofSingle = indexedIn(document)
    .filter(({ path }) => single === 'all' || single.includes(path))
    .map(({ path, value, entries }) => entries * (nameBytes + textBytes(path) + valueBytes(value) + 32));
  const ofComposite = composite
    .filter(({ collectionGroup }) => collectionGroup === collection)
    .map(({ fields }) => fields.map(({ fieldPath }) => fieldAt(document, fieldPath)))
    .filter((values) => values.every((value) => value !== undefined))
    .map((values) => nameBytes + sum(values.map((value) => valueBytes(value ?? null))) + 32);
  return nameBytes + fieldsBytes(document) + 32 + sum(ofSingle) + sum(ofComposite);
}

const textBytes = (text: string): number => Buffer.byteLength(text) + 1;

function valueBytes(value: Plain): number {
  if (typeof value === 'string') return textBytes(value);
  if (typeof value === 'number') return 8;
  if (typeof value !== 'object' || value === null) return 1;
  return isList(value) ? sum(value.map(valueBytes)) : fieldsBytes(value) + 32;
}

function fieldsBytes(document: PlainDocument): number {
  return sum(Object.entries(document).map(([name, value]) => textBytes(name) + valueBytes(value)));
}

interface Indexed {
  readonly path: string;
  readonly value: Plain;
  readonly entries: number;
}

function indexedIn(document: PlainDocument, above = ''): Indexed[] {
  return Object.entries(document).flatMap(([name, value]) => {
    const path = `${above}${name}`;
    const whole = { path, value, entries: 2 };
    if (typeof value !== 'object' || value === null) return [whole];
    if (isList(value)) return [whole, ...value.map((item) => ({ path, value: item, entries: 1 }))];
    return [whole, ...indexedIn(value, `${path}.`)];
  });
}

function isList(value: Plain): value is readonly Plain[] {
  return Array.isArray(value);
}

function fieldAt(document: PlainDocument, path: string): Plain | undefined {
  return path
    .split('.')
    .reduce<Plain | undefined>(
      (value, name) =>
        typeof value === 'object' && value !== null && !isList(value) ? value[name] : undefined,
      document,
    );
}
