import * as z from 'zod/mini';
import { text } from '../../shared/http/fields.ts';
import type { OpenApi } from '../generate/openapi/document.ts';
import type { Schema } from '../generate/openapi/schemas.ts';
import { type Html, html, inline } from './html.ts';

type Document = Pick<OpenApi, 'components'>;

/** The pattern of every text that callers choose. It is shown in words. */
const PLAIN_TEXT = z.toJSONSchema(text(1)).pattern;

/** The name of the component that a reference points to. */
export function nameOf({ $ref = '' }: Schema): string {
  return $ref.split('/').at(-1) ?? '';
}

/** The schema that a reference points to, or the schema itself. */
export function resolved(schema: Schema, document: Document): Schema {
  return schema.$ref === undefined ? schema : (document.components.schemas[nameOf(schema)] ?? {});
}

/** True for schemas of a single value, which are in the list of types. */
export function isSimple(schema: Schema): boolean {
  return schema.properties === undefined && schema.anyOf === undefined && schema.oneOf === undefined;
}

/** The properties of an object, with their own properties. */
export function fieldsOf(given: Schema, document: Document): Html | undefined {
  const schema = resolved(given, document);
  const options = optionsOf(schema);
  const [only] = options;
  if (options.length === 1 && only) return fieldsOf(only, document);
  if (options.length > 1) {
    const lists = options.flatMap((option) => fieldsOf(option, document) ?? []);
    return lists.length === 0
      ? undefined
      : html`${lists.map((list, i) => html`${i > 0 && html`<p>or</p>`}${list}`)}`;
  }
  if (isSchema(schema.items)) return fieldsOf(schema.items, document);
  const properties = Object.entries(schema.properties ?? {});
  if (properties.length === 0) return undefined;
  return html`<dl>${properties.map(([name, property]) => {
    const isRequired = schema.required?.includes(name) ?? false;
    return isSchema(property) && fieldHtml(name, property, isRequired, document);
  })}</dl>`;
}

/** A field, parameter or header: name, type, whether it is required, its meaning and its own fields. */
export function fieldHtml(name: string, schema: Schema, isRequired: boolean, document: Document): Html {
  return html`<dt><code>${name}</code> <span class="type">${typeOf(schema, document)}${!isRequired && ', optional'}</span></dt>
<dd>${schema.description !== undefined && html`<p>${inline(schema.description)}</p>`}${fieldsOf(schema, document)}</dd>
`;
}

/** The type of a value, in words. */
export function typeOf(schema: Schema, document: Document): Html {
  if (schema.$ref !== undefined) {
    const name = nameOf(schema);
    const named = resolved(schema, document);
    return isSimple(named) ? html`<a href="#type-${name}">${name}</a>` : html`${name}`;
  }
  const options = optionsOf(schema);
  if (options.length > 0) {
    const orNull = (schema.anyOf ?? []).length > options.length;
    return html`${options.map((option, i) => html`${i > 0 && ' or '}${typeOf(option, document)}`)}${orNull && ' or null'}`;
  }
  if (schema.enum)
    return html`one of ${schema.enum.map((value, i) => html`${i > 0 && ', '}<code>${String(value)}</code>`)}`;
  if (schema.const !== undefined) return html`<code>${String(schema.const)}</code>`;
  if (isSchema(schema.items))
    return html`list${rangeOf(schema.minItems, schema.maxItems)} of ${typeOf(schema.items, document)}`;
  const types = [schema.type ?? 'any'].flat();
  return html`${types.map((type, i) => html`${i > 0 && ' or '}${TYPE_LABELS[type] ?? type}`)}${constraintsOf(schema)}`;
}

const TYPE_LABELS: Readonly<Record<string, string>> = {
  integer: 'whole number',
  string: 'text',
  boolean: 'true or false',
};

function constraintsOf(schema: Schema): Html {
  const { format, pattern, minLength, maxLength, minimum, maximum, default: usual } = schema;
  return html`${format !== undefined && ` (${format})`}${rangeOf(minLength, maxLength, ' characters')}${rangeOf(minimum, maximum)}${
    pattern !== undefined &&
    (pattern === PLAIN_TEXT ? ', no control characters' : html`, matching <code>${pattern}</code>`)
  }${usual !== undefined && `, default ${JSON.stringify(usual)}`}`;
}

function rangeOf(least: number | undefined, most: number | undefined, unit = ''): string {
  const [from, to] = [least, most].map((bound) => bound?.toLocaleString('en'));
  if (from === undefined) return to === undefined ? '' : `, at most ${to}${unit}`;
  return to === undefined ? `, at least ${from}${unit}` : `, ${from} to ${to}${unit}`;
}

/** The options of a union, without null. */
function optionsOf({ anyOf, oneOf }: Schema): Schema[] {
  return (anyOf ?? oneOf ?? []).filter(({ type }) => type !== 'null');
}

function isSchema(schema: unknown): schema is Schema {
  return typeof schema === 'object' && schema !== null && !Array.isArray(schema);
}
