import type { IncomingMessage } from 'node:http';
import { en } from 'zod/locales';
import * as z from 'zod/mini';
import type { EndpointContract, Refusal } from './contract.ts';
import { LARGEST_BODY_BYTES, originalOf } from './raw-body.ts';
import { type FieldError, refuseFields } from './refuse-fields.ts';

z.config(en());

const MAX_REPORTED_ERRORS = 10;

/** A request as the framework passes it on. `rawBody` is set if the client sent a body. */
export type IncomingRequest = IncomingMessage & { readonly rawBody?: Buffer };

export interface ParsedInput {
  readonly params: unknown;
  readonly query: unknown;
  readonly body: unknown;
}

type BadRequest = Refusal<
  'VALIDATION_FAILED' | 'INVALID_JSON' | 'PAYLOAD_TOO_LARGE' | 'UNSUPPORTED_MEDIA_TYPE'
>;

/** Parameters, query and body of a request, checked against the endpoint's schemas, or a refusal. */
export function parseInput(
  endpoint: EndpointContract,
  request: IncomingRequest,
  params: Readonly<Record<string, string>>,
  search: URLSearchParams,
): ParsedInput | BadRequest {
  const body = endpoint.body ? readJson(request) : { json: undefined };
  if ('problem' in body) return body;
  const given = { params, query: readQuery(search), body: body.json };
  const errors: FieldError[] = [];
  const check = (part: 'params' | 'query' | 'body'): unknown => {
    const schema = endpoint[part];
    if (!schema) return undefined;
    const result = z.safeParse(schema, given[part]);
    if (!result.success && given[part] === undefined)
      errors.push({ at: '', detail: 'The request needs a JSON body.' });
    else if (!result.success) errors.push(...fieldErrors(part, result.error));
    return result.data;
  };
  const parsed = { params: check('params'), query: check('query'), body: check('body') };
  if (errors.length === 0) return parsed;
  return refuseFields('VALIDATION_FAILED', errors.slice(0, MAX_REPORTED_ERRORS));
}

/** Refuses a body that is too large, before anything reads it. */
export function refuseBody(
  request: IncomingRequest,
  { largestBodyBytes = LARGEST_BODY_BYTES }: Pick<EndpointContract, 'largestBodyBytes'> = {},
): BadRequest | undefined {
  const bytes = Math.max(originalOf(request).contentLength, request.rawBody?.length ?? 0);
  if (bytes <= largestBodyBytes) return undefined;
  return { problem: 'PAYLOAD_TOO_LARGE', detail: `At most ${largestBodyBytes} bytes.` };
}

function fieldErrors(part: 'params' | 'query' | 'body', error: z.core.$ZodError): FieldError[] {
  return error.issues.map(({ path, message }) => {
    const keys = path.map((key) => String(key).replaceAll('~', '~0').replaceAll('/', '~1'));
    return { at: part === 'body' ? keys.map((key) => `/${key}`).join('') : keys.join('.'), detail: message };
  });
}

function readJson(request: IncomingRequest): { json: unknown } | BadRequest {
  const { rawBody } = request;
  if (!rawBody || rawBody.length === 0) return { json: undefined };
  const { contentType, contentEncoding } = originalOf(request);
  const isJson = /^application\/json\s*(;|$)/i.test(contentType?.trim() ?? '');
  if (!isJson || (contentEncoding !== undefined && contentEncoding.toLowerCase() !== 'identity')) {
    return { problem: 'UNSUPPORTED_MEDIA_TYPE' };
  }
  try {
    // JSON must be UTF-8 (RFC 8259 section 8.1). "fatal" rejects other bytes instead of replacing them with U+FFFD.
    const text = new TextDecoder('utf-8', { fatal: true }).decode(rawBody);
    const json: unknown = JSON.parse(text);
    if (namesIn(json) === namesWrittenIn(text)) return { json };
    return { problem: 'INVALID_JSON', detail: 'An object has the same name twice.' };
  } catch {
    return { problem: 'INVALID_JSON' };
  }
}

/**
 * Counts the object names in a JSON text: strings followed by a colon. Duplicate names in one object are rejected (RFC
 * 7493 section 2.3), because parsers disagree: ours keeps the last value, others keep the first.
 */
function namesWrittenIn(text: string): number {
  return [...text.matchAll(/"[^"\\]*(?:\\.[^"\\]*)*"(\s*:)?/gs)].filter(([, colon]) => colon !== undefined)
    .length;
}

/** Counts the object names in a value. It does not recurse: a deeply nested body would overflow the stack. */
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

/** A repeated name becomes a list, which the schemas of single values reject. */
function readQuery(search: URLSearchParams): Record<string, string | string[]> {
  const names = new Set(search.keys());
  return Object.fromEntries(
    [...names].map((name) => {
      const values = search.getAll(name);
      return [name, values.length === 1 ? String(values[0]) : values];
    }),
  );
}
