import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import * as z from 'zod/mini';
import { STORED_AS } from '../../clients/console/src/credentials.ts';
import { beginSignIn, CLIENT_ID, readReturn, redirectUri } from '../../clients/console/src/sign-in.ts';
import { memoryStorage } from '../../clients/console/src/testing/fake-server.ts';
import type { Environment } from '../../shared/config.ts';
import { HOUR_MS, hourOf, usageHourId } from '../../shared/domain/usage.ts';
import { USAGE_HOURS } from '../../shared/ports/collections.ts';
import { type LocalServer, startLocalServer } from '../dev/server.ts';

const DESKTOP_PX = 1280;

/** The local server with its console, and ways to fill it and to open its pages. */
export interface ConsoleWorld {
  readonly server: LocalServer;
  /** A tab in a browser context of its own. */
  open(options?: OpenOptions): Promise<Page>;
  /** Signs a new user in on the pages of the console and of sign-in. Returns the id of the tenant that they own. */
  signIn(page: Page): Promise<string>;
  /** Signs a user in without a browser, for `open`. They are new, and own a tenant. */
  newUser(email?: string, name?: string): Promise<SignedIn>;
  createLicense(tenantId: string, terms?: Readonly<Record<string, unknown>>): Promise<JourneyLicense>;
  /** Stores the usage of the last full hour. Events become usage only after minutes. */
  recordUsage(tenantId: string, licenseId: string, usage: { peak: number; denials: number }): Promise<void>;
  /** Calls the API as the operator. Throws unless the call succeeds. */
  // biome-ignore lint/suspicious/noExplicitAny: tests read responses of every operation
  operate(method: string, path: string, body?: unknown): Promise<any>;
  close(): Promise<void>;
}

export interface OpenOptions {
  /** The signed-in user; none by default. Each sign-in can be opened once: its refresh token is valid once. */
  readonly as?: SignedIn;
  /** The page to go to. Without it, the tab stays blank. */
  readonly path?: string;
  readonly width?: number;
  /** Gives the page a clock of its own, whose time the test can advance. */
  readonly hasOwnClock?: boolean;
}

export interface SignedIn {
  readonly email: string;
  readonly tenantId: string;
  readonly refreshToken: string;
}

/** A license, and calls that a program sends with its key. */
export interface JourneyLicense {
  readonly id: string;
  readonly key: string;
  acquire(hostname: string, key?: string): Promise<{ status: number; body: { session_id: string } }>;
  /** Returns the status. */
  heartbeat(sessionId: string): Promise<number>;
}

const Tokens = z.object({
  refresh_token: z.string(),
  tenants: z.array(z.object({ tenant_id: z.string() })),
});

