import type { OpenApi, Operation, Parameter } from '../generate/openapi/document.ts';
import type { Schema } from '../generate/openapi/schemas.ts';
import { resolved } from './schema-html.ts';

/** The smallest valid body of the operation; `undefined` if no body is required. */
export function exampleBody({ requestBody }: Operation, document: OpenApi): unknown {
  const [{ schema } = {}] = Object.values(requestBody?.content ?? {});
  return schema && requestBody?.required ? exampleOf(schema, document) : undefined;
}

function exampleOf(given: Schema, document: OpenApi): unknown {
  const schema = resolved(given, document);
  if (schema.examples?.[0] !== undefined) return schema.examples[0];
  const [option] = schema.anyOf ?? schema.oneOf ?? [];
  if (option) return exampleOf(option, document);
  if (schema.const !== undefined) return schema.const;
  if (schema.enum) return schema.enum[0];
  if (schema.properties) {
    const fields = Object.entries(schema.properties);
    const needed = fields.filter(([name]) => schema.required?.includes(name));
    // If every field is optional, the first one is shown.
    const shown = needed.length > 0 ? needed : fields.slice(0, 1);
    return Object.fromEntries(shown.map(([name, field]) => [name, exampleOf(Object(field), document)]));
  }
  if (schema.items && schema.minItems) return [exampleOf(Object(schema.items), document)];
  return { integer: 1, boolean: true }[String(schema.type)] ?? 'text';
}

/** Path and query of a call with all required parameters. */
export function exampleTarget(path: string, { parameters }: Operation, document: OpenApi): string {
  const needed = parameters.filter(
    (parameter): parameter is Parameter => 'name' in parameter && parameter.required,
  );
  const valueFor = ({ schema }: Parameter): string => encodeURIComponent(String(exampleOf(schema, document)));
  const query = needed.filter((parameter) => parameter.in === 'query');
  const filled = needed.reduce(
    (target, parameter) => target.replace(`{${parameter.name}}`, valueFor(parameter)),
    path,
  );
  return query.length === 0
    ? filled
    : `${filled}?${query.map((parameter) => `${parameter.name}=${valueFor(parameter)}`).join('&')}`;
}

const CREDENTIALS: Readonly<Record<string, string>> = {
  License: 'License $LICENSE_KEY',
  Bearer: 'Bearer $ACCESS_TOKEN',
  Operator: 'Operator $OPERATOR_KEY',
};

function isForm({ requestBody }: Operation): boolean {
  return requestBody !== undefined && 'application/x-www-form-urlencoded' in requestBody.content;
}

/** curl sends `-d` as a form. */
function formFields(body: unknown): string[] {
  return Object.entries(Object(body)).map(
    ([name, value]) => `-d '${new URLSearchParams({ [name]: String(value) })}'`,
  );
}

function jsonBody(body: unknown): string[] {
  return [`-H 'Content-Type: application/json'`, `-d '${JSON.stringify(body)}'`];
}

/** The call as a curl command, with the origin and the credentials in variables. */
export function curlExample(method: string, path: string, operation: Operation, document: OpenApi): string {
  const body = exampleBody(operation, document);
  const [scheme] = Object.keys(operation.security[0] ?? {});
  const isGet = method === 'get';
  return [
    `curl${isGet ? '' : ` -X ${method.toUpperCase()}`} "$URL${exampleTarget(path, operation, document)}"`,
    ...(scheme === undefined ? [] : [`-H "Authorization: ${CREDENTIALS[scheme]}"`]),
    ...(body === undefined ? [] : isForm(operation) ? formFields(body) : jsonBody(body)),
  ].join(' \\\n  ');
}
