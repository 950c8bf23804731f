import { globSync, readFileSync } from 'node:fs';
import { Validator } from '@seriousme/openapi-schema-validator';
import { describe, expect, test } from 'vitest';
import * as z from 'zod/mini';
import { SeatleaseError } from '../../../clients/sdk/src/errors.ts';
import { isRefusal, stepAfter } from '../../../clients/sdk/src/steps.ts';
import { MANIFEST } from '../../../functions/manifest.ts';
import users from '../../../functions/users/contract.ts';
import { BACKOFFS, PROBLEMS, type Problem, type ProblemCode } from '../../../shared/errors.ts';
import type { EndpointContract, FunctionContract } from '../../../shared/http/contract.ts';
import { matchPath } from '../../../shared/http/route.ts';
import { exampleBody, exampleTarget } from '../../site/example.ts';
import { openApi } from './document.ts';
import { nextInWords, schemaNameOf } from './problems.ts';

const FUNCTIONS: readonly FunctionContract[] = MANIFEST;
const DOCUMENT = openApi(MANIFEST);
const OPERATIONS = Object.entries(DOCUMENT.paths).flatMap(([path, operations]) =>
  Object.entries(operations).map(([method, operation]) => ({ path, method, operation })),
);

function contractOf(method: string, path: string): EndpointContract {
  const found = FUNCTIONS.flatMap(({ endpoints }) => Object.values(endpoints)).find(
    (endpoint) => endpoint.method.toLowerCase() === method && endpoint.path === path,
  );
  if (!found) throw new Error(`no contract has ${method} ${path}`);
  return found;
}

