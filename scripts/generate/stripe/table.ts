import { readFileSync } from 'node:fs';
import type { ESTree } from 'rolldown/utils';
import { type Declaration, declarationIn, fieldName, nameOf, namesIn, readResource } from './declarations.ts';
import { CALLS, DETAILS, OBJECTS } from './scope.ts';

/**
 * What Stripe's library says about the calls that we make and the objects that they return: every field with its kind,
 * and every parameter. The fake Stripe checks its objects, its events and our requests by it
 * (shared/local/stripe/official), and an upgrade of the library shows in its diff what moved.
 *
 * Kinds are written like types: `'a'`, `string`, `id` (an id, and with `expand` an object that is not described),
 * `Subscription.Status` (in the same table), `X[]`, `list<X>`, `map<X>`, `other` (not described: DETAILS does not
 * name it), `|` between choices; `?` after the name of an optional field.
 */
export function stripeTable(): StripeTable {
  const types: Record<string, Fields | Choices> = {};
  const calls: StripeTable['calls'] = {};
  const open: Declaration[] = [];
  const roots = new Set(OBJECTS.map((name) => rootOf(name).name));

  const describe = (declaration: Declaration): string => {
    if (!(declaration.name in types)) {
      types[declaration.name] = {};
      open.push(declaration);
    }
    return declaration.name;
  };

  for (const name of OBJECTS) describe(rootOf(name));
  for (const [resource, name] of CALLS) {
    const module = readResource(resource);
    const { verb, path, parameters, answer } = module.method(name);
    const find = (local: string) => declarationIn(module, local);
    calls[`${verb} ${path}`] = {
      parameters: parameters === undefined ? null : describe(need(find(parameters), parameters)),
      answer: kindOf(unpromised(answer), { name: resource, find }, true),
    };
  }
  const events = eventObjects((declaration) => roots.has(declaration.name));
  for (let next = open.shift(); next; next = open.shift()) types[next.name] = contentOf(next);
  return {
    version: apiVersion(),
    calls: sorted(calls),
    events: sorted(events),
    types: sorted(types),
  };

  function contentOf(declaration: Declaration): Fields | Choices {
    const { fields, alias } = declaration;
    if (alias) return namesIn(alias);
    const content: Record<string, string> = {};
    for (const field of fields ?? []) {
      const type = field.typeAnnotation?.typeAnnotation;
      if (!type || type.type === 'TSVoidKeyword') continue;
      const kind = kindOf(type, declaration, !field.optional);
      content[fieldName(field) + (field.optional ? '?' : '')] = kind;
    }
    return content;
  }

  /** `isNeeded`: the field always has a value, so its type is described. */
  function kindOf(type: ESTree.TSType, within: Declaration, isNeeded: boolean): string {
    switch (type.type) {
      case 'TSStringKeyword':
        return 'string';
      case 'TSNumberKeyword':
        return 'number';
      case 'TSBooleanKeyword':
        return 'boolean';
      case 'TSNullKeyword':
        return 'null';
      case 'TSLiteralType':
        return type.literal.type === 'Literal' ? literal(type.literal.value) : 'other';
      case 'TSArrayType':
        return `${inArray(kindOf(type.elementType, within, false))}[]`;
      case 'TSUnionType':
        return unionOf(type, within, isNeeded);
      case 'TSTypeLiteral': {
        const index = type.members.find((member) => member.type === 'TSIndexSignature');
        return index ? `map<${kindOf(index.typeAnnotation.typeAnnotation, within, false)}>` : 'other';
      }
      case 'TSTypeReference':
        return referenceOf(type, within, isNeeded);
      default:
        return 'other';
    }
  }

  function unionOf({ types: choices }: ESTree.TSUnionType, within: Declaration, isNeeded: boolean): string {
    const isNullable = choices.some(({ type }) => type === 'TSNullKeyword');
    const isReference =
      choices.some(({ type }) => type === 'TSStringKeyword') &&
      choices.some((choice) => choice.type === 'TSTypeReference' && !isOpenEnd(choice));
    const kinds = choices
      .filter((choice) => !isOpenEnd(choice))
      .map((choice) => kindOf(choice, within, isNeeded && !isNullable && !isReference))
      .map((kind) => (isReference && kind === 'string' ? 'id' : kind))
      .filter((kind) => !(isReference && kind === 'other'));
    return [...new Set(kinds)].join(' | ');
  }

  function referenceOf(type: ESTree.TSTypeReference, within: Declaration, isNeeded: boolean): string {
    const name = nameOf(type.typeName);
    const [argument] = type.typeArguments?.params ?? [];
    const inside = (): string => (argument ? kindOf(argument, within, false) : 'other');
    switch (name) {
      case 'Array':
        return `${inArray(inside())}[]`;
      case 'ApiList':
      case 'ApiListPromise':
        return `list<${inside()}>`;
      case 'Emptyable':
        return `'' | ${inside()}`;
      case 'Response':
        return argument ? kindOf(argument, within, isNeeded) : 'other';
      case 'Metadata':
      case 'MetadataParam':
        return 'metadata';
      case 'Decimal':
        return 'decimal';
      case 'OtherString':
        return 'string';
    }
    const found = within.find(name);
    if (!found) return 'other';
    if (found.alias?.type === 'TSStringKeyword') return 'string';
    const values = namesIn(found.alias);
    if (found.alias && values.length === 0) return ofRoots(kindOf(found.alias, found, false));
    const isShort = found.alias ? values.length <= LONGEST_ENUM : isNeeded || roots.has(found.name);
    return isShort || DETAILS.includes(found.name) ? describe(found) : 'other';
  }
}

