import * as z from 'zod/mini';
import { keepUnknownFields, unknownFieldsOf } from '../../domain/unknown-fields.ts';
import type { Collection } from '../../ports/records.ts';

/** Values that every store can store and return unchanged. */
export type Plain = string | number | boolean | null | readonly Plain[] | PlainDocument;
export type PlainDocument = { readonly [field: string]: Plain };

/**
 * Ids that Firestore accepts, so that an id that works in development works in production: not empty, no `/`, not `.`
 * or `..`, not `__…__`, at most 1,500 bytes.
 */
export const documentId = z.string().check(
  z.refine((id) => id !== '' && id !== '.' && id !== '..' && !id.includes('/')),
  z.refine((id) => !/^__.*__$/s.test(id)),
  z.refine((id) => Buffer.byteLength(id) <= 1500),
);

/** Throws for an id that not every store accepts; callers check ids from outside before they use them. */
export function checkId<T>(collection: Collection<T>, id: string): void {
  if (!z.safeParse(documentId, id).success) {
    throw new Error(`An id for ${collection.name} is not a valid document id.`);
  }
}

const versioned = z.looseObject({ v: z.int() });

function versionsOf<T>({ versions = [1] }: Collection<T>): readonly [number, ...number[]] {
  return versions;
}

/**
 * The stored document, validated. If this release cannot read it, it throws an Error that names the document and the
 * invalid fields but none of its content: the message is logged.
 */
export function decodeDocument<T>(collection: Collection<T>, id: string, stored: unknown): T {
  if (collection.isAsStored) return parseDocument(collection, id, stored);
  const { v: version, ...document } = z.safeParse(versioned, stored).data ?? { v: undefined };
  const known = versionsOf(collection);
  if (version === undefined || !known.includes(version)) {
    throw new Error(
      `The document ${collection.name}/${id} has version ${version}, and this release reads ${known.join(', ')}: another release wrote it.`,
    );
  }
  return parseDocument(collection, id, document);
}

function parseDocument<T>(collection: Collection<T>, id: string, document: unknown): T {
  const parsed = z.safeParse(collection.schema, document);
  if (parsed.success) {
    return keepUnknownFields(parsed.data, document);
  }
  const fields = new Set(parsed.error.issues.map((issue) => String(issue.path[0] ?? 'the document')));
  throw new Error(
    `The document ${collection.name}/${id} does not match its schema (${[...fields].join(', ')}).`,
  );
}

/**
 * The document as every store will store it: with its version, and without undefined fields. Throws an Error for values
 * that some store would change or reject: an array directly inside an array (Firestore), a number that JSON cannot
 * represent, a Date or any other class instance.
 */
export function encodeDocument<T>(collection: Collection<T>, id: string, document: T): PlainDocument {
  checkId(collection, id);
  const refuse = (what: string): never => {
    throw new Error(`The document ${collection.name}/${id} cannot be stored: it holds ${what}.`);
  };
  if (collection.isAsStored) refuse('the version of an unknown release');
  const plain = toPlain(document, refuse);
  return isPlainDocument(plain) ? { ...plain, v: versionsOf(collection)[0] } : refuse('no fields');
}

/** The value at a field path, whose parts are joined by dots. */
export function valueAt(stored: unknown, field: string): unknown {
  return field.split('.').reduce<unknown>((value, part) => {
    return typeof value === 'object' && value !== null ? Reflect.get(value, part) : undefined;
  }, stored);
}

/**
 * Throws if the transaction has already written: Firestore allows reads only before writes, so every store must enforce
 * that order.
 */
export function checkReadsComeFirst(hasWritten: boolean): void {
  if (hasWritten) {
    throw new Error('A transaction must do all its reads before its first write.');
  }
}

/** The outcome of a transaction's work, as a value: the store must check its own state before it rethrows. */
export async function settle<R>(work: () => Promise<R>): Promise<{ result: R } | { thrown: unknown }> {
  try {
    return { result: await work() };
  } catch (thrown) {
    return { thrown };
  }
}

function toPlain(value: unknown, refuse: (what: string) => never): Plain {
  if (value === null || typeof value === 'string' || typeof value === 'boolean') {
    return value;
  }
  if (typeof value === 'number') {
    return Number.isFinite(value) ? value : refuse('a number that is not finite');
  }
  if (Array.isArray(value)) {
    return value.map((item: unknown) =>
      Array.isArray(item) ? refuse('an array directly inside an array') : toPlain(item, refuse),
    );
  }
  if (typeof value === 'object' && isPlainPrototype(Object.getPrototypeOf(value))) {
    const present = Object.entries({ ...unknownFieldsOf(value), ...value }).filter(
      ([, item]) => item !== undefined,
    );
    return Object.fromEntries(present.map(([field, item]) => [field, toPlain(item, refuse)]));
  }
  return refuse(`a value that is not plain data (${typeof value})`);
}

function isPlainPrototype(prototype: unknown): boolean {
  return prototype === Object.prototype || prototype === null;
}

function isPlainDocument(value: Plain): value is PlainDocument {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