describe('the OpenAPI document', () => {
  test('is valid OpenAPI 3.1', async () => {
    const validator = new Validator();
    const { valid, errors } = await validator.validate(JSON.parse(JSON.stringify(DOCUMENT)));
    expect(errors).toBeUndefined();
    expect(valid).toBe(true);
    expect(validator.version).toBe('3.1');
    const { license, ...others } = DOCUMENT.info;
    const broken = { ...DOCUMENT, info: { ...others, license: 'Apache-2.0' } };
    expect((await new Validator().validate(JSON.parse(JSON.stringify(broken)))).valid).toBe(false);
  });

  test('has every endpoint for clients under its own id, and none that the cloud or Stripe calls', () => {
    const called = FUNCTIONS.flatMap(({ endpoints }) => Object.values(endpoints)).filter(
      ({ path }) => !path.startsWith('/internal/') && path !== '/api/v1/webhooks/stripe',
    );
    expect(called.length).toBeGreaterThan(40);
    expect(OPERATIONS.map(({ method, path }) => `${method.toUpperCase()} ${path}`).toSorted()).toEqual(
      called.map(({ method, path }) => `${method} ${path}`).toSorted(),
    );
    const ids = OPERATIONS.map(({ operation }) => operation.operationId);
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids).toEqual(
      expect.arrayContaining(['acquire', 'licensesCreate', 'gdprExportTenant', 'releaseEnd']),
    );
  });

  test('names the credentials and roles that each operation accepts', () => {
    const accepted = Object.fromEntries(
      OPERATIONS.map(({ operation }) => [operation.operationId, operation.security]),
    );
    const operator = (scope: string) => [{ Operator: [scope] }, { Bearer: ['operator'] }];
    expect(accepted).toMatchObject({
      acquire: [{ License: [] }, { Bearer: ['member'] }],
      licensesCreate: operator('licenses:write'),
      tenantsChange: [...operator('tenants:write'), { Bearer: ['owner'] }],
      usersMe: [{ Bearer: [] }],
      checkoutPlans: [{}],
      health: [{}, ...operator('health:read')],
    });
    expect(Object.values(accepted).filter((security) => security.length === 0)).toEqual([]);
  });

  test('has no dangling reference and no unused component', () => {
    const text = JSON.stringify(DOCUMENT);
    const referred = new Set([...text.matchAll(/"#\/components\/(\w+\/[\w.-]+)"/g)].map(([, name]) => name));
    const { securitySchemes, ...others } = DOCUMENT.components;
    const defined = Object.entries(others).flatMap(([kind, named]) =>
      Object.keys(named).map((name) => `${kind}/${name}`),
    );
    expect([...referred].toSorted()).toEqual(defined.toSorted());
  });

  test('has the doc comments of fields, wherever they are written', () => {
    const { schemas } = DOCUMENT.components;
    const fieldOf = (schema: string, ...fields: string[]): unknown =>
      fields.reduce<unknown>((value, field) => Object(Object(value).properties)[field], schemas[schema]);
    // In the contract, in what it spreads, in what it imports, and in the schema whose shape that uses.
    expect(fieldOf('AcquireRequest', 'fingerprint')).toMatchObject({
      description: expect.stringMatching(/^Identifies the machine/),
    });
    expect(fieldOf('LicensesChangeRequest', 'overdraft')).toMatchObject({
      description: expect.stringMatching(/^Seats granted/),
    });
    expect(fieldOf('Subscription', 'grace_until')).toMatchObject({
      description: expect.stringMatching(/^While an invoice/),
    });
    expect(fieldOf('AuditEvent', 'holder')).toMatchObject({
      description: expect.stringMatching(/^Pseudonym/),
    });
    expect(schemas.ExportedSession?.description).toMatch(/^A session whose/);
    expect(schemas.Timestamp?.description).toBe('A point in time, as RFC 3339 text.');
  });

  test('names parts of an answer after their constants, and refuses two schemas with one name', () => {
    const { me } = users.endpoints;
    const body = z.core.clone(me.answers.me.body);
    const answers = { me: { ...me.answers.me, body } };
    const again = { ...users, endpoints: { me: { ...me, answers } } };
    expect(DOCUMENT.components.schemas).toHaveProperty('Me');
    expect(() => openApi([...MANIFEST, again])).toThrow('two schemas have the name Me');
  });

  test('has for every problem what a client does next, as the docs do', () => {
    const page = readFileSync('clients/docs/api.md', 'utf8');
    const table = Object.entries(PROBLEMS) as [ProblemCode, Problem][];
    for (const [code, { next, whileHeld }] of table) {
      const row = page.split('\n').find((line) => line.startsWith(`| \`${code}\` |`));
      const held = whileHeld ? nextInWords(whileHeld) : '';
      expect(row?.endsWith(`| ${nextInWords(next)} | ${held} |`), row).toBe(true);
      const schema = DOCUMENT.components.schemas[schemaNameOf(code)];
      if (!schema) continue;
      expect(schema).toMatchObject({ 'x-next': next, ...(whileHeld && { 'x-next-while-held': whileHeld }) });
    }
    expect(DOCUMENT['x-backoffs']).toEqual(BACKOFFS);
    for (const name of Object.keys(BACKOFFS)) expect(page).toContain(`| ${name} | 0 to `);
  });

  test('gives the SDK the same next step for every problem that a program with a seat can get', () => {
    const ofPrograms = ['acquire', 'heartbeat', 'release', 'sign', 'token'];
    const own = OPERATIONS.filter(({ operation }) => ofPrograms.includes(operation.operationId));
    const responses = JSON.stringify(own.map(({ operation }) => operation.responses));
    const wordOf = (next: object | undefined) => Object(next).backoff ?? Object(next).do;
    const ofProgram = Object.entries(PROBLEMS).filter(([code]) =>
      responses.includes(schemaNameOf(code as ProblemCode).replace(/Problem$/, '')),
    );
    expect(ofProgram.length).toBeGreaterThan(20);
    for (const [code, { status, next, whileHeld = next }] of ofProgram as [ProblemCode, Problem][]) {
      const byEnded: object = 'byEnded' in whileHeld ? whileHeld.byEnded : { '': whileHeld };
      const error = (ended: string) => new SeatleaseError(code, '', { status, members: { ended } });
      expect([code, stepAfter(error(''), false)]).toEqual([code, wordOf(next)]);
      for (const [ended, step] of Object.entries(byEnded))
        expect([code, ended, stepAfter(error(ended), true)]).toEqual([code, ended, wordOf(step)]);
      const within = isRefusal(error('')) ? 'lease' : undefined;
      expect([code, within]).toEqual([code, 'within' in whileHeld ? whileHeld.within : undefined]);
    }
  });

  test('leaves out no comment of a field', () => {
    const text = JSON.stringify(DOCUMENT);
    const files = globSync('{functions/*/contract,shared/http/*-view}.ts').filter(
      (file) => !/functions\/(sweep|record-event|stripe-webhook)\//.test(file),
    );
    const comments = files.flatMap((file) => [
      ...readFileSync(file, 'utf8').matchAll(
        /\/\*\* ([^*\n]+) \*\/\n\s+[a-z_]+: (?:z\.|[A-Z]\w+,|text\(|word|whole|count,)/g,
      ),
    ]);
    expect(comments.length).toBeGreaterThan(80);
    const missing = comments
      .map(([, words = '']) => words)
      .filter((words) => !text.includes(JSON.stringify(words).slice(1, -1)));
    expect(missing).toEqual([]);
  });

  test.each(
    OPERATIONS.map(({ operation, ...where }) => ({ ...where, operation, name: operation.operationId })),
  )('shows for $name a request that its contract accepts', ({ method, path, operation }) => {
    const { params, query, body } = contractOf(method, path);
    const [pathname = '', search] = exampleTarget(path, operation, DOCUMENT).split('?');
    const given = {
      params: matchPath(path, pathname),
      query: Object.fromEntries(new URLSearchParams(search)),
      body: exampleBody(operation, DOCUMENT),
    };
    expect(params && z.safeParse(params, given.params).error).toBeUndefined();
    expect(query && z.safeParse(query, given.query).error).toBeUndefined();
    expect(body && z.safeParse(body, given.body).error).toBeUndefined();
  });
});
