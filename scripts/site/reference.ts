import type { Problem } from '../../shared/errors.ts';
import type { OpenApi, Operation, Parameter } from '../generate/openapi/document.ts';
import { nextInWords } from '../generate/openapi/problems.ts';
import type { Schema } from '../generate/openapi/schemas.ts';
import { curlExample } from './example.ts';
import { type Html, html, inline, paragraphs } from './html.ts';
import { fieldHtml, fieldsOf, isSimple, nameOf, resolved, typeOf } from './schema-html.ts';

interface Endpoint {
  readonly method: string;
  readonly path: string;
  readonly operation: Operation;
}

/** The API reference as a page's content, from the OpenAPI document alone. */
export function reference(document: OpenApi): Html {
  const endpoints: Endpoint[] = Object.entries(document.paths).flatMap(([path, operations]) =>
    Object.entries(operations).map(([method, operation]) => ({ method, path, operation })),
  );
  const groups = document.tags.map((tag) => ({
    ...tag,
    endpoints: endpoints.filter(({ operation }) => operation.tags.includes(tag.name)),
  }));
  const { info, components } = document;
  return html`<header>
<h1>${String(info.title)} API</h1>
<p class="quiet">Version ${String(info.version)}. For programs: <a href="/openapi.json">openapi.json</a> (OpenAPI ${document.openapi}).</p>
${paragraphs(String(info.description))}
</header>
<nav aria-label="Endpoints">
<h2>Endpoints</h2>
<ul>${groups.map(
    (group) => html`
<li>${group.name}
<ul>${group.endpoints.map(
      ({ method, path, operation }) =>
        html`<li><a href="#${operation.operationId}"><code>${method.toUpperCase()} ${path}</code></a></li>`,
    )}</ul></li>`,
  )}
<li><a href="#types">Types</a></li>
<li><a href="#problems">Problems</a></li>
</ul>
</nav>
<main id="main">
<section aria-labelledby="every-request">
<h2 id="every-request">Every request</h2>
<dl>${
    components.parameters[COMMON_PARAMETER] &&
    parameterHtml(components.parameters[COMMON_PARAMETER], document)
  }
${Object.entries(components.securitySchemes).map(
  ([name, { description = '' }]) =>
    html`<dt><code>Authorization</code> <span class="type">${name}</span></dt><dd>${inline(description)}</dd>`,
)}</dl>
<p>Every response has the request’s id as <code>${COMMON_HEADER}</code>. Some have more headers:</p>
<dl>${Object.entries(components.headers)
    .filter(([name]) => name !== COMMON_HEADER)
    .map(([name, { description }]) => html`<dt><code>${name}</code></dt><dd>${description}</dd>`)}</dl>
</section>
${groups.map(
  (group) => html`<section aria-labelledby="tag-${group.name}">
<h2 id="tag-${group.name}">${group.name}</h2>
<p>${group.description}</p>
${group.endpoints.map((endpoint) => article(endpoint, document))}
</section>
`,
)}
${types(document)}
${problems(document)}
</main>`;
}

function article({ method, path, operation }: Endpoint, document: OpenApi): Html {
  const { operationId, summary, description, security, requestBody } = operation;
  const [{ schema: body } = {}] = Object.values(requestBody?.content ?? {});
  return html`<article aria-labelledby="${operationId}">
<h3 id="${operationId}"><code>${method.toUpperCase()} ${path}</code></h3>
<p>${inline(summary)}</p>
${description !== undefined && html`<p>${inline(description)}</p>`}
<p><strong>Who:</strong> ${security.map((entry) => whoIs(entry)).join(', or ')}.</p>
${parametersOf(operation, document)}
${
  body &&
  html`<h4>Body${!requestBody?.required && ' (optional)'}</h4>
${fieldsOf(body, document)}`
}
<h4>Responses</h4>
${Object.entries(operation.responses).map(([status, response]) => answerOf(status, response, document))}
<h4>Problems</h4>
<ul>${Object.entries(operation.responses).flatMap(([status, response]) =>
    problemsIn(response, document).map(
      (problem) =>
        html`<li>${status} <a href="#${codeOf(problem)}"><code>${codeOf(problem)}</code></a> <span class="quiet">${problem.description}</span></li>`,
    ),
  )}</ul>
<h4>Example</h4>
<pre tabindex="0" role="group" aria-label="Example of ${operationId}"><code>${curlExample(method, path, operation, document)}</code></pre>
</article>
`;
}

