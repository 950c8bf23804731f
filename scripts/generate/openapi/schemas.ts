import { isDeepStrictEqual } from 'node:util';
import * as z from 'zod/mini';
import type { EndpointContract } from '../../../shared/http/contract.ts';
import * as fields from '../../../shared/http/fields.ts';
import { commentsOfConstant, commentsOfContract, type DocComments } from './descriptions.ts';
import { EXAMPLES } from './names.ts';

export type Schema = z.core.JSONSchema.BaseSchema;

const FIELDS_FILE = 'shared/http/fields.ts';

/** Requests send these as text. The document gives their real type, which helps tools. */
const AS_NUMBERS: Readonly<Record<string, Schema>> = {
  PageLimit: { type: 'integer', minimum: 1, maximum: 100, default: fields.DEFAULT_PAGE_LIMIT },
};

/** Schemas of the document by name, and the schemas of each endpoint. */
export interface ApiSchemas {
  readonly components: Readonly<Record<string, Schema>>;
  of(endpoint: EndpointContract): EndpointSchemas;
}

export interface EndpointSchemas {
  /** Objects whose properties are the parameters. */
  readonly params?: Schema | undefined;
  readonly query?: Schema | undefined;
  /** Name of a component. */
  readonly body?: string | undefined;
  /** Names of components, by the answer's name. */
  readonly answers: Readonly<Record<string, string>>;
}

interface Endpoint {
  readonly operationId: string;
  /** `function.endpoint`: where its doc comments are. */
  readonly place: string;
  readonly contract: EndpointContract;
}

/**
 * The JSON Schemas of all `endpoints`, by operation id: of requests before they are parsed, and of answers as they are
 * sent. Doc comments at the schemas become descriptions.
 */
export function apiSchemas(endpoints: readonly Endpoint[]): ApiSchemas {
  const sent = new Names();
  const answered = new Names();
  for (const [name, schema] of Object.entries(fields)) {
    // A check that fields share looks like a schema.
    if (!isSchema(schema) || schema._zod.def.type === 'custom') continue;
    const words = commentsOfConstant(FIELDS_FILE, name);
    sent.add(name, schema, words);
    // Values that a transform creates from a request are never sent back.
    if (schema._zod.def.type !== 'pipe') answered.add(name, schema, words);
  }

  const found = new Map<EndpointContract, EndpointSchemas>();
  const parameters: { name: string; endpoint: EndpointContract; part: 'params' | 'query' }[] = [];
  for (const { operationId, place, contract } of endpoints) {
    const name = capitalized(operationId);
    const inPart = (part: 'params' | 'query'): void => {
      const schema = contract[part];
      if (!schema) return;
      const id = `${part}:${name}`;
      // A copy: endpoints share parameters, and each has its own comments.
      sent.add(id, z.core.clone(schema), wordsAt(`${place}.${part}`));
      parameters.push({ name: id, endpoint: contract, part });
    };
    inPart('params');
    inPart('query');
    const bodies = Object.entries(contract.answers).flatMap(([answer, { body }]) => {
      if (!body) return [];
      const words = wordsAt(`${place}.answers.${answer}.body`);
      answered.addConstants(body, words);
      return [[answer, answered.add(`${name}Answer`, body, words)]];
    });
    found.set(contract, {
      body: contract.body && sent.add(`${name}Request`, contract.body, wordsAt(`${place}.body`)),
      answers: Object.fromEntries(bodies),
    });
  }

  const components = together(sent.toJson('input'), answered.toJson('output'));
  for (const { name, endpoint, part } of parameters) {
    found.set(endpoint, { answers: {}, ...found.get(endpoint), [part]: components[name] });
    delete components[name];
  }
  return {
    components,
    of: (endpoint) => found.get(endpoint) ?? { answers: {} },
  };
}

/** Joins both. A name in both must have the same schema. */
function together(a: Record<string, Schema>, b: Record<string, Schema>): Record<string, Schema> {
  const differing = Object.keys(a).filter((name) => b[name] && !isDeepStrictEqual(a[name], b[name]));
  if (differing.length > 0) throw new Error(`different in requests and answers: ${differing.join(', ')}`);
  return { ...a, ...b };
}

/**
 * Named schemas and their comments. In answers, an object or a union of objects that is a constant in its contract has the
 * constant's name.
 */
class Names {
  readonly #registry = z.registry<{ id: string }>();
  readonly #words = new Map<string, DocComments>();

