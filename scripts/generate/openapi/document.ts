import { readFileSync } from 'node:fs';
import * as z from 'zod/mini';
import { entryPointOf } from '../../../functions/names.ts';
import { type Grant, scopeOf } from '../../../shared/domain/authorization.ts';
import { BACKOFFS, PROBLEMS, type ProblemCode } from '../../../shared/errors.ts';
import type { AnswerContract, EndpointContract, FunctionContract } from '../../../shared/http/contract.ts';
import { hasChallenge, hasRetryAfter, problemSchemas, problemsOf, schemaNameOf } from './problems.ts';
import { apiSchemas, type EndpointSchemas, type Schema } from './schemas.ts';

export interface OpenApi {
  readonly openapi: '3.1.1';
  readonly info: Readonly<Record<string, unknown>>;
  readonly servers: readonly { readonly url: string }[];
  readonly tags: readonly { readonly name: string; readonly description: string }[];
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: {
    readonly schemas: Readonly<Record<string, Schema>>;
    readonly responses: Readonly<Record<string, Response>>;
    readonly parameters: Readonly<Record<string, Parameter>>;
    readonly headers: Readonly<Record<string, Header>>;
    readonly securitySchemes: Readonly<Record<string, Readonly<Record<string, string>>>>;
  };
  /** What the names in `x-next` of the problems mean. */
  readonly 'x-backoffs': typeof BACKOFFS;
}

export interface Operation {
  readonly operationId: string;
  readonly tags: readonly string[];
  readonly summary: string;
  readonly description?: string;
  /** One of these is enough. The list of a scheme has the roles of which the caller needs one. */
  readonly security: readonly Readonly<Record<string, readonly string[]>>[];
  readonly parameters: readonly (Parameter | Reference)[];
  readonly requestBody?: { readonly required: boolean; readonly content: Content };
  readonly responses: Readonly<Record<string, Response | Reference>>;
}

export interface Parameter {
  readonly name: string;
  readonly in: 'path' | 'query' | 'header';
  readonly required: boolean;
  readonly description?: string;
  readonly schema: Schema;
}

interface Header {
  readonly description: string;
  readonly schema: Schema;
}

export interface Response {
  readonly description: string;
  readonly headers: Readonly<Record<string, Header | Reference>>;
  readonly content?: Content;
}

type Reference = { readonly $ref: string };
type Content = Readonly<Record<string, { readonly schema: Schema }>>;

const JSON_TYPE = 'application/json';
const FORM_TYPE = 'application/x-www-form-urlencoded';
const PAGE_TYPE = 'text/html';
const PROBLEM_TYPE = 'application/problem+json';

const DESCRIPTION = `A floating-license server: acquire a seat, keep it with heartbeats, release it.

Bodies are JSON in UTF-8, with names in snake_case. A request body with an unknown field is refused, except by \
\`acquire\`, \`heartbeat\`, \`release\` and \`sign\`, so that programs can be newer than the server. These four ignore unknown \
fields outside \`license_data\`, and treat \`null\` in an optional field like an absent field. The sign-in endpoints under \
\`/auth/\` take forms, ignore unknown parameters, and return OAuth errors (RFC 6749) that also have the members of a \
problem; those that a browser visits return pages. Responses may get more fields \
later. Every \`GET\` endpoint also accepts \`HEAD\`. Responses that are not described as cacheable have \
\`Cache-Control: private, no-store\`.

\`x-next\` of a problem is what a client does next: \`stop\`, \`acquire\` a seat anew, or \`retry\`: wait for \`Retry-After\`, if \
the response has it, and then for a random time of up to \`firstMs\` of its backoff in \`x-backoffs\`. This bound doubles with \
each retry, up to \`longestMs\`. While a program holds a seat, \`x-next-while-held\` applies, if a problem has it.

CORS is open to all origins, except for the addresses that the browser itself visits to sign in. No cookie is a \
credential: send credentials in \`Authorization\`.`;

const SECURITY_SCHEMES = {
  License: {
    type: 'http',
    scheme: 'License',
    description: 'For clients of a license: its key, as `Authorization: License slk_…`.',
  },
  Bearer: {
    type: 'http',
    scheme: 'bearer',
    description: 'For signed-in users: an access token, as `Authorization: Bearer …`.',
  },
  Operator: {
    type: 'http',
    scheme: 'Operator',
    description:
      'For the vendor’s operators: an operator token with the named scope, as `Authorization: Operator slo_…`, or the operator key.',
  },
};

