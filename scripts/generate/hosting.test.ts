import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import superstatic from 'superstatic/lib/superstatic.js';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { buildConsole } from '../../clients/console/build.ts';
import { MANIFEST } from '../../functions/manifest.ts';
import { isInternal } from '../../shared/http/callers.ts';
import type { FunctionContract } from '../../shared/http/contract.ts';
import { siteFiles } from '../site/files.ts';
import {
  DEFAULT_REGION,
  hostingConfig,
  LONGEST_PROXIED_SECONDS,
  SECURITY_HEADERS,
  SITE_FOLDER,
} from './hosting.ts';
import { EXAMPLES } from './openapi/names.ts';

const FUNCTIONS: readonly FunctionContract[] = MANIFEST;
const pathsOf = ({ name, endpoints }: FunctionContract) =>
  [...new Set(Object.values(endpoints).map(({ path }) => path))].map((path) => ({ name, path }));
const PUBLIC = FUNCTIONS.filter((contract) => !isInternal(contract)).flatMap(pathsOf);
const INTERNAL = FUNCTIONS.filter(isInternal).flatMap(pathsOf);

const PARAMETERS: Readonly<Record<string, string>> = {
  license_id: 'LicenseId',
  session_id: 'SessionId',
  tenant_id: 'TenantId',
  user_id: 'UserId',
  invitation_id: 'InvitationId',
  token_id: 'OperatorTokenId',
};
const sampleOf = (path: string): string =>
  path.replace(/\{(\w+)\}/g, (_, name: string) => String(EXAMPLES[PARAMETERS[name] ?? '']));

interface Answer {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: string;
  /** The function that it reached. */
  readonly reached: string | undefined;
}