/** The callers that a security requirement allows, in words. */
function whoIs(requirement: Operation['security'][number]): string {
  const [entry] = Object.entries(requirement);
  if (!entry) return 'anyone';
  const [scheme, [role]] = entry;
  if (scheme === 'License') return 'clients with the license key';
  if (scheme === 'Operator') return `operators with a token of the scope ${role}, or the operator key`;
  switch (role) {
    case undefined:
      return 'any signed-in user';
    case 'operator':
      return 'signed-in operators';
    case 'owner':
      return 'signed-in owners of the tenant';
    default:
      return `signed-in ${role === 'admin' ? 'admins' : 'members'} of the tenant`;
  }
}

/** The parameter and the header of every request and response are described once. */
const COMMON_PARAMETER = 'RequestId';
const COMMON_HEADER = 'X-Request-Id';

function parametersOf({ parameters }: Operation, document: OpenApi): Html | undefined {
  const own = parameters.flatMap((parameter) => {
    if (!('$ref' in parameter)) return [parameter];
    const name = nameOf(parameter);
    return name === COMMON_PARAMETER ? [] : (document.components.parameters[name] ?? []);
  });
  return own.length === 0
    ? undefined
    : html`<h4>Parameters</h4>
<dl>${own.map((parameter) => parameterHtml(parameter, document))}</dl>
`;
}

function parameterHtml(
  { name, in: place, schema, required, description }: Parameter,
  document: OpenApi,
): Html {
  const words = [`In the ${place}.`, ...(description === undefined ? [] : [description])].join(' ');
  return fieldHtml(name, { ...schema, description: words }, required, document);
}

function answerOf(
  status: string,
  given: Operation['responses'][string],
  document: OpenApi,
): Html | undefined {
  if ('$ref' in given) return undefined;
  const [summary = ''] = given.description.split('\n\n');
  const schema = given.content?.['application/json']?.schema;
  const headers = Object.keys(given.headers).filter((name) => name !== COMMON_HEADER);
  return html`<p><strong>${status}</strong> ${inline(summary)}${
    headers.length > 0 && html` <span class="quiet">Headers: ${headers.join(', ')}.</span>`
  }</p>
${
  schema &&
  html`<details><summary>${typeOf(schema, document)}</summary>
${fieldsOf(schema, document)}
</details>`
}`;
}

/** Schemas of the problems in a response. */
function problemsIn(given: Operation['responses'][string], document: OpenApi): Schema[] {
  const response = '$ref' in given ? document.components.responses[nameOf(given)] : given;
  const schema = response?.content?.['application/problem+json']?.schema;
  return schema ? (schema.oneOf ?? [schema]).map((one) => resolved(one, document)) : [];
}

/** The code of a problem's schema; empty for any other schema. */
function codeOf({ properties = {} }: Schema): string {
  return String(Object(properties.code).const ?? '');
}

function types(document: OpenApi): Html {
  const simple = Object.entries(document.components.schemas).filter(([, schema]) => isSimple(schema));
  return html`<section aria-labelledby="types">
<h2 id="types">Types</h2>
<dl>${simple.map(
    ([
      name,
      schema,
    ]) => html`<dt id="type-${name}">${name} <span class="type">${typeOf(schema, document)}</span></dt>
<dd>${schema.description !== undefined && html`<p>${inline(schema.description)}</p>`}${
      schema.examples && html`<p>For example <code>${String(schema.examples[0])}</code></p>`
    }</dd>
`,
  )}</dl>
</section>
`;
}

/** What a client does after the problem of a schema. */
function nextOf(schema: Schema): string {
  const { 'x-next': next, 'x-next-while-held': whileHeld } = schema as {
    readonly [name: string]: Problem['whileHeld'];
  };
  return [
    next && `Next: ${nextInWords(next)}.`,
    whileHeld && `While a seat is held: ${nextInWords(whileHeld)}.`,
  ]
    .filter(Boolean)
    .join(' ');
}

function problems(document: OpenApi): Html {
  const { schemas } = document.components;
  const all = Object.values(schemas).filter((schema) => codeOf(schema) !== '');
  return html`<section aria-labelledby="problems">
<h2 id="problems">Problems</h2>
<p>${inline(schemas.Problem?.description ?? '')}</p>
${schemas.Problem && fieldsOf(schemas.Problem, document)}
<h3>Codes</h3>
<dl>${all.map((schema) => {
    const { code, status, ...members } = schema.properties ?? {};
    return html`<dt id="${codeOf(schema)}"><code>${codeOf(schema)}</code> <span class="type">${String(Object(status).const)}</span></dt>
<dd><p>${schema.description}</p><p>${inline(nextOf(schema))}</p>${fieldsOf({ ...schema, properties: members }, document)}</dd>
`;
  })}</dl>
</section>
`;
}