const PARAMETERS: Record<string, Parameter> = {
  RequestId: {
    name: 'X-Request-Id',
    in: 'header',
    required: false,
    description: 'Your own id for the request, a UUID. An id in another form is ignored.',
    schema: { type: 'string', format: 'uuid' },
  },
  IdempotencyKey: {
    name: 'Idempotency-Key',
    in: 'header',
    required: false,
    description:
      'A random key of your choice, such as a UUID. For 24 hours, a retry with the same key gets the same response and is not done twice.',
    schema: { type: 'string', pattern: '^[!-~]{1,255}$' },
  },
  IfNoneMatch: {
    name: 'If-None-Match',
    in: 'header',
    required: false,
    description: 'The `ETag` of the response that you have.',
    schema: { type: 'string' },
  },
};

const text: Schema = { type: 'string' };
const whole: Schema = { type: 'integer', minimum: 0 };
const HEADERS: Record<string, Header> = {
  'X-Request-Id': { description: 'The id of the request: yours, or a new one.', schema: text },
  'Retry-After': { description: 'Seconds to wait before the next attempt.', schema: whole },
  'RateLimit-Policy': {
    description:
      'The limit: its name, requests (`q`), and the seconds in which as many are allowed again (`w`).',
    schema: text,
  },
  RateLimit: {
    description:
      'What is left of the limit: requests (`r`), and the seconds until one more is allowed (`t`).',
    schema: text,
  },
  'WWW-Authenticate': {
    description:
      'The schemes that this endpoint accepts, with `error` at the one that was sent (RFC 6750 section 3).',
    schema: text,
  },
  'Cache-Control': { description: 'How long the response can be cached.', schema: text },
  ETag: { description: 'Identifies the content of the response.', schema: text },
  Location: { description: 'The address to continue at.', schema: { type: 'string', format: 'uri' } },
};
const RATE_LIMIT = ['RateLimit-Policy', 'RateLimit'];