  /** Names `schema`, unless it has a name. Returns its name. */
  add(name: string, schema: z.core.$ZodType, words: DocComments): string {
    const known = this.#registry.get(schema)?.id;
    if (known !== undefined) return known;
    if (this.#words.has(name)) throw new Error(`two schemas have the name ${name}`);
    this.#registry.add(schema, { id: name });
    this.#words.set(name, words);
    return name;
  }

  /** Adds `schema` and its parts if they are constants. */
  addConstants(schema: z.core.$ZodType, words: DocComments): void {
    const { def } = (schema as z.core.$ZodTypes)._zod;
    switch (def.type) {
      case 'array':
        this.addConstants(def.element, words.items ?? {});
        return;
      case 'optional':
      case 'nullable':
        this.addConstants(def.innerType, words);
        return;
      case 'object':
        for (const [field, inner] of Object.entries(def.shape))
          this.addConstants(inner, words.properties?.get(field) ?? {});
        break;
      case 'union':
        for (const [i, option] of def.options.entries()) this.addConstants(option, words.options?.[i] ?? {});
        break;
      default:
        return;
    }
    // A field's comment describes that field, not every use of the named schema.
    if (words.name !== undefined) this.add(schemaNameOf(words.name), schema, { ...words, here: undefined });
  }

  toJson(io: 'input' | 'output'): Record<string, Schema> {
    const { schemas } = z.toJSONSchema(this.#registry, {
      io,
      target: 'draft-2020-12',
      uri: (name) => `#/components/schemas/${name}`,
      override: ({ jsonSchema }) => tidy(jsonSchema, io),
    });
    return Object.fromEntries(
      Object.entries(schemas).map(([name, { $schema, $id, ...written }]) => {
        const schema: Schema = { ...(AS_NUMBERS[name] ?? written) };
        describe(schema, this.#words.get(name) ?? {});
        return [name, schema.properties ? schema : withExample(name, schema)];
      }),
    );
  }
}

/** Removes keywords that say nothing or too much. */
function tidy(schema: Schema, io: 'input' | 'output'): void {
  if (schema.minimum === Number.MIN_SAFE_INTEGER) delete schema.minimum;
  if (schema.maximum === Number.MAX_SAFE_INTEGER) delete schema.maximum;
  for (const [name, property] of Object.entries(schema.properties ?? {})) {
    if (isObject(property) && io === 'input') Object.assign(property, withExample(name, property));
  }
  // The pattern repeats the format in an unreadable form.
  if (schema.format !== undefined) delete schema.pattern;
  // Answers may get more fields later.
  if (io === 'output' && schema.additionalProperties === false) delete schema.additionalProperties;
}

function withExample(name: string, schema: Schema): Schema {
  const example = EXAMPLES[name];
  return example === undefined || schema.$ref !== undefined ? schema : { ...schema, examples: [example] };
}

/** Adds descriptions to a schema and its parts, except to named schemas, which have their own. */
function describe(schema: Schema, words: DocComments): void {
  const options = schema.anyOf ?? schema.oneOf ?? [];
  const isNamed = schema.$ref !== undefined || options.some(({ $ref }) => $ref !== undefined);
  const description = words.here ?? (isNamed ? undefined : words.everywhere);
  if (description !== undefined) schema.description = description;
  for (const [name, inner] of words.properties ?? []) {
    const property = schema.properties?.[name];
    if (isObject(property)) describe(property, inner);
  }
  if (isObject(schema.items) && words.items) describe(schema.items, words.items);
  for (const [i, option] of options.entries()) {
    // A nullable value is one of two options; its comment is on the union.
    const { here, everywhere, ...inner } = words;
    describe(option, words.options?.[i] ?? inner);
  }
}

function isObject(schema: unknown): schema is Schema {
  return typeof schema === 'object' && schema !== null && !Array.isArray(schema);
}

function isSchema(value: unknown): value is z.core.$ZodTypes {
  return typeof value === 'object' && value !== null && '_zod' in value;
}

/** The suffix distinguishes a schema from its type in our code; API clients do not need it. */
function schemaNameOf(constant: string): string {
  return constant.replace(/(View|Schema)$/, '');
}

function wordsAt(place: string): DocComments {
  const [functionName, ...steps] = place.split('.');
  let words = commentsOfContract(`functions/${functionName}/contract.ts`);
  for (const step of ['endpoints', ...steps]) words = words.properties?.get(step) ?? {};
  return words;
}

function capitalized(word: string): string {
  return word.charAt(0).toUpperCase() + word.slice(1);
}