/** Starts the server with embedded adapters. `environment` overrides its settings, for example to name operators. */
export async function openConsoleWorld(
  browser: Browser,
  environment: Environment = {},
): Promise<ConsoleWorld> {
  const folder = await mkdtemp(join(tmpdir(), 'seatlease-console-'));
  const server = await startLocalServer({ PORT: '0', SEATLEASE_DATA: folder, ...environment }, () => {});
  // The first request builds the console, which takes longer than a test waits for a page.
  await (await fetch(`${server.url}/console/`)).text();
  let users = 0;
  const newName = (): string => `user-${++users}`;

  return {
    server,
    async open({ as: signedIn, path, width = DESKTOP_PX, hasOwnClock = false } = {}) {
      const context = await browser.newContext({ viewport: { width, height: 900 }, colorScheme: 'light' });
      const page = await context.newPage();
      if (hasOwnClock) await page.clock.install();
      if (signedIn) {
        // The tab has a stored sign-in. Later loads keep what the page has stored since.
        const entry = JSON.stringify([STORED_AS, signedIn.refreshToken]);
        await page.addInitScript(
          `if (sessionStorage.length === 0 && !name) { name = 'seen'; sessionStorage.setItem(...${entry}); }`,
        );
      }
      if (path !== undefined) await page.goto(`${server.url}${path}`);
      return page;
    },
    signIn: (page) => signInOn(page, server, newName()),
    newUser: (email = `${newName()}@journey.example`, name = email.split('@')[0] ?? email) =>
      signInWithoutPages(server, email, name),
    createLicense: (tenantId, terms) => createLicense(server, tenantId, terms),
    async recordUsage(tenantId, licenseId, usage) {
      const hourMs = hourOf(Date.now()) - HOUR_MS;
      const hour = { licenseId, tenantId, hourMs, ...usage, closing: null };
      await server.deps.records.create(USAGE_HOURS, usageHourId(licenseId, hourMs), hour);
    },
    operate: (method, path, body) => operate(server, method, path, body),
    async close() {
      await server.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function signInOn(page: Page, { url }: LocalServer, name: string): Promise<string> {
  await page.goto(`${url}/console/`);
  await page.getByRole('button', { name: 'Sign in', exact: true }).click();
  await page.getByLabel('E-mail address').fill(`${name}@journey.example`);
  await page.getByLabel('Name').fill(name);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.waitForURL(/\/console\/tenants\//);
  const [tenantId] = /ten_\w+/.exec(page.url()) ?? [];
  if (tenantId === undefined) throw new Error(`no tenant: ${page.url()}`);
  return tenantId;
}

/** Does what the console does to sign a user in, with its code, and what a browser does on the way. */
async function signInWithoutPages({ url }: LocalServer, email: string, name: string): Promise<SignedIn> {
  const storage = memoryStorage();
  const address = await beginSignIn(storage, url, '/console/');
  const returned = readReturn(storage, await followSignIn(`${url}${address}`, { login_hint: email, name }));
  if (returned?.outcome !== 'code') throw new Error(`not signed in: ${returned?.outcome}`);
  const answer = await fetch(`${url}/auth/token`, {
    method: 'POST',
    body: new URLSearchParams({
      grant_type: 'authorization_code',
      client_id: CLIENT_ID,
      code: returned.code,
      code_verifier: returned.verifier,
      redirect_uri: redirectUri(url),
    }),
  });
  const { refresh_token: refreshToken, tenants } = z.parse(Tokens, await answer.json());
  const [tenant] = tenants;
  if (!tenant) throw new Error('a user without a tenant');
  return { email, tenantId: tenant.tenant_id, refreshToken };
}

async function createLicense(
  server: LocalServer,
  tenantId: string,
  terms: Readonly<Record<string, unknown>> = {},
): Promise<JourneyLicense> {
  const { license_id: id, license_key: ownKey } = await operate(server, 'POST', '/api/v1/licenses', {
    tenant_id: tenantId,
    max: 3,
    ...terms,
  });
  const call = (method: string, path: string, body: unknown, key: string): Promise<Response> =>
    fetch(`${server.url}/api/v1/licenses/${path}`, {
      method,
      headers: { authorization: `License ${key}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
  return {
    id,
    key: ownKey,
    async acquire(hostname, key = ownKey) {
      const body = { fingerprint: `print-of-${hostname}`, hostname };
      const answer = await call('POST', 'acquire', body, key);
      return { status: answer.status, body: (await answer.json()) as { session_id: string } };
    },
    async heartbeat(sessionId) {
      return (await call('PUT', 'heartbeat', { session_id: sessionId }, ownKey)).status;
    },
  };
}

async function operate({ url, config }: LocalServer, method: string, path: string, body?: unknown) {
  const answer = await fetch(`${url}${path}`, {
    method,
    headers: {
      authorization: `Operator ${config.operatorKey}`,
      ...(body !== undefined && { 'content-type': 'application/json' }),
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${method} ${path}: ${text}`);
  return text === '' ? undefined : JSON.parse(text);
}

/** Goes through the local sign-in page, with `account` chosen there. Returns where the browser is sent in the end. */
async function followSignIn(address: string, account: Record<string, string>): Promise<URL> {
  const started = await fetch(address, { redirect: 'manual' });
  const cookie = started.headers.get('set-cookie')?.split(';')[0] ?? '';
  const provider = await fetch(`${started.headers.get('location')}&${new URLSearchParams(account)}`, {
    redirect: 'manual',
  });
  const back = await fetch(provider.headers.get('location') ?? '', {
    headers: { cookie },
    redirect: 'manual',
  });
  return new URL(back.headers.get('location') ?? '', address);
}
