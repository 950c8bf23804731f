import type { IncomingMessage } from 'node:http';
import { en } from 'zod/locales';
import * as z from 'zod/mini';
import { announcedBytes, LARGEST_BODY_BYTES, readBody } from './body.ts';
import type { EndpointContract, Refusal } from './contract.ts';
import { readQuery } from './query.ts';
import { type FieldError, MAX_REPORTED_ERRORS, refuseFields, safeName } from './refuse-fields.ts';

z.config(en());

/** Names and values in a JSON body. A batch of 100 sessions has 600. More would cost more to check than to send. */
export const MAX_JSON_VALUES = 2_000;

export interface ParsedInput {
  readonly params: unknown;
  readonly query: unknown;
  readonly body: unknown;
}

type BadRequest = Refusal<
  'VALIDATION_FAILED' | 'INVALID_JSON' | 'PAYLOAD_TOO_LARGE' | 'UNSUPPORTED_MEDIA_TYPE' | 'GRANT_UNSUPPORTED'
>;

/**
 * Parameters, query and body of a request, checked against the endpoint's schemas, or a refusal. What the endpoint does
 * not declare is not read.
 */
export async function parseInput(
  endpoint: EndpointContract,
  request: IncomingMessage,
  params: Readonly<Record<string, string>>,
  search: string,
): Promise<ParsedInput | BadRequest> {
  const query = endpoint.query ? readQuery(search) : {};
  if (typeof query === 'string') return { problem: 'VALIDATION_FAILED', detail: query };
  const body = endpoint.body ? await readValue(endpoint, request) : { value: undefined };
  if ('problem' in body) return body;
  const given = { params, query, body: body.value };
  const errors: FieldError[] = [];
  const check = (part: 'params' | 'query' | 'body'): unknown => {
    const schema = endpoint[part];
    if (!schema) return undefined;
    const result = z.safeParse(schema, given[part]);
    if (!result.success && given[part] === undefined)
      errors.push({ at: '', detail: `The request needs a ${endpoint.bodyType ?? 'JSON'} body.` });
    else if (!result.success) errors.push(...fieldErrors(part, result.error));
    return result.data;
  };
  const parsed = { params: check('params'), query: check('query'), body: check('body') };
  if (errors.length === 0) return parsed;
  const isOtherGrant = namesGrant(given.body) && errors.some(({ at }) => at === '/grant_type');
  return endpoint.refusals === 'oauth' && isOtherGrant
    ? { problem: 'GRANT_UNSUPPORTED' }
    : refuseFields('VALIDATION_FAILED', errors);
}

/** Refuses a request that announces a body that is too large, before anything is read of it. */
export function refuseAnnounced(
  request: IncomingMessage,
  endpoint: EndpointContract,
): BadRequest | undefined {
  return announcedBytes(request) > limitOf(endpoint) ? tooLarge(endpoint) : undefined;
}

export function limitOf({ largestBodyBytes = LARGEST_BODY_BYTES }: EndpointContract): number {
  return largestBodyBytes;
}

export function tooLarge(endpoint: EndpointContract): Refusal<'PAYLOAD_TOO_LARGE'> {
  return { problem: 'PAYLOAD_TOO_LARGE', detail: `At most ${limitOf(endpoint)} bytes.` };
}

function fieldErrors(part: 'params' | 'query' | 'body', error: z.core.$ZodError): FieldError[] {
  return error.issues.slice(0, MAX_REPORTED_ERRORS).map((issue) => {
    const names = issue.path.map((key) => safeName(String(key)));
    return {
      at: part === 'body' ? names.map((name) => `/${name}`).join('') : names.join('.'),
      detail: issue.code === 'unrecognized_keys' ? unknownFields(issue.keys) : issue.message,
    };
  });
}

