import { compile } from 'json-schema-to-typescript';
import type { OpenApi, Operation, Parameter } from './openapi/document.ts';
import type { Schema } from './openapi/schemas.ts';

const HEADER = `// Generated from clients/openapi.json by \`npm run generate\`.
`;

/**
 * The API's types for clients: one for each schema of the document, `Operations` with the request and response of each
 * operation, `OPERATIONS` with its method and path, and what to do after each problem.
 */
export async function clientTypes(document: OpenApi): Promise<string> {
  const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method: method.toUpperCase(), operation })),
  );
  const schemas = {
    ...document.components.schemas,
    Operations: objectOf(
      Object.fromEntries(
        operations.map(({ operation }) => [operation.operationId, callOf(document, operation)]),
      ),
    ),
  };
  const types = await compile(localReferences({ $defs: schemas, ...objectOf({}) }), 'Everything', {
    bannerComment: HEADER,
    additionalProperties: false,
    ignoreMinAndMaxItems: true,
    unreachableDefinitions: true,
    style: { printWidth: 110, singleQuote: true },
  });
  const places = operations.map(
    ({ path, method, operation: { operationId, requestBody } }) =>
      `  ${operationId}: { method: '${method}', path: '${path}'${isForm(requestBody) ? ', form: true' : ''} },`,
  );
  return `${withoutRemarks(types)}
/** Method and path of each operation. \`form\`: its body is a form in place of JSON. */
export const OPERATIONS = {
${places.join('\n')}
} as const satisfies Record<
  keyof Operations,
  { readonly method: string; readonly path: string; readonly form?: true }
>;

/**
 * How long to wait before a retry: first \`Retry-After\`, if the response has it; then a random time from 0 to \`firstMs\` × 2ⁿ,
 * at most \`longestMs\`, where n counts the retries from 0. Wait for at most five minutes of \`Retry-After\`. With \`seat\` it is the
 * longest wait, not the shortest: it is when a lease ends, and a seat can be released before.
 */
export const BACKOFFS = ${literal(document['x-backoffs'])} as const;

/**
 * \`stop\`: only a person or another request can help. \`acquire\`: acquire anew, at once. Any other word is a backoff: retry.
 */
export type Step = 'stop' | 'acquire' | keyof typeof BACKOFFS;

export interface NextSteps {
  /** After any call, unless \`whileHeld\` applies. */
  readonly next: Step;
  /**
   * After a heartbeat, and after an acquire in place of a seat that was lost, if it differs from \`next\`. The program ends at
   * once after \`stop\`; else it runs on while its lease or its offline grace lasts.
   */
  readonly whileHeld?: Step;
  /** \`lease\`: a running program may use what is left of its lease, but no offline grace. */
  readonly within?: 'lease';
  /** Replaces \`whileHeld\` for some values of the problem's \`ended\`. */
  readonly byEnded?: Readonly<Record<string, Step>>;
}

/** Code of every problem of the API. */
export type ProblemCode =
${problems(document)
  .map(({ code }) => `  | '${code}'`)
  .join('\n')};

${nextSteps(document)}
`;
}

function isForm(body: Operation['requestBody']): boolean {
  return body !== undefined && 'application/x-www-form-urlencoded' in body.content;
}

