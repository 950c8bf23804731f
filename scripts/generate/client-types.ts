import { compile } from 'json-schema-to-typescript';
import type { OpenApi, Operation, Parameter } from './openapi/document.ts';
import type { Schema } from './openapi/schemas.ts';

const HEADER = `// Generated from clients/openapi.json by \`npm run generate\`.
`;

/**
 * The API's types for clients: one for each schema of the document, `Operations` with the request and response of each
 * operation, and `OPERATIONS` with its method and path.
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
`;
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
