import { parseArgs } from 'node:util';
import * as z from 'zod/mini';
import { UsageError } from './errors.ts';

/** An option in the usage. */
interface Shown {
  /** Placeholder for its value; a flag has none. */
  readonly value?: string;
  readonly about?: string;
  readonly defaultText?: string;
  /** Operands: arguments without an option name. */
  readonly isOperands?: true;
}

const usage = z.registry<Shown>();

/** An option with a value, which the usage calls `value`. The messages of `schema` follow the option's name. */
export function option<S extends z.ZodMiniType>(value: string, schema: S): S {
  return shownAs(schema, { value });
}

/** An option without a value. Default: false. */
export function flag() {
  return shownAs(z._default(z.boolean(), false), {});
}

/** The same option, not required. */
export function optional<S extends z.ZodMiniType>(schema: S): z.ZodMiniOptional<S> {
  return shownAs(z.optional(schema), { ...usage.get(schema) });
}

/** The same option, with a default. */
export function withDefault<S extends z.ZodMiniType>(
  schema: S,
  value: z.core.util.NoUndefined<z.output<S>>,
): z.ZodMiniDefault<S> {
  return shownAs(z._default(schema, value), { ...usage.get(schema), defaultText: `${value}` });
}

/** The same option, with a description for the usage. */
export function about<S extends z.ZodMiniType>(text: string, schema: S): S {
  return shownAs(schema, { ...usage.get(schema), about: text });
}

export function choice<const C extends readonly string[]>(choices: C) {
  return option(choices.join('|'), z.enum(choices, `needs one of ${choices.join(', ')}`));
}

export function wholeNumber(min: number, max: number) {
  return numberLike(/^\d{1,16}$/, min, max, `needs a whole number from ${min} to ${max}`);
}

export function decimalNumber(min: number, max: number) {
  return numberLike(/^\d{1,9}(\.\d{1,9})?$/, min, max, `needs a number from ${min} to ${max}`);
}

/** Any number of `choices` as operands; default: an empty list. */
export function operands<const C extends readonly string[]>(
  value: string,
  choices: C,
  describeError: (given: unknown) => string,
) {
  return shownAs(z.array(z.enum(choices, { error: ({ input }) => describeError(input) })), {
    value,
    isOperands: true,
  });
}

function numberLike(form: RegExp, min: number, max: number, needs: string) {
  const isValid = (text: string) => form.test(text) && Number(text) >= min && Number(text) <= max;
  return option('N', z.pipe(z.string(needs).check(z.refine(isValid, needs)), z.transform(Number)));
}

function shownAs<S extends z.ZodMiniType>(schema: S, shown: Shown): S {
  usage.add(schema, shown);
  return schema;
}

export interface DescribedOption extends Shown {
  /** Name of the field: `overlapSeconds`. */
  readonly key: string;
  /** Name on the command line: `--overlap-seconds`. */
  readonly name: string;
  /** Form in the usage: `[--overlap-seconds N]`. */
  readonly synopsis: string;
}

/** The options that `schema` reads. Throws `TypeError` for a field that the functions above did not create. */
export function describeOptions(schema: z.ZodMiniObject): DescribedOption[] {
  return Object.entries<z.core.$ZodType>(schema.shape).map(([key, field]) => {
    const shown = usage.get(field);
    const name = nameOf(key);
    if (!shown) throw new TypeError(`The option ${name} has no entry for the usage.`);
    const { value, isOperands } = shown;
    if (isOperands) return { ...shown, key, name, synopsis: `[${value} …]` };
    const given = value === undefined ? name : `${name} ${value}`;
    const isOptional = z.safeParse(field, undefined).success;
    return { ...shown, key, name, synopsis: isOptional ? `[${given}]` : given };
  });
}

/** Reads `args` by `schema`. Throws `UsageError`, whose message names the option. */
export function readOptions<S extends z.ZodMiniObject>(schema: S, args: readonly string[]): z.output<S> {
  const described = describeOptions(schema);
  const given = parse(described, args);
  const read = z.safeParse(schema, given);
  if (read.success) return read.data;
  const isNamed = (key: PropertyKey | undefined): key is string =>
    described.some((each) => each.key === key && !each.isOperands);
  throw new UsageError(
    read.error.issues
      .map(({ path: [key], message }) => `${isNamed(key) ? `${nameOf(key)} ` : ''}${message}.`)
      .join('\n'),
  );
}

function parse(described: readonly DescribedOption[], args: readonly string[]): Record<string, unknown> {
  const named = described.filter(({ isOperands }) => !isOperands);
  const operandsKey = described.find(({ isOperands }) => isOperands)?.key;
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: operandsKey !== undefined,
      options: Object.fromEntries(
        named.map(({ name, value }) => [
          name.slice(2),
          { type: value === undefined ? ('boolean' as const) : ('string' as const) },
        ]),
      ),
    });
    return Object.fromEntries([
      ...named.flatMap(({ key, name }) => {
        const value = values[name.slice(2)];
        return value === undefined ? [] : [[key, value] as const];
      }),
      ...(operandsKey === undefined ? [] : [[operandsKey, positionals] as const]),
    ]);
  } catch (error) {
    // `parseArgs` throws for wrong arguments only.
    throw new UsageError(error instanceof Error ? error.message : `${error}`);
  }
}

function nameOf(key: string): string {
  return `--${key.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}