/** Hosting's emulator, with functions that return their own name. */
describe('Firebase Hosting, in front of all functions,', () => {
  let folder: string;
  let server: http.Server;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'seatlease-hosting-'));
    const files = new Map([
      ...siteFiles(),
      ...(await buildConsole()),
      ['api/v1/plans', 'a file where a function has a path'],
    ]);
    for (const [path, content] of files) {
      const file = join(folder, SITE_FOLDER, path);
      await mkdir(dirname(file), { recursive: true });
      await writeFile(file, content);
    }
    const answerAs =
      ({ run }: { run: { serviceId: string } }) =>
      (_: unknown, response: http.ServerResponse): void => {
        response.setHeader('x-reached', run.serviceId);
        response.end();
      };
    const hosting = superstatic({
      cwd: folder,
      config: structuredClone(hostingConfig(MANIFEST, { region: DEFAULT_REGION })) as object,
      fallthrough: false,
      rewriters: { run: async (rewrite: { run: { serviceId: string } }) => answerAs(rewrite) },
    });
    server = http.createServer((request, response) => hosting(request, response, () => response.end()));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  });
  afterAll(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    await rm(folder, { recursive: true, force: true });
  });

  /** Sends the path unchanged; URL and fetch would normalize it. */
  function get(path: string): Promise<Answer> {
    const { port } = server.address() as AddressInfo;
    return new Promise((resolve, reject) => {
      const request = http.get({ host: '127.0.0.1', port, path }, (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('end', () => {
          const { statusCode: status = 0, headers } = response;
          const [reached] = [headers['x-reached']].flat();
          resolve({ status, headers, body: Buffer.concat(chunks).toString(), reached });
        });
      });
      request.on('error', reject);
    });
  }

  test.each(PUBLIC.filter(({ path }) => path !== '/api/v1/plans'))(
    '$path reaches $name and no other function',
    async ({ name, path }) => {
      expect(await get(sampleOf(path))).toMatchObject({ status: 200, reached: `seatlease-${name}` });
    },
  );

  test('has no route to internal endpoints, however their path is written', async () => {
    expect(INTERNAL.map(({ name }) => name)).toEqual(['record-event', 'sweep']);
    for (const { path } of INTERNAL) {
      const [, first = '', last = ''] = path.split('/');
      const ways = [
        path,
        `${path}/`,
        `/${path}`,
        `/${first}//${last}`,
        `/${first}%2F${last}`,
        `/${first}%252F${last}`,
        `/%2F${first}/${last}`,
        `/.${path}`,
        `/x/..${path}`,
        `/x/%2e%2e${path}`,
        `/\\${first}\\${last}`,
        path.toUpperCase(),
        `/${first}/${encodeURIComponent(last).replace(/^./, (letter) => `%${letter.charCodeAt(0).toString(16)}`)}`,
        `${path};x`,
        `${path}?x`,
        `${path}.html`,
      ];
      for (const way of ways) {
        const { status, reached } = await get(way);
        expect({ way, reached }).toEqual({ way, reached: undefined });
        expect(status, way).toBeGreaterThanOrEqual(301);
      }
    }
    // An internal path inside a parameter stays the parameter's value.
    for (const { name, path } of PUBLIC.filter((route) => route.path.includes('{'))) {
      const hidden = path.replace(/\{\w+\}/g, 'x%2F..%2F..%2F..%2F..%2Finternal%2Fsweep');
      expect((await get(hidden)).reached, path).toBe(`seatlease-${name}`);
    }
  });

  test('routes no path in another case, or below a path', async () => {
    for (const way of [
      '/API/v1/licenses',
      '/Health',
      '/api/v1/Licenses/acquire',
      '/health/and/more',
      `/api/v1/licenses/${EXAMPLES.LicenseId}/and/more`,
      `/api/v1/tenants/${EXAMPLES.TenantId}/members/a/b`,
    ]) {
      const { status, reached } = await get(way);
      expect({ way, status, reached }).toEqual({ way, status: 404, reached: undefined });
    }
  });

  test('prefers a literal path to one with a parameter', async () => {
    expect((await get('/api/v1/licenses/heartbeat')).reached).toBe('seatlease-heartbeat');
    expect((await get('/api/v1/licenses/lic_07_9x2mq4t7wz8k3b6n')).reached).toBe('seatlease-licenses');
    expect((await get('/api/v1/users/me')).reached).toBe('seatlease-users');
  });

  test('prefers a file to a function', async () => {
    expect(await get('/api/v1/plans')).toMatchObject({ status: 200, reached: undefined });
  });

  test('serves the start page, the reference and the document without caching', async () => {
    for (const [path, text] of [
      ['/', 'API reference'],
      ['/docs', 'Seatlease API'],
      ['/openapi.json', '"openapi": "3.1.1"'],
    ] as const) {
      const { status, headers, body } = await get(path);
      expect(status, path).toBe(200);
      expect(body, path).toContain(text);
      expect(headers['cache-control'], path).toBe('no-cache');
    }
    expect((await get('/docs/')).headers.location).toBe('/docs');
    expect((await get('/docs.html')).headers.location).toBe('/docs');
    expect(await get('/nowhere')).toMatchObject({ status: 404, body: expect.stringContaining('Not found') });
  });

  test('lets browsers cache files whose names change with their content', async () => {
    const [style] = /\/assets\/style-\w+\.css/.exec((await get('/docs')).body) ?? [];
    const { status, headers } = await get(style ?? 'none');
    expect(status).toBe(200);
    expect(headers['cache-control']).toBe('public, max-age=31536000, immutable');
  });

  test('serves the console’s page for every path within it, and 404 for a missing asset', async () => {
    for (const page of [
      '/console',
      '/console/licenses',
      '/console/licenses/lic_07_9x2mq4t7wz8k3b6n/sessions',
    ]) {
      expect(await get(page), page).toMatchObject({
        status: 200,
        body: expect.stringContaining('<div id="app">'),
        headers: { 'cache-control': 'no-cache' },
      });
    }
    const [program] = /\/console\/assets\/[\w-]+\.js/.exec((await get('/console')).body) ?? [];
    expect(await get(program ?? 'none')).toMatchObject({
      status: 200,
      headers: { 'cache-control': 'public, max-age=31536000, immutable' },
    });
    expect((await get('/console/assets/app-0000.js')).status).toBe(404);
  });

  test('sends the security headers with every response', async () => {
    for (const path of ['/docs', '/nowhere', '/console/licenses', '/auth/callback']) {
      const { headers } = await get(path);
      for (const [name, value] of Object.entries(SECURITY_HEADERS))
        expect(headers[name.toLowerCase()], `${path} ${name}`).toBe(value);
    }
    const { headers } = await get('/docs');
    expect(headers['content-security-policy']).toMatch(/^default-src 'none';.* frame-ancestors 'none'$/);
    expect(headers['content-security-policy']).not.toMatch(/unsafe|https?:|\*/);
    expect(headers).toMatchObject({
      'strict-transport-security': expect.stringMatching(/^max-age=\d{8}$/),
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
      'permissions-policy': expect.stringContaining('camera=()'),
    });
  });
});

test('only exports and erasures, which can be repeated, may take longer than Hosting waits', () => {
  const slow = FUNCTIONS.filter((contract) => !isInternal(contract)).filter(
    ({ timeoutSeconds }) => timeoutSeconds > LONGEST_PROXIED_SECONDS,
  );
  expect(slow.map(({ name }) => name)).toEqual(['gdpr-delete', 'gdpr-export']);
});

test('the region of the stack is the region of every route', () => {
  const regions = hostingConfig(MANIFEST, { region: 'us-east1' }).rewrites.flatMap((rewrite) =>
    'run' in rewrite ? [rewrite.run.region] : [],
  );
  expect(new Set(regions)).toEqual(new Set(['us-east1']));
  expect(regions).toHaveLength(PUBLIC.length);
});
