import { readFileSync } from 'node:fs';
import * as z from 'zod/mini';
import { entryPointOf } from '../../../functions/names.ts';
import type { Grant } from '../../../shared/domain/authorization.ts';
import { PROBLEMS, type ProblemCode } from '../../../shared/errors.ts';
import type { AnswerContract, EndpointContract, FunctionContract } from '../../../shared/http/contract.ts';
import { problemSchemas, problemsOf, schemaNameOf, tellsWhenToRetry, tellsWhoIsTaken } from './problems.ts';
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
}

export interface Operation {
  readonly operationId: string;
  readonly tags: readonly string[];
  readonly summary: string;
  readonly description?: string;
  /** Any of these lets in; the list of a scheme is the roles of which one is needed. */
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
const PROBLEM_TYPE = 'application/problem+json';

const DESCRIPTION = `A floating-license server: take a seat, keep it by heartbeats, give it back.

JSON in snake_case, in UTF-8. A body with a field that is not described here is refused; an answer may get more fields in \
time. Every \`GET\` takes \`HEAD\` too. What is not described as cacheable is sent with \`Cache-Control: no-store\`.

Web apps of any origin may call all of it but where a browser itself goes to sign in. No cookie is a credential: an app shows \
its own in \`Authorization\`.`;

const SECURITY_SCHEMES = {
  License: {
    type: 'http',
    scheme: 'License',
    description: 'The key of a license, as `Authorization: License slk_…`: for its clients.',
  },
  Bearer: {
    type: 'http',
    scheme: 'bearer',
    description: 'The access token of somebody who is signed in, as `Authorization: Bearer …`.',
  },
  Operator: {
    type: 'http',
    scheme: 'Operator',
    description: "The vendor's own key, as `Authorization: Operator …`.",
  },
};

const PARAMETERS: Record<string, Parameter> = {
  RequestId: {
    name: 'X-Request-Id',
    in: 'header',
    required: false,
    description: 'Your own id for the request. One of another form is taken for none.',
    schema: { type: 'string', pattern: '^[A-Za-z0-9_-]{8,64}$' },
  },
  IdempotencyKey: {
    name: 'Idempotency-Key',
    in: 'header',
    required: false,
    description: 'Your own name for what the request is to do: sent again, it is done once.',
    schema: { type: 'string', pattern: '^[!-~]{1,255}$' },
  },
  IfNoneMatch: {
    name: 'If-None-Match',
    in: 'header',
    required: false,
    description: 'The `ETag` of the answer that you have.',
    schema: { type: 'string' },
  },
};

const text: Schema = { type: 'string' };
const whole: Schema = { type: 'integer', minimum: 0 };
const HEADERS: Record<string, Header> = {
  'X-Request-Id': { description: 'The id of the request: yours, or a new one.', schema: text },
  'Retry-After': { description: 'Seconds to wait before the next try.', schema: whole },
  'RateLimit-Policy': { description: 'Requests, and the seconds of their window.', schema: text },
  'RateLimit-Limit': { description: 'Requests that may come at once.', schema: whole },
  'RateLimit-Remaining': { description: 'Requests that may still come.', schema: whole },
  'RateLimit-Reset': { description: 'Seconds until there is room again.', schema: whole },
  'WWW-Authenticate': { description: 'The schemes that are taken here.', schema: text },
  'Cache-Control': { description: 'How long the answer may be kept.', schema: text },
  ETag: { description: 'Stands for the content of the answer.', schema: text },
  Location: { description: 'Where to go on.', schema: { type: 'string', format: 'uri' } },
};
const RATE_LIMIT = ['RateLimit-Policy', 'RateLimit-Limit', 'RateLimit-Remaining', 'RateLimit-Reset'];

/** The OpenAPI 3.1 document of all that clients may call. */
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
      ...operationOf(contract, refusals, schemas.of(contract)),
    };
    for (const { status, name, response } of refusals) {
      // Where the status is also one of an answer, the operation has its own.
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
  };
}

