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
    ({ path, method, operation: { operationId } }) =>
      `  ${operationId}: { method: '${method}', path: '${path}' },`,
  );
  return `${withoutRemarks(types)}
/** Method and path of each operation. */
export const OPERATIONS = {
${places.join('\n')}
} as const satisfies Record<keyof Operations, { readonly method: string; readonly path: string }>;

/**
 * How long to wait before a retry: first \`Retry-After\`, if the response has it; then a random time from 0 to \`firstMs\` × 2ⁿ,
 * at most \`longestMs\`, where n counts the retries from 0. With \`seat\`, wait for at most \`longestMs\` of \`Retry-After\`: it is
 * when a lease ends, and a seat can be released before.
 */
export const BACKOFFS = ${literal(document['x-backoffs'])} as const;

/**
 * \`stop\`: only a person or another request can help. \`acquire\`: acquire anew, at once. \`within: 'lease'\`: a running program
 * may use what is left of its lease, but no offline grace.
 */
export type Next = { do: 'stop' } | { do: 'acquire' } | { do: 'retry'; backoff: keyof typeof BACKOFFS; within?: 'lease' };

export interface NextSteps {
  /** After any call, unless \`whileHeld\` applies. */
  readonly next: Next;
  /**
   * After a heartbeat, and after an acquire in place of a seat that was lost, if it differs from \`next\`. The program runs on
   * while its lease or its offline grace lasts, and ends at once after \`stop\`. \`byEnded\`: by the problem's \`ended\`; a missing
   * or new value counts as \`unknown\`.
   */
  readonly whileHeld?: Next | { readonly byEnded: Readonly<Record<'released' | 'evicted' | 'expired' | 'unknown', Next>> };
}

/**
 * What to do after each problem. No answer, and an unknown code with status 429 or at least 500, count as INTERNAL; any other
 * unknown code counts as VALIDATION_FAILED.
 */
export const NEXT_STEPS = {
${nextSteps(document).join('\n')}
} as const satisfies Record<string, NextSteps>;
`;
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

/** A line for each problem of the document. */
function nextSteps({ components }: OpenApi): string[] {
  return Object.values(components.schemas).flatMap(
    ({ properties, 'x-next': next, 'x-next-while-held': whileHeld }) =>
      next === undefined
        ? []
        : [`  ${Object(properties?.code).const}: ${literal({ next, ...(whileHeld ? { whileHeld } : {}) })},`],
  );
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
