import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openBrowser } from '../../shared/testing/browser.ts';
import { describeReal } from '../../shared/testing/real-parts.ts';

describeReal('chromium', 'signing in with a browser', () => {
  let browser: Browser;
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'seatlease-journey-'));
    browser = await openBrowser();
  });
  afterAll(async () => {
    await browser.close();
    await rm(folder, { recursive: true, force: true });
  });

  test('a person signs in from a program on their machine, and the program takes a seat for them', async () => {
    const demo = runDemo(folder);
    const page = await browser.newPage();
    await page.goto(await demo.address);
    await page.getByRole('link', { name: /Ada Lovelace/ }).click();
    await page.getByRole('heading', { name: 'Signed in' }).waitFor();
    expect(new URL(page.url()).hostname).toBe('127.0.0.1');
    expect(await cookiesOf(page)).toEqual([]);

    const { exitCode, told } = await demo.ended;
    expect(told).toContain('is told that you are Ada Lovelace <ada@example.com>');
    expect(told).toContain('gets you a seat: 1 of 3 taken');
    expect(told).toContain('signs you out');
    expect(exitCode).toBe(0);
  });

  test('whoever says no is back in the program without a seat', async () => {
    const demo = runDemo(folder);
    const page = await browser.newPage();
    await page.goto(await demo.address);
    await page.getByRole('link', { name: 'Do not sign in' }).click();
    await page.getByRole('heading', { name: 'Not signed in' }).waitFor();
    const { exitCode, told } = await demo.ended;
    expect(told).toContain('Not signed in: access_denied');
    expect(told).not.toContain('seat: 1 of 3');
    expect(exitCode).not.toBe(0);
  });

  test('a link from somebody else’s sign-in signs nobody in, in a browser that began none', async () => {
    const demo = runDemo(folder);
    // Their own sign-in, stopped before its last step: the link that they would like somebody else to follow.
    const provider = await targetOf(await demo.address);
    const link = await targetOf(`${provider}&login_hint=grace@example.com`);
    expect(new URL(link).pathname).toBe('/auth/callback');
    const victim = await (await browser.newContext()).newPage();
    const answer = await victim.goto(link);
    expect(answer?.status()).toBe(400);
    expect(await victim.textContent('body')).toContain('SIGN_IN_MISMATCH');
    demo.stop();
    await demo.ended;
  });
});

async function targetOf(address: string): Promise<string> {
  const answer = await fetch(address, { redirect: 'manual' });
  return answer.headers.get('location') ?? '';
}

async function cookiesOf(page: Page): Promise<unknown[]> {
  return page.context().cookies();
}

interface Demo {
  /** Where the program asks its user to send the browser. */
  readonly address: Promise<string>;
  readonly ended: Promise<{ exitCode: number | null; told: string }>;
  stop(): void;
}

function runDemo(folder: string): Demo {
  const program = spawn(process.execPath, ['scripts/demo.ts', '--sign-in'], {
    env: { ...process.env, SEATLEASE_DATA: folder },
  });
  let told = '';
  const address = Promise.withResolvers<string>();
  const listen = (chunk: Buffer): void => {
    told += chunk.toString();
    const [found] = /http:\/\/127\.0\.0\.1:\d+\/auth\/login\/google\?\S+/.exec(told) ?? [];
    if (found !== undefined) address.resolve(found);
  };
  program.stdout.on('data', listen);
  program.stderr.on('data', listen);
  const ended = new Promise<{ exitCode: number | null; told: string }>((resolve) => {
    program.on('close', (exitCode) => {
      address.reject(new Error(`it ended without an address: ${told}`));
      resolve({ exitCode, told });
    });
  });
  return { address: address.promise, ended, stop: () => program.kill() };
}
