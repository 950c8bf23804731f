import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { literalFirst, matchPath } from '../../../shared/http/route.ts';
import type { OpenApi, Operation, Parameter, Response } from './document.ts';

/** A request and its response, as they went over the network. */
export interface Exchange {
  readonly method: string;
  /** Path and query. */
  readonly target: string;
  /** The header's value. */
  readonly authorization: string | undefined;
  readonly body: string | undefined;
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

export interface Verdict {
  /** `undefined` if the document has no such operation. */
  readonly operationId: string | undefined;
  /** Each way in which the exchange differs from the document. */
  readonly differences: readonly string[];
}

/** Headers that only some responses have: the document must name each that is sent. */
const SPECIFIC_HEADERS = /^(retry-after|ratelimit(-policy)?|www-authenticate|etag|location)$/;

/** Compares exchanges with `document`: each accepted request and every response must match it. */
export function conformanceTo(document: OpenApi): (exchange: Exchange) => Verdict {
  const ajv = new Ajv2020({ strict: false, allErrors: true, validateSchema: false });
  addFormats.default(ajv);
  ajv.addSchema(document, 'api');
  const compiled = new Map<string, ValidateFunction>();
  const differencesOf = (pointer: string, value: unknown): string[] => {
    const validate = compiled.get(pointer) ?? ajv.compile({ $ref: `api#${pointer}` });
    compiled.set(pointer, validate);
    if (validate(value)) return [];
    return (validate.errors ?? []).map((error) => `${pointer}: ${error.instancePath} ${error.message}`);
  };
  const paths = Object.keys(document.paths).toSorted(literalFirst);

  return ({ method, target, authorization, body, status, headers, text }) => {
    const [pathname = '', search] = target.split('?');
    const path = paths.find((template) => matchPath(template, pathname)) ?? '';
    const operation = document.paths[path]?.[method.toLowerCase()];
    if (!operation) return { operationId: undefined, differences: [] };
    const at = `/paths/${escaped(path)}/${method.toLowerCase()}`;
    const differences: string[] = [];
    if (status < 400) {
      const scheme = authorization?.split(' ')[0];
      const accepted = operation.security.map((requirement) => Object.keys(requirement)[0]);
      if (!accepted.includes(scheme))
        differences.push(`it accepted ${scheme ?? 'a request without credentials'}`);
      differences.push(
        ...queryDifferences(operation, new URLSearchParams(search), (i, value) =>
          differencesOf(`${at}/parameters/${i}/schema`, value),
        ),
      );
      const [bodyType = 'application/json'] = Object.keys(operation.requestBody?.content ?? {});
      if (body !== undefined)
        differences.push(
          ...differencesOf(`${at}/requestBody/content/${escaped(bodyType)}/schema`, readAs(body, bodyType)),
        );
      else if (operation.requestBody?.required) differences.push('the body is missing');
    }
    const { response, pointer } = responseAt(document, operation, at, status);
    if (!response)
      return {
        operationId: operation.operationId,
        differences: [...differences, `no answer of status ${status}`],
      };
    for (const [name] of headers) {
      const isNamed = Object.keys(response.headers).some((known) => known.toLowerCase() === name);
      if (SPECIFIC_HEADERS.test(name) && !isNamed) differences.push(`no header ${name} at status ${status}`);
    }
    const [type = ''] = (headers.get('content-type') ?? '').split(';');
    if (text !== '' && response.content?.[type]) {
      differences.push(...differencesOf(`${pointer}/content/${escaped(type)}/schema`, readAs(text, type)));
      if (type === 'application/problem+json')
        differences.push(...unnamedMembers(document, JSON.parse(text)));
    } else if (text !== '' || response.content) {
      differences.push(`a body of type "${type}" at status ${status}`);
    }
    return { operationId: operation.operationId, differences };
  };
}

function readAs(text: string, type: string): unknown {
  if (type === 'text/html') return text;
  return type === 'application/x-www-form-urlencoded'
    ? Object.fromEntries(new URLSearchParams(text))
    : JSON.parse(text);
}

/** The members of a problem that the document does not name. Other responses may have more fields. */
function unnamedMembers({ components: { schemas } }: OpenApi, problem: Record<string, unknown>): string[] {
  const own = Object.values(schemas).find(
    ({ properties = {} }) => Object(properties.code).const === problem.code,
  );
  const known = { ...schemas.Problem?.properties, ...own?.properties };
  return Object.keys(problem).flatMap((name) => (name in known ? [] : [`no member ${name}`]));
}

function queryDifferences(
  { parameters }: Operation,
  query: URLSearchParams,
  check: (index: number, value: unknown) => string[],
): string[] {
  const known = parameters.flatMap((parameter, i) => ('$ref' in parameter ? [] : [{ parameter, i }]));
  const ofQuery = known.filter(({ parameter }) => parameter.in === 'query');
  const missing = ofQuery.filter(({ parameter }) => parameter.required && !query.has(parameter.name));
  return [
    ...missing.map(({ parameter }) => `the parameter ${parameter.name} is missing`),
    ...[...query].flatMap(([name, value]) => {
      const found = ofQuery.find(({ parameter }) => parameter.name === name);
      return found ? check(found.i, asSent(found.parameter, value)) : [`no parameter ${name}`];
    }),
  ];
}

/** Only page sizes are numbers. */
function asSent({ schema }: Parameter, value: string): unknown {
  return schema.$ref === '#/components/schemas/PageLimit' ? Number(value) : value;
}

function responseAt(document: OpenApi, operation: Operation, at: string, status: number) {
  const response = operation.responses[status];
  if (response === undefined || !('$ref' in response)) {
    return { response, pointer: `${at}/responses/${status}` };
  }
  const pointer = response.$ref.slice(1);
  const named: Response | undefined = document.components.responses[pointer.split('/').at(-1) ?? ''];
  return { response: named, pointer };
}

function escaped(key: string): string {
  return key.replaceAll('~', '~0').replaceAll('/', '~1');
}
