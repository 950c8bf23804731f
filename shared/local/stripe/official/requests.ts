import type { Form } from '../form.ts';
import { missingParameter, Refused, unknownParameter } from '../refused.ts';
import type { Field, Kind } from './table.ts';

/**
 * Throws Stripe's error for parameters that its library does not know, that are missing, or that have another kind.
 * Texts are not empty: an empty one unsets a parameter, where that is possible (docs.stripe.com/api/errors).
 */
export function checkRequest(parameters: Kind | undefined, form: Form): void {
  const fields = parameters?.is === 'object' ? parameters.fields : new Map<string, Field>();
  checkFields(fields, form, '');
}

/** docs.stripe.com/api/metadata */
const METADATA = { keys: 50, keyLength: 40, valueLength: 500 } as const;

function checkFields(fields: ReadonlyMap<string, Field>, form: Form, within: string): void {
  if (!isObject(form)) {
    if (form !== '') throw refused(within, `Invalid object`);
    return;
  }
  for (const [name, value] of Object.entries(form)) {
    const at = inside(within, name);
    const field = fields.get(name);
    if (!field) throw unknownParameter(at);
    checkValue(field.kind, value, at);
  }
  for (const [name, { isOptional }] of fields) {
    if (!isOptional && !Object.hasOwn(form, name)) throw missingParameter(inside(within, name));
  }
}

function checkValue(kind: Kind, value: Form, at: string): void {
  switch (kind.is) {
    case 'choice':
      checkChoice(kind.choices, value, at);
      return;
    case 'object':
      checkFields(kind.fields, value, at);
      return;
    case 'metadata':
      checkMetadata(value, at);
      return;
    case 'array':
      if (!Array.isArray(value)) throw refused(at, 'Invalid array');
      for (const [i, each] of value.entries()) checkValue(kind.of, each, inside(at, String(i)));
      return;
    case 'map':
      if (!isObject(value)) throw refused(at, 'Invalid object');
      for (const [name, each] of Object.entries(value)) checkValue(kind.of, each, inside(at, name));
      return;
    case 'other':
      throw refused(at, 'The fake Stripe does not know this parameter (scripts/generate/stripe/scope.ts)');
    default:
      checkText(kind, value, at);
  }
}

function checkText(kind: Kind, value: Form, at: string): void {
  if (typeof value !== 'string') throw refused(at, 'Invalid string');
  if (value === '') {
    const message = `You passed an empty string for '${at}', which cannot be unset.`;
    throw new Refused(400, { code: 'parameter_invalid_empty', param: at, message });
  }
  const isInteger = /^-?\d+$/.test(value);
  if (kind.is === 'number' && !isInteger)
    throw new Refused(400, {
      code: 'parameter_invalid_integer',
      param: at,
      message: `Invalid integer: ${value}`,
    });
  if (kind.is === 'boolean' && value !== 'true' && value !== 'false')
    throw refused(at, `Invalid boolean: ${value}`);
  if (kind.is === 'one of' && !kind.values.includes(value))
    throw refused(at, `Invalid ${at}: must be one of ${kind.values.join(', ')}`);
}

/** Throws the error of the last choice if the value matches none of them. */
function checkChoice(choices: readonly Kind[], value: Form, at: string): void {
  let error: unknown;
  for (const choice of choices) {
    if (value === '' && choice.is === 'one of' && choice.values.includes('')) return;
    try {
      checkValue(choice, value, at);
      return;
    } catch (refusal) {
      error = refusal;
    }
  }
  throw error;
}

function checkMetadata(value: Form, at: string): void {
  if (!isObject(value)) throw refused(at, 'Invalid metadata');
  const entries = Object.entries(value);
  if (entries.length > METADATA.keys) throw refused(at, `Metadata can have up to ${METADATA.keys} keys`);
  for (const [name, text] of entries) {
    if (name.length > METADATA.keyLength)
      throw refused(at, `Metadata keys can be up to ${METADATA.keyLength} characters long`);
    if (typeof text !== 'string' || text.length > METADATA.valueLength)
      throw refused(inside(at, name), `Metadata values can be up to ${METADATA.valueLength} characters long`);
  }
}

function refused(param: string, message: string): Refused {
  return new Refused(400, { param, message: `${message}.` });
}

function inside(at: string, name: string): string {
  return at === '' ? name : `${at}[${name}]`;
}

function isObject(form: Form): form is { readonly [name: string]: Form } {
  return typeof form === 'object' && !Array.isArray(form);
}
