import http from 'node:http';
import type { AddressInfo } from 'node:net';
import type { BrowserContext, Page } from 'playwright-core';
import { build } from 'vite';
import { afterAll, afterEach, beforeAll, expect, vi } from 'vitest';
import { openTestSuite, type TestLicense, type TestSuite } from '../../../../functions/testing/suite.ts';
import { browserTest as test } from '../../../../shared/testing/browser-test.ts';
import { describeReal } from '../../../../shared/testing/real-parts.ts';
import { bodyOf, forward } from '../../../../shared/testing/servers/forward.ts';
import type { Seat } from '../seat.ts';

/** Globals of a vendor's page. */
declare const seatlease: typeof import('../browser.ts');
declare let seat: Seat;

describeReal('chromium', 'in a browser, on pages of another origin than the server', () => {
  let suite: TestSuite;
  let site: Served;
  let api: Served & { readonly requests: string[] };
  beforeAll(async () => {
    suite = await openTestSuite();
    site = await serveSite(await bundle());
    api = await serveApi(suite.url);
  });
  afterAll(async () => {
    await api.close();
    await site.close();
    await suite.close();
  });

  let license: TestLicense;
  let context: BrowserContext;
  test.beforeEach(async ({ browser }) => {
    license = await suite.createLicense({ plan: 'pro', ttl_seconds: 60, heartbeat_seconds: 1 });
    context = await browser.newContext();
    api.requests.length = 0;
  });
  afterEach(() => context.close());

  /** A tab that holds a seat. */
  async function seatedTab(): Promise<Page> {
    const page = await context.newPage();
    await page.goto(site.url);
    const options = { url: api.url, licenseKey: license.key };
    const state = await page.evaluate(async (given) => {
      const publicKeys = await (await fetch(`${given.url}.well-known/jwks.json`)).json();
      Object.assign(globalThis, { seat: await new seatlease.Seatlease({ ...given, publicKeys }).acquire() });
      return seat.state;
    }, options);
    expect(state).toBe('online');
    return page;
  }

  const taken = async (): Promise<number> =>
    (await suite.operate('GET', `/api/v1/sessions?license_id=${license.licenseId}`)).body.seats.active;
  const count = (path: string): number => api.requests.filter((requests) => requests.endsWith(path)).length;

  test('a page acquires a seat, keeps it by heartbeats, verifies its license and releases it', async () => {
    const page = await seatedTab();
    await vi.waitFor(() => expect(count('/heartbeat')).toBeGreaterThan(0), 60_000);
    await page.waitForFunction(() => seat.offlineUntil !== undefined);
    expect(await page.evaluate(() => seat.holdsLease)).toBe(true);
    await page.evaluate(() => seat.release());
    expect(await taken()).toBe(0);
    expect(await page.evaluate(() => seat.state)).toBe('released');
  });

  test('tabs share a seat, which is free when the last one closes', async () => {
    const first = await seatedTab();
    const second = await seatedTab();
    expect(await taken()).toBe(1);
    await first.goto('about:blank');
    await vi.waitFor(() => expect(count('/release')).toBe(1), 60_000);
    expect(await taken()).toBe(1);
    await second.close({ runBeforeUnload: true });
    await vi.waitFor(async () => expect(await taken()).toBe(0), 60_000);
  });

  test('a seat that one tab releases stays held by the other tab', async () => {
    const [first, second] = [await seatedTab(), await seatedTab()];
    await first.evaluate(() => seat.release());
    expect(await taken()).toBe(1);
    await second.evaluate(() => seat.release());
    expect(await taken()).toBe(0);
  });
});

async function bundle(): Promise<string> {
  const built = await build({
    configFile: false,
    logLevel: 'silent',
    build: {
      write: false,
      lib: {
        entry: new URL('../browser.ts', import.meta.url).pathname,
        formats: ['iife'],
        name: 'seatlease',
      },
    },
  });
  const [output] = Array.isArray(built) ? built : [built];
  if (!output || !('output' in output)) throw new Error('The build has no output.');
  return output.output[0].code;
}

interface Served {
  readonly url: string;
  close(): Promise<void>;
}

/** Serves a vendor's site. */
function serveSite(script: string): Promise<Served> {
  const page = `<!doctype html><title>An app</title><script src="/sdk.js"></script>`;
  return serve((request, response) => {
    const isPage = request.url === '/';
    response.setHeader('content-type', isPage ? 'text/html' : 'text/javascript').end(isPage ? page : script);
  });
}

/** Serves the suite on another port and records the requests. */
async function serveApi(suiteUrl: string): Promise<Served & { readonly requests: string[] }> {
  const requests: string[] = [];
  const agent = new http.Agent({ keepAlive: true });
  const served = await serve(async (request, response) => {
    if (request.method !== 'OPTIONS') requests.push(request.url ?? '');
    const answer = await forward(agent, suiteUrl, request, await bodyOf(request));
    response.writeHead(answer.statusCode ?? 502, answer.headers).end(await bodyOf(answer));
  });
  return {
    ...served,
    requests,
    async close() {
      agent.destroy();
      await served.close();
    },
  };
}

async function serve(listener: http.RequestListener): Promise<Served> {
  const server = http.createServer(listener);
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    async close() {
      server.closeAllConnections();
      await new Promise((closed) => server.close(closed));
    },
  };
}
