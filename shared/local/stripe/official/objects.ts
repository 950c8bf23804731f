import { type Field, type Kind, kindOfObject } from './table.ts';

/** An object of the fake that Stripe's library does not describe like this: a bug of the fake. */
export class NotOfStripe extends Error {
  override readonly name = 'NotOfStripe';
}

/**
 * The object with `null`, an empty list or no metadata in the fields that it lacks and that Stripe always sends. Fields
 * that always have a value stay absent, for `checkObject` to find.
 */
export function complete(object: Readonly<Record<string, unknown>>): object {
  const kind =
    typeof object.object === 'string' ? kindOfObject(object.object, object.deleted === true) : undefined;
  return kind?.is === 'object' ? completeBy(kind.fields, object) : object;
}

function completeBy(fields: ReadonlyMap<string, Field>, object: Readonly<Record<string, unknown>>): object {
  const whole: Record<string, unknown> = { ...object };
  for (const [name, { kind, isOptional }] of fields) {
    const value = whole[name];
    if (value !== undefined) whole[name] = completeValue(kind, value);
    else if (!isOptional) whole[name] = emptyOf(kind);
  }
  return whole;
}

function completeValue(kind: Kind, value: unknown): unknown {
  if (!isRecord(value)) return value;
  const described = kind.is === 'choice' ? kind.choices.filter(({ is }) => is === 'object') : [kind];
  const [only, ...others] = described;
  return only?.is === 'object' && others.length === 0 ? completeBy(only.fields, value) : value;
}

function emptyOf(kind: Kind): unknown {
  if (kind.is === 'array') return [];
  if (kind.is === 'metadata') return {};
  return kind.is === 'choice' && kind.choices.some(({ is }) => is === 'null') ? null : undefined;
}

/** Throws `NotOfStripe` for unknown fields, missing fields, and values that Stripe's library does not know. */
export function checkObject(kind: Kind, value: unknown, what: string): void {
  const problems = [...problemsOf(kind, value, what)];
  if (problems.length > 0) throw new NotOfStripe(problems.join('\n'));
}

function* problemsOf(kind: Kind, value: unknown, at: string): Generator<string> {
  switch (kind.is) {
    case 'string':
    case 'id':
      if (typeof value !== 'string') yield `${at} is not a text`;
      return;
    case 'number':
      if (typeof value !== 'number' || !Number.isSafeInteger(value)) yield `${at} is not a whole number`;
      return;
    case 'boolean':
      if (typeof value !== 'boolean') yield `${at} is neither true nor false`;
      return;
    case 'null':
      if (value !== null) yield `${at} is not null`;
      return;
    case 'decimal':
      if (typeof value !== 'string' || !/^-?\d+(\.\d{1,12})?$/.test(value)) yield `${at} is not a decimal`;
      return;
    case 'metadata':
      if (!isRecord(value) || Object.values(value).some((each) => typeof each !== 'string'))
        yield `${at} is not metadata`;
      return;
    case 'other':
      yield `${at} is not in the table: name its type in DETAILS (scripts/generate/stripe/scope.ts)`;
      return;
    case 'one of':
      if (!kind.values.includes(String(value)))
        yield `${at} is ${value}, not one of ${kind.values.join(', ')}`;
      return;
    case 'choice':
      yield* problemsOfChoice(kind.choices, value, at);
      return;
    case 'array':
      if (!Array.isArray(value)) yield `${at} is not a list`;
      else for (const [i, each] of value.entries()) yield* problemsOf(kind.of, each, `${at}[${i}]`);
      return;
    case 'map':
      if (!isRecord(value)) yield `${at} is not an object`;
      else
        for (const [name, each] of Object.entries(value)) yield* problemsOf(kind.of, each, `${at}.${name}`);
      return;
    case 'list':
      yield* problemsOfList(kind.of, value, at);
      return;
    case 'object':
      yield* problemsOfFields(kind.fields, value, at);
  }
}

function* problemsOfFields(
  fields: ReadonlyMap<string, Field>,
  value: unknown,
  at: string,
): Generator<string> {
  if (!isRecord(value)) {
    yield `${at} is not an object`;
    return;
  }
  for (const name of Object.keys(value)) if (!fields.has(name)) yield `${at}.${name} is unknown`;
  for (const [name, { kind, isOptional }] of fields) {
    if (value[name] !== undefined) yield* problemsOf(kind, value[name], `${at}.${name}`);
    else if (!isOptional) yield `${at}.${name} is missing`;
  }
}

function* problemsOfList(of: Kind, value: unknown, at: string): Generator<string> {
  const { object, data, has_more, url, ...others } = isRecord(value) ? value : {};
  const isList = object === 'list' && typeof has_more === 'boolean' && typeof url === 'string';
  if (!isList || Object.keys(others).length > 0) yield `${at} is not a list`;
  yield* problemsOf({ is: 'array', of }, data, `${at}.data`);
}

/** The problems of the only choice that the value can be, or one for all. */
function* problemsOfChoice(choices: readonly Kind[], value: unknown, at: string): Generator<string> {
  const found = choices.map((choice) => ({ choice, problems: [...problemsOf(choice, value, at)] }));
  if (found.some(({ problems }) => problems.length === 0)) return;
  const [similar, ...others] = found.filter(({ choice }) => isSimilar(choice, value));
  if (similar && others.length === 0) yield* similar.problems;
  else yield `${at} is ${JSON.stringify(value)?.slice(0, 80)}, none of its kinds`;
}

function isSimilar({ is }: Kind, value: unknown): boolean {
  return isRecord(value) ? is === 'object' || is === 'other' : is === 'one of' && typeof value === 'string';
}

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