/** TypeScript for an object of words and numbers. */
function literal(value: object): string {
  return JSON.stringify(value)
    .replaceAll(/"(\w+)":/g, '$1: ')
    .replaceAll('"', "'")
    .replaceAll(',', ', ')
    .replaceAll(/\{(?=\w)/g, '{ ')
    .replaceAll('}', ' }');
}

/** A step, as the document describes it. */
interface DescribedStep {
  readonly do: string;
  readonly backoff?: string;
  readonly within?: string;
}

export interface ProblemSchema {
  readonly name: string;
  readonly code: string;
  readonly status: number;
  readonly next: DescribedStep;
  readonly whileHeld:
    | DescribedStep
    | { readonly byEnded: Readonly<Record<string, DescribedStep>> }
    | undefined;
}

/** Problems of the document, in order. */
function problems({ components }: OpenApi): ProblemSchema[] {
  return Object.entries(components.schemas)
    .filter(([, schema]) => schema['x-next'])
    .map(([name, { properties, 'x-next': next, 'x-next-while-held': whileHeld }]) => ({
      name,
      code: String(Object(properties?.code).const),
      status: Number(Object(properties?.status).const),
      next: next as unknown as DescribedStep,
      whileHeld: whileHeld as unknown as ProblemSchema['whileHeld'],
    }));
}

/** Operations of programs with a seat. */
const PROGRAM_OPERATIONS: readonly string[] = ['acquire', 'heartbeat', 'release', 'sign', 'token'];

/** Problems that programs with a seat can get, and for which the rule for unknown codes is not right. */
export function programProblems(document: OpenApi): readonly ProblemSchema[] {
  const operations = Object.values(document.paths).flatMap((methods) => Object.values(methods));
  const own = operations.filter(({ operationId }) => PROGRAM_OPERATIONS.includes(operationId));
  const names = new Set(
    [...JSON.stringify(own).matchAll(/components\/responses\/([\w.]+)/g)].flatMap(([, response = '']) =>
      response.split('.').map((name) => `${name}Problem`),
    ),
  );
  const rows = new Map(problems(document).map((problem) => [problem.code, rowOf(problem)]));
  return problems(document)
    .filter(({ name }) => names.has(name))
    .filter(({ code, status }) => {
      const others = status === 429 || status >= 500 ? 'INTERNAL' : 'VALIDATION_FAILED';
      return code === others || rows.get(code) !== rows.get(others);
    });
}

/** `NEXT_STEPS`, of the problems that programs can get: browsers load it. */
function nextSteps(document: OpenApi): string {
  const lines = programProblems(document).map((problem) => `  ${problem.code}: ${rowOf(problem)},`);
  return `/**
 * What to do after the problems of the endpoints that programs call. No answer, and any other code with status 429 or at least
 * 500, count as INTERNAL; any other code counts as VALIDATION_FAILED. Problems for which that is right have no row.
 */
export const NEXT_STEPS = {
${lines.join('\n')}
} as const satisfies Partial<Record<ProblemCode, NextSteps>>;`;
}

function rowOf({ next, whileHeld }: ProblemSchema): string {
  if (!whileHeld) return literal({ next: wordOf(next) });
  if (!('byEnded' in whileHeld)) {
    const held = wordOf(whileHeld);
    return literal({
      next: wordOf(next),
      whileHeld: held === wordOf(next) ? undefined : held,
      within: whileHeld.within,
    });
  }
  const { unknown, ...others } = whileHeld.byEnded;
  const rest = wordOf(unknown as DescribedStep);
  const byEnded = Object.entries(others).map(([ended, step]) => [ended, wordOf(step)] as const);
  return literal({
    next: wordOf(next),
    whileHeld: rest,
    byEnded: Object.fromEntries(byEnded.filter(([, word]) => word !== rest)),
  });
}

function wordOf({ do: step, backoff }: DescribedStep): string {
  return backoff ?? step;
}

/** Removes the comments and the type that the compiler adds for itself. */
function withoutRemarks(types: string): string {
  return types
    .replace(/export interface Everything \{\}\n/, '')
    .replace(
      /( \*\n)? \* This interface was referenced by `Everything`'s JSON-Schema\n \* via the `definition` ".*"\.\n/g,
      '',
    )
    .replace(/\/\*\*\n \*\/\n/g, '');
}

function callOf(document: OpenApi, operation: Operation): Schema {
  const parameters = operation.parameters.map((parameter) =>
    '$ref' in parameter ? named(document.components.parameters, parameter.$ref) : parameter,
  );
  const body = operation.requestBody && schemaIn(operation.requestBody.content);
  const answers = Object.entries(operation.responses)
    .filter(([status]) => status.startsWith('2'))
    .map(([, response]) =>
      '$ref' in response ? named(document.components.responses, response.$ref) : response,
    )
    .map(({ content }) => content && schemaIn(content));
  const distinct = [...new Map(answers.map((answer) => [JSON.stringify(answer), answer])).values()];
  return objectOf({
    params: parametersIn(parameters, 'path'),
    query: parametersIn(parameters, 'query'),
    body: body ?? { type: 'null' },
    answer:
      distinct.length === 1
        ? (distinct[0] ?? { type: 'null' })
        : { anyOf: distinct.map((s) => s ?? { type: 'null' }) },
  });
}

function parametersIn(parameters: readonly Parameter[], place: Parameter['in']): Schema {
  const here = parameters.filter((parameter) => parameter.in === place);
  return objectOf(
    Object.fromEntries(
      here.map(({ name, schema, description }) => [name, description ? { ...schema, description } : schema]),
    ),
    here.filter(({ required }) => required).map(({ name }) => name),
  );
}

function objectOf(properties: Readonly<Record<string, Schema>>, required = Object.keys(properties)): Schema {
  return { type: 'object', properties, required, additionalProperties: false };
}

function schemaIn(content: Readonly<Record<string, { readonly schema: Schema }>>): Schema | undefined {
  return Object.values(content)[0]?.schema;
}

function named<T>(things: Readonly<Record<string, T>>, reference: string): T {
  const found = things[reference.split('/').at(-1) ?? ''];
  if (found === undefined) throw new Error(`the document has no ${reference}`);
  return found;
}

function localReferences(schema: Schema): Exclude<Parameters<typeof compile>[0], boolean> {
  return JSON.parse(JSON.stringify(schema).replaceAll('#/components/schemas/', '#/$defs/'));
}
