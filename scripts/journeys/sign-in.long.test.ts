import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect } from 'vitest';
import { describeReal } from '../../shared/testing/real-parts.ts';
import { test } from './journey-test.ts';

describeReal('chromium', 'signing in with a browser', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'seatlease-journey-'));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  test('signs a user in to a program on their machine, which then takes a seat for them', async ({
    open,
  }) => {
    const demo = runDemo(folder);
    const page = await open();
    await page.goto(await demo.address);
    await page.getByRole('link', { name: /Ada Lovelace/ }).click();
    await page.getByRole('heading', { name: 'Signed in' }).waitFor();
    expect(new URL(page.url()).hostname).toBe('127.0.0.1');
    expect(await page.context().cookies()).toEqual([]);

    const { exitCode, output } = await demo.ended;
    expect(output).toContain('reads who you are: Ada Lovelace <ada@example.com>');
    expect(output).toContain('gets you a seat: 1 of 3 taken');
    expect(output).toContain('signs you out');
    expect(exitCode).toBe(0);
  });

  test('returns a user who declines to the program, without a seat', async ({ world, open }) => {
    const { url, config } = world.server;
    const started = { url, operator_key: config.operatorKey, license_id: '', license_key: '' };
    await writeFile(join(folder, 'demo.json'), JSON.stringify(started));
    const demo = runDemo(folder);
    const page = await open();
    await page.goto(await demo.address);
    await page.getByRole('link', { name: 'Cancel' }).click();
    await page.getByRole('heading', { name: 'Not signed in' }).waitFor();
    const { exitCode, output } = await demo.ended;
    expect(output).toContain(`uses the server at ${url}`);
    expect(output).toContain('Not signed in: access_denied');
    expect(output).not.toContain('seat: 1 of 3');
    expect(exitCode).not.toBe(0);
  });

  test('refuses a sign-in link in a browser that did not start the sign-in', async ({ world, open }) => {
    const begin = new URLSearchParams({
      response_type: 'code',
      client_id: 'seatlease-sdk',
      redirect_uri: 'http://127.0.0.1:49152/',
      state: 'state-of-an-attacker-program',
      code_challenge: 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM',
      code_challenge_method: 'S256',
    });
    // The attacker stops before the last step, and sends its link to someone else.
    const provider = await redirectOf(`${world.server.url}/auth/authorize?${begin}`);
    const link = await redirectOf(`${provider}&login_hint=grace@example.com`);
    expect(new URL(link).pathname).toBe('/auth/callback');
    const victim = await open();
    const answer = await victim.goto(link);
    expect(answer?.status()).toBe(400);
    await victim.getByRole('link', { name: 'Sign in again' }).waitFor();
  });
});

async function redirectOf(address: string): Promise<string> {
  const answer = await fetch(address, { redirect: 'manual' });
  return answer.headers.get('location') ?? '';
}

interface Demo {
  /** Where the program asks its user to send the browser. */
  readonly address: Promise<string>;
  readonly ended: Promise<{ exitCode: number | null; output: string }>;
}

/** Runs `npm run demo -- --sign-in`, on the server that `demo.json` in the folder names, if it is there. */
function runDemo(folder: string): Demo {
  const program = spawn(process.execPath, ['scripts/demo.ts', '--sign-in'], {
    env: { ...process.env, SEATLEASE_DATA: folder },
  });
  let output = '';
  const address = Promise.withResolvers<string>();
  const listen = (chunk: Buffer): void => {
    output += chunk.toString();
    const [found] = /http:\/\/127\.0\.0\.1:\d+\/auth\/authorize\?\S+/.exec(output) ?? [];
    if (found !== undefined) address.resolve(found);
  };
  program.stdout.on('data', listen);
  program.stderr.on('data', listen);
  const ended = new Promise<{ exitCode: number | null; output: string }>((resolve) => {
    program.on('close', (exitCode) => {
      address.reject(new Error(`it ended without an address: ${output}`));
      resolve({ exitCode, output });
    });
  });
  return { address: address.promise, ended };
}
