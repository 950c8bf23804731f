import fc from 'fast-check';
import * as z from 'zod/mini';
import { acceptsUsers } from '../../shared/domain/authorization.ts';
import type { Caller, EndpointContract } from '../../shared/http/contract.ts';
import {
  ENCODINGS,
  FORM_VALUES,
  JSON_TYPES,
  MANY_VALUES,
  METHODS,
  NASTY_VALUES,
  NOT_JSON,
  NOT_UTF8,
  ODD_HEADERS,
  ODD_QUERIES,
  oddPaths,
  TWO_MEGABYTES,
  TYPES,
  VALID_JSON,
} from './bad-values.ts';

/** A request that only a faulty or hostile client sends. */
export interface BadRequest {
  readonly method: string;
  readonly target: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

/** Existing resources and credentials that the requests can use. */
export interface Known {
  /** A value for each path parameter. */
  readonly params: Readonly<Record<string, string>>;
  readonly credentials: Readonly<Record<Exclude<Caller['kind'], 'anyone' | 'stripe'>, string>>;
  /** Well-formed credentials that are not valid. */
  readonly wrongKeys: readonly string[];
}

/** Requests that `endpoint` must refuse: each breaks its contract in at least one way. */
export function badRequests(
  endpoint: EndpointContract,
  methodsAtPath: readonly string[],
  known: Known,
): fc.Arbitrary<BadRequest> {
  const path = endpoint.path.replace(/\{(\w+)\}/g, (_, name: string) => known.params[name] ?? 'x');
  const accepts = (kind: string): boolean =>
    kind === 'person' ? acceptsUsers(endpoint.auth) : endpoint.auth.some((accepted) => accepted === kind);
  const isPublic = endpoint.auth.length === 1 && accepts('anyone');

  const credentials = fc.oneof(
    {
      weight: 3,
      arbitrary: fc
        .constantFrom(...Object.entries(known.credentials))
        .map(([kind, header]) => ({ header, isBad: !isPublic && !accepts(kind) })),
    },
    { weight: 1, arbitrary: fc.constant({ header: undefined, isBad: !accepts('anyone') }) },
    {
      weight: 1,
      arbitrary: fc
        .constantFrom(
          'License',
          'Bearer x',
          'Basic eDp5',
          'License a b',
          `Operator ${'x'.repeat(5000)}`,
          ...known.wrongKeys,
        )
        .map((header) => ({ header, isBad: !isPublic })),
    },
  );
  const method = fc.oneof(
    { weight: 4, arbitrary: fc.constant({ method: endpoint.method as string, isBad: false }) },
    {
      weight: 1,
      arbitrary: fc
        .constantFrom(...METHODS.filter((name) => !served(methodsAtPath).has(name)))
        .map((name) => ({ method: name, isBad: true })),
    },
  );
  const target = fc.oneof(
    { weight: 4, arbitrary: fc.constant({ path, isBad: false }) },
    {
      weight: 1,
      arbitrary: fc.constantFrom(...oddPaths(path)).map((odd) => ({ path: odd, isBad: true })),
    },
  );
  const query = fc.constantFrom(...ODD_QUERIES).map((text) => ({
    text,
    isBad: endpoint.query !== undefined && !z.safeParse(endpoint.query, queryOf(text)).success,
  }));

  return fc
    .record({
      method,
      target,
      query,
      credentials,
      odd: fc.oneof(fc.constantFrom(...ODD_HEADERS), anyHeaders),
      body: bodies(endpoint),
    })
    .filter(({ odd: _, ...parts }) => Object.values(parts).some(({ isBad }) => isBad))
    .map((parts) => ({
      method: parts.method.method,
      target: `${parts.target.path}${parts.query.text}`,
      headers: {
        ...parts.odd,
        ...(parts.credentials.header === undefined ? {} : { authorization: parts.credentials.header }),
        ...parts.body.headers,
      },
      body: parts.body.bytes,
    }));
}

/** Any visible text in the headers that something reads. */
const anyHeaders = fc.dictionary(
  fc.constantFrom(
    ...['x-request-id', 'traceparent', 'x-cloud-trace-context', 'idempotency-key', 'cookie', 'origin'],
    ...['x-forwarded-for', 'if-none-match', 'stripe-signature', 'accept', 'x-serverless-authorization'],
  ),
  fc.stringMatching(/^[!-~]{1,200}$/),
);

interface Body {
  readonly bytes: Buffer;
  readonly headers: Record<string, string>;
  readonly isBad: boolean;
}

function bodies(endpoint: EndpointContract): fc.Arbitrary<Body> {
  const schema = endpoint.body;
  const fails = (value: unknown): boolean => schema !== undefined && !z.safeParse(schema, value).success;
  const json = { 'content-type': 'application/json' };
  const object = fc
    .dictionary(
      fc.constantFrom(...fieldsOf(schema), '__proto__', 'constructor', 'extra'),
      fc.constantFrom(...NASTY_VALUES),
    )
    .map((value) => JSON.stringify(value));
  const anyJson = fc.oneof(
    { weight: 4, arbitrary: object },
    { weight: 1, arbitrary: fc.constantFrom(...VALID_JSON) },
  );
  const isForm = endpoint.bodyType === 'form';
  const fromText = (text: string): Body => ({
    bytes: Buffer.from(text),
    headers: json,
    isBad: isForm || fails(JSON.parse(text.replace('\ufeff', ''))),
  });
  const form = fc
    .array(
      fc.tuple(fc.constantFrom(...fieldsOf(schema), '__proto__', 'extra'), fc.constantFrom(...FORM_VALUES)),
    )
    .map((pairs): Body => {
      const text = pairs.map(([name, value]) => `${name}=${value}`).join('&');
      const headers = { 'content-type': 'application/x-www-form-urlencoded' };
      return {
        bytes: Buffer.from(text),
        headers,
        isBad: schema !== undefined && (!isForm || fails(queryOf(`?${text}`))),
      };
    });
  const bad = (bytes: Buffer, headers: Record<string, string>): Body => ({
    bytes,
    headers,
    isBad: schema !== undefined,
  });
  return fc.oneof(
    { weight: 6, arbitrary: anyJson.map(fromText) },
    { weight: isForm ? 12 : 1, arbitrary: form },
    {
      weight: 2,
      arbitrary: fc.constant<Body>({ bytes: Buffer.alloc(0), headers: {}, isBad: fails(undefined) }),
    },
    {
      weight: 2,
      arbitrary: fc
        .tuple(fc.constantFrom(...NOT_JSON, ...NOT_UTF8), fc.constantFrom(...JSON_TYPES))
        .map(([bytes, type]) => bad(bytes, { 'content-type': type })),
    },
    {
      weight: 1,
      arbitrary: fc
        .tuple(object, fc.constantFrom(...TYPES))
        .map(([text, type]) => bad(Buffer.from(text), { 'content-type': type })),
    },
    {
      weight: 1,
      arbitrary: fc
        .tuple(fc.uint8Array({ minLength: 1 }), fc.constantFrom(...ENCODINGS))
        .map(([bytes, encoding]) => bad(Buffer.from(bytes), { ...json, 'content-encoding': encoding })),
    },
    { weight: 1, arbitrary: fc.constant<Body>({ bytes: TWO_MEGABYTES, headers: json, isBad: true }) },
    {
      weight: 1,
      arbitrary: fc
        .tuple(fc.constantFrom(...fieldsOf(schema), 'extra'), fc.constantFrom(...MANY_VALUES))
        .map(([name, values]) => bad(Buffer.from(JSON.stringify({ [name]: values })), json)),
    },
    {
      weight: 1,
      arbitrary: fc
        .constantFrom(TWO_MEGABYTES, Buffer.alloc(100_000, ' '))
        .map((bytes) => bad(bytes, { ...json, 'transfer-encoding': 'chunked' })),
    },
  );
}

/** Names of fields that a body can have, so that wrong values are tried in real fields. */
export function fieldsOf(schema: z.ZodMiniType | undefined): string[] {
  if (!schema) return ['max'];
  const names = [
    ...JSON.stringify(z.toJSONSchema(schema, { unrepresentable: 'any' })).matchAll(/"(\w+)":\{"/g),
  ];
  return [...new Set(names.map(([, name]) => String(name)))];
}

function queryOf(text: string): Record<string, string | string[]> {
  const search = new URLSearchParams(text.slice(1));
  return Object.fromEntries(
    [...new Set(search.keys())].map((name) => {
      const [first = '', ...others] = search.getAll(name);
      return [name, others.length === 0 ? first : [first, ...others]];
    }),
  );
}

function served(methods: readonly string[]): ReadonlySet<string> {
  return new Set(methods.includes('GET') ? [...methods, 'HEAD'] : methods);
}