/** The OpenAPI 3.1 document of every endpoint for clients. */
export function openApi(manifest: readonly FunctionContract[]): OpenApi {
  const endpoints = manifest.flatMap((contract) =>
    Object.entries(contract.endpoints)
      .filter(([, endpoint]) => isForClients(endpoint))
      .map(([name, endpoint]) => ({
        operationId: operationIdOf(contract.name, name),
        place: `${contract.name}.${name}`,
        contract: endpoint,
        of: contract,
      })),
  );
  const schemas = apiSchemas(endpoints);
  const codes = new Set<ProblemCode>();
  const responses = new Map<string, Response>();
  const paths: Record<string, Record<string, Operation>> = {};
  for (const { operationId, contract, of } of endpoints) {
    const problems = problemsOf(of, contract);
    for (const code of problems) codes.add(code);
    const refusals = refusalsOf(problems, contract);
    const operation = {
      operationId,
      tags: [of.name],
      ...operationOf(of, contract, refusals, schemas.of(contract)),
    };
    for (const { status, name, response } of refusals) {
      // If an answer has the same status, the operation has its own response.
      if ('$ref' in Object(operation.responses[status])) responses.set(name, response);
    }
    paths[contract.path] = { ...paths[contract.path], [contract.method.toLowerCase()]: operation };
  }
  const named = sorted(Object.fromEntries(responses));
  const all = { ...schemas.components, ...problemSchemas(codes) };
  return {
    openapi: '3.1.1',
    info: {
      title: 'Seatlease',
      version: z.parse(z.object({ version: z.string() }), JSON.parse(readFileSync('package.json', 'utf8')))
        .version,
      description: DESCRIPTION,
      license: { name: 'Apache 2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: '/' }],
    tags: manifest
      .filter(({ name }) => endpoints.some(({ of }) => of.name === name))
      .map(({ name, summary }) => ({ name, description: summary })),
    paths,
    components: {
      schemas: onlyNamed(all, paths, named),
      responses: named,
      parameters: PARAMETERS,
      headers: HEADERS,
      securitySchemes: SECURITY_SCHEMES,
    },
    'x-backoffs': BACKOFFS,
  };
}

/** False for internal endpoints, and for Stripe's webhook: it is public, but Stripe defines its form. */
function isForClients({ auth }: EndpointContract): boolean {
  return !auth.some((grant) => grant === 'scheduler' || grant === 'pubsub' || grant === 'stripe');
}

/** `acquire` for an endpoint with its function's name; otherwise function and endpoint: `licensesCreate`. */
function operationIdOf(functionName: string, endpoint: string): string {
  const name = entryPointOf(functionName);
  return name === endpoint ? name : `${name}${endpoint.charAt(0).toUpperCase()}${endpoint.slice(1)}`;
}

function operationOf(
  { name }: FunctionContract,
  endpoint: EndpointContract,
  refusals: readonly Refusals[],
  schemas: EndpointSchemas,
): Omit<Operation, 'operationId' | 'tags'> {
  const { summary, description, body, auth, idempotencyKey } = endpoint;
  const isCacheable = Object.values(endpoint.answers).some(({ cacheSeconds }) => cacheSeconds !== undefined);
  const about = [description, schemas.query?.description, limitInWords(endpoint)].filter(
    (words) => words !== undefined,
  );
  return {
    summary,
    ...(about.length > 0 && { description: about.join(' ') }),
    security: auth.flatMap((grant) =>
      grant === 'operator'
        ? [{ Operator: [scopeOf(name, endpoint.method)] }, { Bearer: ['operator'] }]
        : SECURITY[grant],
    ),
    parameters: [
      ...parametersOf('path', schemas.params),
      ...parametersOf('query', schemas.query),
      ...(idempotencyKey ? [refer('parameters', 'IdempotencyKey')] : []),
      ...(isCacheable ? [refer('parameters', 'IfNoneMatch')] : []),
      refer('parameters', 'RequestId'),
    ],
    ...(schemas.body !== undefined && {
      requestBody: {
        required: body !== undefined && !z.safeParse(body, undefined).success,
        content: {
          [endpoint.bodyType === 'form' ? FORM_TYPE : JSON_TYPE]: { schema: refer('schemas', schemas.body) },
        },
      },
    }),
    responses: responsesOf(endpoint, refusals, schemas),
  };
}

function limitInWords({ limit }: EndpointContract): string | undefined {
  if (!limit) return undefined;
  const who = limit.by === 'address' ? 'network address' : 'caller';
  return `At most ${limit.requests} requests in ${limit.windowSeconds} s from one ${who}.`;
}

const SECURITY: Readonly<Record<Exclude<Grant, 'operator'>, Operation['security']>> = {
  anyone: [{}],
  license: [{ License: [] }],
  person: [{ Bearer: [] }],
  member: [{ Bearer: ['member'] }],
  admin: [{ Bearer: ['admin'] }],
  owner: [{ Bearer: ['owner'] }],
  scheduler: [],
  pubsub: [],
  stripe: [],
};

function parametersOf(place: 'path' | 'query', schema: Schema | undefined): Parameter[] {
  return Object.entries(schema?.properties ?? {}).map(([name, property]) => {
    const { description, ...rest } = typeof property === 'object' ? property : {};
    return {
      name,
      in: place,
      required: schema?.required?.includes(name) ?? false,
      ...(description !== undefined && { description }),
      schema: rest,
    };
  });
}

/** Responses that have only problems are shared between operations, under a name. */
function responsesOf(
  endpoint: EndpointContract,
  refusals: readonly Refusals[],
  schemas: EndpointSchemas,
): Record<string, Response | Reference> {
  const responses: Record<string, Response | Reference> = {};
  for (const { status, name } of refusals) responses[status] = refer('responses', name);
  const answers = Map.groupBy(Object.entries(endpoint.answers), ([, { status }]) => status);
  for (const [status, named] of answers) {
    const good = answerOf(
      named.map(([, answer]) => answer),
      named.flatMap(([name]) => schemas.answers[name] ?? []),
      endpoint,
    );
    const bad = refusals.find((refused) => refused.status === status)?.response;
    const content = { ...good.content, ...bad?.content };
    responses[status] = {
      description: [good, bad].flatMap((response) => response?.description ?? []).join('\n\n'),
      headers: { ...good.headers, ...bad?.headers },
      ...(Object.keys(content).length > 0 && { content }),
    };
    if (named.some(([, { cacheSeconds }]) => cacheSeconds !== undefined)) {
      responses[304] = {
        description: 'The response that you have is still current.',
        headers: refersTo(['X-Request-Id', 'Cache-Control', 'ETag']),
      };
    }
  }
  return responses;
}

function answerOf(
  answers: readonly AnswerContract[],
  schemaNames: readonly string[],
  { limit }: EndpointContract,
): Response {
  const schemas = [...new Set(schemaNames)].map((name) => refer('schemas', name));
  const [schema] = schemas;
  const cacheSeconds = answers.find((answer) => answer.cacheSeconds !== undefined)?.cacheSeconds;
  return {
    description: [
      ...answers.map(({ description }) => description),
      ...(cacheSeconds === undefined ? [] : [`Any cache can keep it for ${cacheSeconds} s.`]),
    ].join(' Or: '),
    headers: refersTo([
      'X-Request-Id',
      ...(limit ? RATE_LIMIT : []),
      ...(answers.some(({ status }) => status === 302) ? ['Location'] : []),
      ...(cacheSeconds === undefined ? [] : ['Cache-Control', 'ETag']),
    ]),
    ...(schema && {
      content: {
        [answers.some(({ isPage }) => isPage) ? PAGE_TYPE : JSON_TYPE]: {
          schema: schemas.length === 1 ? schema : { anyOf: schemas },
        },
      },
    }),
  };
}

/** Problems with the same status. */
interface Refusals {
  readonly status: number;
  readonly name: string;
  readonly response: Response;
}

function refusalsOf(codes: readonly ProblemCode[], { limit, refusals }: EndpointContract): Refusals[] {
  const style = refusals === undefined ? [] : [refusals === 'oauth' ? 'OAuth' : 'Page'];
  const byStatus = Map.groupBy(codes, (code): number => PROBLEMS[code].status);
  return [...byStatus].map(([status, together]) => {
    // Callers without valid credentials and oversized bodies are refused before the call is counted.
    const isCounted = limit !== undefined && ![401, 413, 500].includes(status);
    const words = together.map((code) => schemaNameOf(code).replace(/Problem$/, ''));
    return {
      status,
      name: [...words, ...style, ...(isCounted ? ['Counted'] : [])].join('.'),
      response: problemResponse(together, isCounted, refusals),
    };
  });
}

/** If there are several problems, `code` is the discriminator. */
function problemResponse(
  codes: readonly ProblemCode[],
  isCounted: boolean,
  refusals: EndpointContract['refusals'],
): Response {
  const schemas = codes.map((code) => refer('schemas', schemaNameOf(code)));
  const [schema] = schemas;
  const mapping = Object.fromEntries(codes.map((code, i) => [code, schemas[i]?.$ref]));
  return {
    description: codes.map((code) => `\`${code}\`: ${PROBLEMS[code].title}`).join('\n\n'),
    headers: refersTo([
      'X-Request-Id',
      ...(isCounted ? RATE_LIMIT : []),
      ...(codes.some(hasRetryAfter) ? ['Retry-After'] : []),
      ...(codes.some(hasChallenge) ? ['WWW-Authenticate'] : []),
    ]),
    content: contentOf(
      refusals,
      schemas.length === 1 && schema
        ? schema
        : { oneOf: schemas, discriminator: { propertyName: 'code', mapping } },
    ),
  };
}

function contentOf(refusals: EndpointContract['refusals'], problem: Schema): Content {
  if (refusals === undefined) return { [PROBLEM_TYPE]: { schema: problem } };
  if (refusals === 'oauth')
    return { [JSON_TYPE]: { schema: { allOf: [refer('schemas', 'OAuthError'), problem] } } };
  return { [PAGE_TYPE]: { schema: { type: 'string' } } };
}

function refersTo(headers: readonly string[]): Response['headers'] {
  return Object.fromEntries(headers.map((name) => [name, refer('headers', name)]));
}

function refer(kind: keyof OpenApi['components'], name: string): Reference {
  return { $ref: `#/components/${kind}/${name}` };
}

/** The schemas that `from` refers to, directly or not. */
function onlyNamed(schemas: Readonly<Record<string, Schema>>, ...from: unknown[]): Record<string, Schema> {
  const reached = new Set<string>();
  const open = from;
  while (open.length > 0) {
    const text = JSON.stringify(open.pop());
    for (const [, name = ''] of text.matchAll(/"#\/components\/schemas\/(\w+)"/g)) {
      if (reached.has(name)) continue;
      reached.add(name);
      open.push(schemas[name]);
    }
  }
  return sorted(Object.fromEntries(Object.entries(schemas).filter(([name]) => reached.has(name))));
}

function sorted<T>(named: Readonly<Record<string, T>>): Record<string, T> {
  return Object.fromEntries(Object.entries(named).toSorted(([a], [b]) => (a < b ? -1 : 1)));
}