/** Whether a client would call it. Stripe's webhook is public too, but its form is Stripe's. */
function isForClients({ auth }: EndpointContract): boolean {
  return !auth.some((grant) => grant === 'scheduler' || grant === 'pubsub' || grant === 'stripe');
}

/** `acquire` for the endpoint that its function is there for, else `licensesCreate`: function, then endpoint. */
function operationIdOf(functionName: string, endpoint: string): string {
  const name = entryPointOf(functionName);
  return name === endpoint ? name : `${name}${endpoint.charAt(0).toUpperCase()}${endpoint.slice(1)}`;
}

function operationOf(
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
    security: auth.flatMap((grant) => SECURITY[grant]),
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
        content: { [JSON_TYPE]: { schema: refer('schemas', schemas.body) } },
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

/** Operators may also be signed in as the vendor's own people. */
const SECURITY: Readonly<Record<Grant, Operation['security']>> = {
  anyone: [{}],
  license: [{ License: [] }],
  operator: [{ Operator: [] }, { Bearer: ['operator'] }],
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

/** Answers that hold nothing but problems are the same wherever the problems are, and so have a name. */
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
        description: 'The answer that you have is still the same.',
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
      ...(cacheSeconds === undefined ? [] : [`Anybody may keep it for ${cacheSeconds} s.`]),
    ].join(' Or: '),
    headers: refersTo([
      'X-Request-Id',
      ...(limit ? RATE_LIMIT : []),
      ...(answers.some(({ status }) => status === 302) ? ['Location'] : []),
      ...(cacheSeconds === undefined ? [] : ['Cache-Control', 'ETag']),
    ]),
    ...(schema && {
      content: { [JSON_TYPE]: { schema: schemas.length === 1 ? schema : { anyOf: schemas } } },
    }),
  };
}

/** Problems that are answered with one status. */
interface Refusals {
  readonly status: number;
  readonly name: string;
  readonly response: Response;
}

function refusalsOf(codes: readonly ProblemCode[], { limit }: EndpointContract): Refusals[] {
  const byStatus = Map.groupBy(codes, (code): number => PROBLEMS[code].status);
  return [...byStatus].map(([status, together]) => {
    // Whoever is not known, or sends too much, is turned away before the call is counted.
    const isCounted = limit !== undefined && ![401, 413, 500].includes(status);
    const words = together.map((code) => schemaNameOf(code).replace(/Problem$/, ''));
    return {
      status,
      name: [...words, ...(isCounted ? ['Counted'] : [])].join('.'),
      response: problemResponse(together, isCounted),
    };
  });
}

/** One of several problems is told from the others by its code. */
function problemResponse(codes: readonly ProblemCode[], isCounted: boolean): Response {
  const schemas = codes.map((code) => refer('schemas', schemaNameOf(code)));
  const [schema] = schemas;
  const mapping = Object.fromEntries(codes.map((code, i) => [code, schemas[i]?.$ref]));
  return {
    description: codes.map((code) => `\`${code}\`: ${PROBLEMS[code].title}`).join('\n\n'),
    headers: refersTo([
      'X-Request-Id',
      ...(isCounted ? RATE_LIMIT : []),
      ...(codes.some(tellsWhenToRetry) ? ['Retry-After'] : []),
      ...(codes.some(tellsWhoIsTaken) ? ['WWW-Authenticate'] : []),
    ]),
    content: {
      [PROBLEM_TYPE]: {
        schema:
          schemas.length === 1 && schema
            ? schema
            : { oneOf: schemas, discriminator: { propertyName: 'code', mapping } },
      },
    },
  };
}

function refersTo(headers: readonly string[]): Response['headers'] {
  return Object.fromEntries(headers.map((name) => [name, refer('headers', name)]));
}

function refer(kind: keyof OpenApi['components'], name: string): Reference {
  return { $ref: `#/components/${kind}/${name}` };
}

/** Those of `schemas` that `from` lead to. */
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
