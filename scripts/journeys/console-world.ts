import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import axe from 'axe-core';
import type { Page } from 'playwright-core';
import * as z from 'zod/mini';
import { KEPT_AS } from '../../clients/console/src/credentials.ts';
import { nodePlatform, signIn } from '../../clients/sdk/src/node.ts';
import type { Environment } from '../../shared/config.ts';
import { openBrowser } from '../../shared/testing/browser.ts';
import { type LocalServer, startLocalServer } from '../dev/server.ts';

/** The sizes that the console must look well at. */
export const WIDTHS = [1280, 390] as const;
export type Width = (typeof WIDTHS)[number];

/** For tests: the local server with its console, and browsers to look at it with. */
export interface ConsoleWorld {
  readonly server: LocalServer;
  /** A browser in which nobody is signed in. */
  open(width: Width): Promise<Page>;
  /** Somebody who has never been here signs in, as people do. Gives the id of the tenant that they own from then on. */
  signIn(page: Page): Promise<string>;
  /** The same without the pages in between, for what is about something else: `openAs` is then theirs. */
  newPerson(email?: string, name?: string): Promise<SignedIn>;
  /**
   * A browser in which they are signed in, at that path; with its own clock, a test can have time pass there. Once each: a
   * refresh token is good once.
   */
  openAs(person: SignedIn, width: Width, path: string, clock?: 'own clock'): Promise<Page>;
  /** As the operator. Throws for whatever is not a success. */
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every shape
  operate(method: string, path: string, body?: unknown): Promise<any>;
  close(): Promise<void>;
}

export interface SignedIn {
  readonly email: string;
  readonly tenantId: string;
  readonly refreshToken: string;
}

/** What the SDK keeps of a sign-in. */
const Kept = z.object({ refresh_token: z.string() });

/** `environment` is laid over settings that embed everything: it can name operators, for example. */
export async function openConsoleWorld(environment: Environment = {}): Promise<ConsoleWorld> {
  const folder = await mkdtemp(join(tmpdir(), 'seatlease-console-'));
  const [server, browser] = await Promise.all([
    startLocalServer({ PORT: '0', SEATLEASE_DATA: folder, ...environment }, () => {}),
    openBrowser(),
  ]);
  // It is built for whoever opens it first, which takes longer than a story waits for a page.
  await (await fetch(`${server.url}/console/`)).text();
  let people = 0;
  const newName = (): string => `person-${++people}`;

  async function open(width: Width): Promise<Page> {
    const context = await browser.newContext({ viewport: { width, height: 900 }, colorScheme: 'light' });
    context.setDefaultTimeout(15_000);
    return context.newPage();
  }

  return {
    server,
    open,
    signIn: (page) => signInOn(page, server, newName()),
    newPerson: (email = `${newName()}@journey.example`, name = email.split('@')[0] ?? email) =>
      signInWithoutPages(server, folder, email, name),
    async openAs({ refreshToken }, width, path, clock) {
      const page = await open(width);
      if (clock) await page.clock.install();
      // As if they had signed in in this tab before; whatever it has become by the next load is theirs.
      const entry = JSON.stringify([KEPT_AS, refreshToken]);
      await page.addInitScript(
        `if (sessionStorage.length === 0 && !name) { name = 'begun'; sessionStorage.setItem(...${entry}); }`,
      );
      await page.goto(`${server.url}${path}`);
      return page;
    },
    operate: (method, path, body) => operate(server, method, path, body),
    async close() {
      await browser.close();
      await server.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function signInOn(page: Page, { url }: LocalServer, name: string): Promise<string> {
  await page.goto(`${url}/console/`);
  await page.getByRole('button', { name: 'Sign in with Google' }).click();
  await page.getByLabel('E-mail address').fill(`${name}@journey.example`);
  await page.getByLabel('Name').fill(name);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.waitForURL(/\/console\/tenants\//);
  const [tenantId] = /ten_\w+/.exec(page.url()) ?? [];
  if (tenantId === undefined) throw new Error(`no tenant: ${page.url()}`);
  return tenantId;
}

async function signInWithoutPages(
  { url }: LocalServer,
  folder: string,
  email: string,
  name: string,
): Promise<SignedIn> {
  let kept = '{}';
  const storage = {
    read: async () => undefined,
    write: async (_: string, text: string) => {
      kept = text;
    },
    remove: async () => {},
  };
  const { tenants } = await signIn({
    url,
    open: (address) => walkThrough(address, { login_hint: email, name }),
    stateFolder: folder,
    platform: { ...nodePlatform({ stateFolder: folder, sharedFolder: folder }), storage },
  });
  const { refresh_token: refreshToken } = z.parse(Kept, JSON.parse(kept));
  const [tenant] = tenants;
  if (!tenant) throw new Error('a person without a tenant');
  return { email, tenantId: tenant.tenantId, refreshToken };
}

async function operate({ url, config }: LocalServer, method: string, path: string, body: unknown) {
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

/** A browser that says who it is to the stand-in for Google by itself. */
async function walkThrough(address: string, account: Record<string, string>): Promise<void> {
  const begun = await fetch(address, { redirect: 'manual' });
  const cookie = begun.headers.get('set-cookie')?.split(';')[0] ?? '';
  const provider = await fetch(`${begun.headers.get('location')}&${new URLSearchParams(account)}`, {
    redirect: 'manual',
  });
  await fetch(provider.headers.get('location') ?? '', { headers: { cookie } });
}

/** What axe finds on the page as it is now, in light and dark, that keeps somebody from using it. In words. */
export async function barriersOn(page: Page): Promise<string[]> {
  await page.evaluate(axe.source);
  const found = await runAxe(page, {});
  // Nothing else of a page differs by its colours, nor do those by the window's width; and they take longest to look at.
  if (page.viewportSize()?.width !== WIDTHS[0]) return found;
  await page.emulateMedia({ colorScheme: 'dark' });
  found.push(
    ...(await runAxe(page, { runOnly: ['color-contrast'] })).map((words) => `in the dark: ${words}`),
  );
  await page.emulateMedia({ colorScheme: 'light' });
  return found;
}

async function runAxe(page: Page, options: axe.RunOptions): Promise<string[]> {
  const asked = JSON.stringify({ resultTypes: ['violations'], ...options });
  const { violations } = await page.evaluate<axe.AxeResults>(`axe.run(${asked})`);
  return violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id}: ${html}`));
}

/** How far the page reaches beyond the window, in pixels: 0 where nobody must scroll sideways. */
export function overhangOf(page: Page): Promise<number> {
  return page.evaluate('document.documentElement.scrollWidth - document.documentElement.clientWidth');
}
