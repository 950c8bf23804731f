/**
 * Fields of a stored format that this release does not know, because a newer one added them. They stay with the object
 * that was read, under a symbol: a copy by spread has them too, and a writer stores them again; `Object.keys`, JSON, and
 * so every response, log line and export do not have them.
 *
 * Whatever is built from a stored document must spread it. A new document that replaces another must not. Where two are
 * spread into one object, the unknown fields of the last remain.
 *
 * Protocol Buffers do the same, after version 3 had first dropped such fields:
 * https://github.com/protocolbuffers/protobuf/issues/272
 */
const UNKNOWN = Symbol('fields of another release');

/** `parsed`, with the fields of `source` that its schema removed, at every depth. The two have the same shape. */
export function keepUnknownFields<T>(parsed: T, source: unknown): T {
  if (!isObject(parsed) || !isObject(source)) return parsed;
  const unknown: [string, unknown][] = [];
  for (const [field, value] of Object.entries(source)) {
    if (Object.hasOwn(parsed, field)) keepUnknownFields(Reflect.get(parsed, field), value);
    else unknown.push([field, value]);
  }
  if (unknown.length > 0) Object.assign(parsed, { [UNKNOWN]: Object.fromEntries(unknown) });
  return parsed;
}

/** The fields of `object` itself that this release does not know. */
export function unknownFieldsOf(object: object): Readonly<Record<string, unknown>> {
  return Reflect.get(object, UNKNOWN) ?? {};
}

/**
 * A copy with known fields only, at every depth. For removing personal data from a document that stays: a field that
 * this release does not know may hold some.
 */
export function withoutUnknownFields<T>(document: T): T {
  // Copies no symbols.
  return structuredClone(document);
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}
