import * as z from 'zod/mini';

type Shape = Readonly<Record<string, z.core.SomeType>>;

type OrNull<S extends Shape> = {
  -readonly [K in keyof S]: S[K] extends z.ZodMiniOptional<infer Field>
    ? z.ZodMiniOptional<z.ZodMiniNullable<Field>>
    : S[K];
};

/** The fields of `T` without `null`, and without those that can only be `null`. */
type WithoutNulls<T> = {
  [K in keyof T as [T[K]] extends [null | undefined] ? never : K]: Exclude<T[K], null>;
};

// Not a doc comment, which the OpenAPI document would show: a field of another form of the body, absent or `null` in this.
export const ABSENT = z.optional(z.null());

/**
 * The body of a call that runs in programs on customers' machines. Such a program can be newer than the server, or
 * written in a language that sends every field, so the reader is tolerant
 * (https://martinfowler.com/bliki/TolerantReader.html): unknown fields are ignored, and `null` in an optional field
 * counts as absent. Endpoints for people and their tools refuse both, which detects typing errors.
 */
export function clientBody<const S extends Shape>(shape: S) {
  return withoutNulls(z.object(orNull(shape)));
}

/**
 * Like `clientBody`, but refuses unknown fields: for an object whose fields limit what the caller gets. To ignore a limit
 * would grant more than the caller asked for.
 */
export function clientLimits<const S extends Shape>(shape: S) {
  return withoutNulls(z.strictObject(orNull(shape)));
}

function orNull<S extends Shape>(shape: S): OrNull<S> {
  const fields = Object.entries(shape).map(([name, field]) => [name, nullIfOptional(field)]);
  return Object.fromEntries(fields);
}

function nullIfOptional(field: z.core.SomeType): z.core.SomeType {
  const { def } = (field as z.core.$ZodTypes)._zod;
  return def.type === 'optional' && field !== ABSENT ? z.optional(z.nullable(def.innerType)) : field;
}

function withoutNulls<T extends z.ZodMiniType<object>>(schema: T) {
  return z.pipe(
    schema,
    z.transform((body: z.output<T>): WithoutNulls<z.output<T>> => {
      const present = Object.entries(body).filter(([, value]) => value !== null && value !== undefined);
      return Object.fromEntries(present) as WithoutNulls<z.output<T>>;
    }),
  );
}
