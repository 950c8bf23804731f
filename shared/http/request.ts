import type { IncomingMessage } from 'node:http';
import { en } from 'zod/locales';
import * as z from 'zod/mini';
import type { EndpointContract, Refusal } from './contract.ts';
import { LARGEST_BODY_BYTES, saidBy } from './raw-body.ts';
import { type FieldError, refuseFields } from './refuse-fields.ts';

z.config(en());

const MOST_ERRORS_TOLD = 10;

/** A request as the framework hands it over. `rawBody` is there where the client sent a body. */
export type IncomingRequest = IncomingMessage & { readonly rawBody?: Buffer };

export interface ParsedInput {
  readonly params: unknown;
  readonly query: unknown;
  readonly body: unknown;
}

type BadRequest = Refusal<
  'VALIDATION_FAILED' | 'INVALID_JSON' | 'PAYLOAD_TOO_LARGE' | 'UNSUPPORTED_MEDIA_TYPE'
>;

/** Everything that the endpoint takes from a request, checked against its schemas, or the reason it is refused. */
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
  return refuseFields('VALIDATION_FAILED', errors.slice(0, MOST_ERRORS_TOLD));
}

/** Refuses a body that no endpoint would read, before anything looks at it. */
export function refuseBody(
  request: IncomingRequest,
  { largestBodyBytes = LARGEST_BODY_BYTES }: Pick<EndpointContract, 'largestBodyBytes'> = {},
): BadRequest | undefined {
  const bytes = Math.max(saidBy(request).contentLength, request.rawBody?.length ?? 0);
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
  const { contentType, contentEncoding } = saidBy(request);
  const isJson = /^application\/json\s*(;|$)/i.test(contentType?.trim() ?? '');
  if (!isJson || (contentEncoding !== undefined && contentEncoding.toLowerCase() !== 'identity')) {
    return { problem: 'UNSUPPORTED_MEDIA_TYPE' };
  }
  try {
    // JSON between systems is UTF-8 (RFC 8259 section 8.1); anything else is refused instead of being read as U+FFFD.
    const text = new TextDecoder('utf-8', { fatal: true }).decode(rawBody);
    const json: unknown = JSON.parse(text);
    if (namesIn(json) === namesWrittenIn(text)) return { json };
    return { problem: 'INVALID_JSON', detail: 'An object has the same name twice.' };
  } catch {
    return { problem: 'INVALID_JSON' };
  }
}

/**
 * How many names of objects a JSON text writes: strings with a colon after them. Where an object has the same name twice
 * the parser keeps the last, and others keep the first: what means two things to two readers is not taken (RFC 7493
 * section 2.3).
 */
function namesWrittenIn(text: string): number {
  return [...text.matchAll(/"[^"\\]*(?:\\.[^"\\]*)*"(\s*:)?/gs)].filter(([, colon]) => colon !== undefined)
    .length;
}

/** How many names the objects in a value have. Not by recursion: a body may nest deeper than the stack is. */
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

/** Repeated names stay a list, which no schema of a single value takes. */
function readQuery(search: URLSearchParams): Record<string, string | string[]> {
  const names = new Set(search.keys());
  return Object.fromEntries(
    [...names].map((name) => {
      const values = search.getAll(name);
      return [name, values.length === 1 ? String(values[0]) : values];
    }),
  );
}