/** The only message of Zod that repeats what the caller sent. */
function unknownFields(names: readonly string[]): string {
  const shown = names.slice(0, MAX_REPORTED_ERRORS).map((name) => `"${safeName(name)}"`);
  return `Unrecognized key${names.length > 1 ? 's' : ''}: ${shown.join(', ')}`;
}

/** Whether the request names one `grant_type`, known or not. */
function namesGrant(body: unknown): boolean {
  return typeof Object(body).grant_type === 'string';
}

const MEDIA_TYPES = { json: 'application/json', form: 'application/x-www-form-urlencoded' };

type Read = { readonly value: unknown } | BadRequest;

async function readValue(endpoint: EndpointContract, request: IncomingMessage): Promise<Read> {
  const body = await readBody(request, limitOf(endpoint));
  if (body === 'TOO_LARGE') return tooLarge(endpoint);
  if (body === 'CUT') return { problem: 'INVALID_JSON', because: 'the body ended too early' };
  if (body.length === 0) return { value: undefined };
  const { bodyType = 'json' } = endpoint;
  const mediaType = MEDIA_TYPES[bodyType];
  const { 'content-type': contentType = '', 'content-encoding': encoding = 'identity' } = request.headers;
  const isMediaType = contentType.split(';', 1)[0]?.trim().toLowerCase() === mediaType;
  if (!isMediaType || encoding.toLowerCase() !== 'identity')
    return { problem: 'UNSUPPORTED_MEDIA_TYPE', detail: `Send ${mediaType}, uncompressed.` };
  return bodyType === 'form' ? parseForm(body) : parseJson(body);
}

/**
 * The parameters of a form, bounded like those of a query. One without a value counts as absent, and one that is repeated
 * becomes a list, which the schemas of single values reject (RFC 6749 section 3.2).
 */
function parseForm(body: Buffer): Read {
  const given = readQuery(body.toString('latin1'));
  if (typeof given === 'string') return { problem: 'VALIDATION_FAILED', detail: given };
  return { value: Object.fromEntries(Object.entries(given).filter(([, value]) => value !== '')) };
}

function parseJson(body: Buffer): Read {
  try {
    // JSON must be UTF-8 (RFC 8259 section 8.1). "fatal" rejects other bytes instead of replacing them with U+FFFD.
    const text = new TextDecoder('utf-8', { fatal: true }).decode(body);
    const { names, values } = countIn(text);
    if (values > MAX_JSON_VALUES)
      return { problem: 'VALIDATION_FAILED', detail: `The body has more than ${MAX_JSON_VALUES} values.` };
    const json: unknown = JSON.parse(text);
    if (namesIn(json) === names) return { value: json };
    return { problem: 'INVALID_JSON', detail: 'An object has the same name twice.' };
  } catch {
    return { problem: 'INVALID_JSON' };
  }
}

/** A string, with the colon of a name, or what begins another value. An unfinished string ends with the text. */
const TOKENS = /"[^"\\]*(?:\\.?[^"\\]*)*(?:"|$)(\s*:)?|[,[{]/gs;

/**
 * Counts the object names and the values in a JSON text, and stops when there are too many: parsing would cost more.
 * Duplicate names in one object are rejected (RFC 7493 section 2.3), because parsers disagree: ours keeps the last value,
 * others keep the first.
 */
function countIn(text: string): { readonly names: number; readonly values: number } {
  let names = 0;
  let values = 1;
  for (const [token, colon] of text.matchAll(TOKENS)) {
    if (colon !== undefined) names += 1;
    else if (!token.startsWith('"')) values += 1;
    if (values > MAX_JSON_VALUES) break;
  }
  return { names, values };
}

/** Counts the object names in a value. It does not recurse: a nested body could overflow the stack. */
function namesIn(json: unknown): number {
  let names = 0;
  const open = [json];
  while (open.length > 0) {
    const value = open.pop();
    if (typeof value !== 'object' || value === null) continue;
    const members = Object.values(value);
    if (!Array.isArray(value)) names += members.length;
    open.push(...members);
  }
  return names;
}
