import { isDeepStrictEqual } from 'node:util';
import * as z from 'zod/mini';
import type { EndpointContract } from '../../../shared/http/contract.ts';
import * as fields from '../../../shared/http/fields.ts';
import { commentsOfConstant, commentsOfContract, type DocComments } from './descriptions.ts';
import { EXAMPLES } from './names.ts';

export type Schema = z.core.JSONSchema.BaseSchema;

const FIELDS_FILE = 'shared/http/fields.ts';

/** Requests carry the text of it, and tools do better with what it is of. */
const AS_NUMBERS: Readonly<Record<string, Schema>> = {
  PageLimit: { type: 'integer', minimum: 1, maximum: 100, default: fields.USUAL_PAGE_LIMIT },
};

/** Schemas of the document by name, and what an endpoint's own are. */
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
  /** By the answer's name, that of a component. */
  readonly answers: Readonly<Record<string, string>>;
}

interface Endpoint {
  readonly operationId: string;
  /** What its words are found by. */
  readonly place: string;
  readonly contract: EndpointContract;
}

/**
 * The JSON Schemas of all `endpoints`, by operation id. What is sent is described as it arrives, what is answered as it
 * goes out; the doc comments at the schemas are its descriptions.
 */
export function apiSchemas(endpoints: readonly Endpoint[]): ApiSchemas {
  const sent = new Names();
  const answered = new Names();
  for (const [name, schema] of Object.entries(fields)) {
    // A check that fields have in common looks like a schema.
    if (!isSchema(schema) || schema._zod.def.type === 'custom') continue;
    const words = commentsOfConstant(FIELDS_FILE, name);
    sent.add(name, schema, words);
    // What a transform makes of a request never goes out again.
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
      // A copy: endpoints share their parameters, and each has words of its own.
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

/** Both, of which what has one name is one schema. */
function together(a: Record<string, Schema>, b: Record<string, Schema>): Record<string, Schema> {
  const differing = Object.keys(a).filter((name) => b[name] && !isDeepStrictEqual(a[name], b[name]));
  if (differing.length > 0) throw new Error(`not the same in requests and answers: ${differing.join(', ')}`);
  return { ...a, ...b };
}

/**
 * Schemas that are to have a name, and the words for them. In answers, an object or a choice of objects that a contract
 * has as a constant is called what the constant is.
 */
class Names {
  readonly #registry = z.registry<{ id: string }>();
  readonly #words = new Map<string, DocComments>();

  /** The name that `schema` has from now on, or had before. */
  add(name: string, schema: z.core.$ZodType, words: DocComments): string {
    const known = this.#registry.get(schema)?.id;
    if (known !== undefined) return known;
    if (this.#words.has(name)) throw new Error(`two schemas would be called ${name}`);
    this.#registry.add(schema, { id: name });
    this.#words.set(name, words);
    return name;
  }

  /** Adds what is a constant of `schema` and of all that it is made of. */
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
    // The words for a field are said where it is, not of all that is called the same.
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

/** Takes out what says nothing, or too much. */
function tidy(schema: Schema, io: 'input' | 'output'): void {
  if (schema.minimum === Number.MIN_SAFE_INTEGER) delete schema.minimum;
  if (schema.maximum === Number.MAX_SAFE_INTEGER) delete schema.maximum;
  for (const [name, property] of Object.entries(schema.properties ?? {})) {
    if (isObject(property) && io === 'input') Object.assign(property, withExample(name, property));
  }
  // The same once more, in a form that nobody reads.
  if (schema.format !== undefined) delete schema.pattern;
  // Answers may get more fields in time.
  if (io === 'output' && schema.additionalProperties === false) delete schema.additionalProperties;
}

function withExample(name: string, schema: Schema): Schema {
  const example = EXAMPLES[name];
  return example === undefined || schema.$ref !== undefined ? schema : { ...schema, examples: [example] };
}

/** Puts words on a schema and all that it is made of, but for what has a name and so words of its own. */
function describe(schema: Schema, words: DocComments): void {
  const said = words.here ?? (schema.$ref === undefined ? words.everywhere : undefined);
  if (said !== undefined) schema.description = said;
  for (const [name, inner] of words.properties ?? []) {
    const property = schema.properties?.[name];
    if (isObject(property)) describe(property, inner);
  }
  if (isObject(schema.items) && words.items) describe(schema.items, words.items);
  const options = schema.anyOf ?? schema.oneOf ?? [];
  for (const [i, option] of options.entries()) {
    // Where a value may be null it is one of two options, and its words are those of both.
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

/** What tells a schema from the type that it is of is not for those who call. */
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