/** One of many objects, such as all events: only those that are in the table. */
function ofRoots(kind: string): string {
  const described = kind.split(' | ').filter((each) => each !== 'other');
  return described.join(' | ') || 'other';
}

/** Longer enums, such as all languages, are described only if DETAILS names them. */
const LONGEST_ENUM = 12;

type Fields = Readonly<Record<string, string>>;
type Choices = readonly string[];

export interface StripeTable {
  readonly version: string;
  /** By verb and path. */
  readonly calls: Record<string, { readonly parameters: string | null; readonly answer: string }>;
  /** The objects of events, by event type. */
  readonly events: Readonly<Record<string, string>>;
  readonly types: Readonly<Record<string, Fields | Choices>>;
}

/** The object type in `Checkout/Sessions:Session`. */
function rootOf(name: string): Declaration {
  const [resource = '', type = ''] = name.split(':');
  return need(declarationIn(readResource(resource), type), name);
}

function need<T>(value: T | undefined, name: string): T {
  if (value === undefined) throw new Error(`Stripe's library has no ${name}`);
  return value;
}

function unpromised(type: ESTree.TSType): ESTree.TSType {
  if (type.type !== 'TSTypeReference' || nameOf(type.typeName) !== 'Promise') return type;
  return type.typeArguments?.params[0] ?? type;
}

/** `OtherString` at the end of an enum: Stripe can add values. The fake never does. */
function isOpenEnd(type: ESTree.TSType): boolean {
  return type.type === 'TSTypeReference' && nameOf(type.typeName) === 'OtherString';
}

function eventObjects(isOurs: (object: Declaration) => boolean): Record<string, string> {
  const events: Record<string, string> = {};
  for (const { name, fields, find } of readResource('Events').declarations.values()) {
    const type = fields?.find((field) => fieldName(field) === 'type')?.typeAnnotation?.typeAnnotation;
    const data = find(`${name}.Data`)?.fields?.find((field) => fieldName(field) === 'object');
    const object = data?.typeAnnotation?.typeAnnotation;
    if (type?.type !== 'TSLiteralType' || type.literal.type !== 'Literal') continue;
    if (object?.type !== 'TSTypeReference') continue;
    const found = find(nameOf(object.typeName));
    if (found && isOurs(found)) events[String(type.literal.value)] = found.name;
  }
  return events;
}

function apiVersion(): string {
  const source = readFileSync('node_modules/stripe/esm/apiVersion.js', 'utf8');
  return need(/ApiVersion = '([^']+)'/.exec(source)?.[1], 'version');
}

function literal(value: unknown): string {
  return typeof value === 'string' ? `'${value}'` : String(value);
}

function inArray(kind: string): string {
  return kind.includes(' | ') ? `(${kind})` : kind;
}

function sorted<T>(record: Readonly<Record<string, T>>): Record<string, T> {
  return Object.fromEntries(Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1)));
}
