import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type ClockedSuite, openClockedSuite } from '../../../../functions/testing/clocked-suite.ts';
import { isFree } from '../../../../functions/testing/is-free.ts';
import type { TestLicense } from '../../../../functions/testing/suite.ts';
import { Output, type Program, run, serve } from '../node/testing.ts';
import { nodeTransport } from '../node/transport.ts';
import type { Platform, Transport } from '../platform.ts';
import { sendByFetch } from '../testing/network.ts';
import { testPlatform } from '../testing/platform.ts';
import { work } from '../testing/work.ts';
import { main } from './main.ts';
import { ForwardedSignals } from './signals.ts';

const COMMAND = fileURLToPath(new URL('../../bin/seatlease.js', import.meta.url));

let clocked: ClockedSuite;
/** Of one seat. */
let license: TestLicense;
beforeAll(async () => {
  clocked = await openClockedSuite();
});
afterAll(() => clocked.close());
beforeEach(async () => {
  license = await clocked.suite.createLicense({ max: 1 });
});

const environment = (env: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv => ({
  SEATLEASE_URL: clocked.suite.url,
  SEATLEASE_LICENSE_KEY: license.key,
  ...env,
});

/** Runs the command in a process of its own. */
function seatlease(args: readonly string[]): Program {
  return run(process.execPath, [COMMAND, ...args], environment());
}

/** Runs the command in this process, on a machine whose clock the test moves. */
function seatleaseHere(args: readonly string[], env: NodeJS.ProcessEnv = {}) {
  const { send } = nodeTransport();
  const transport: Transport = { send: (request, options) => work(send(request, options)) };
  const test = testPlatform(sendByFetch);
  const platform: Platform = { ...test, transport };
  const output = new Output();
  const closed: Promise<unknown>[] = [];
  const exit = main(args, environment(env), {
    platform,
    print: (text) => output.add(text),
    printError: (text) => output.add(text),
    spawn(program, programArgs) {
      const child = spawn(program, programArgs, { stdio: ['ignore', 'pipe', 'pipe'] });
      child.stdout.on('data', (data) => output.add(data));
      child.stderr.on('data', (data) => output.add(data));
      closed.push(once(child, 'close'));
      return child;
    },
  });
  const ended = exit.then(async (code) => {
    await Promise.all(closed);
    return { code, output: output.text };
  });
  return { clock: test.clock, ended, prints: (text: string) => output.contains(text, ended) };
}

const shell = (script: string, ...options: string[]) => ['run', ...options, '--', 'sh', '-c', script];
/** Waits without polling, and ends by itself if a test leaves it behind. */
const FOR_LONG = 'sleep 30 >&- 2>&- & wait $!';
const UNTIL_SIGTERM = `trap 'echo got SIGTERM; exit 5' TERM; echo started; ${FOR_LONG}`;

describe('the command holds a seat while the program runs and releases it', () => {
  test('when the program exits, and exits with the same code', async () => {
    const { ended, says } = seatlease(shell('echo started; exit 7'));
    await says('started');
    expect((await ended).code).toBe(7);
    expect(await isFree(license)).toBe(true);
  });

  test('when the program ends by a forwarded signal', async () => {
    const { child, ended, says } = seatlease(shell(UNTIL_SIGTERM));
    await says('started');
    expect(await isFree(license)).toBe(false);
    child.kill('SIGTERM');
    const { code, output } = await ended;
    expect([code, output]).toEqual([5, expect.stringContaining('got SIGTERM')]);
    expect(await isFree(license)).toBe(true);
  });

  test('when a signal kills the program, and exits with 128 plus the signal number', async () => {
    const { ended } = seatlease(shell('kill -KILL $$'));
    expect((await ended).code).toBe(128 + 9);
    expect(await isFree(license)).toBe(true);
  });

  test('when the program cannot be started, and exits with 127', async () => {
    const { code, output } = await seatlease(['run', '--', '/no/such/program']).ended;
    expect([code, output]).toEqual([127, expect.stringContaining('cannot start /no/such/program')]);
    expect(await isFree(license)).toBe(true);
  });
});

test('the seat of a killed command is free once its lease has ended', async () => {
  const { child, ended, says } = seatlease(shell(UNTIL_SIGTERM));
  await says('started');
  // The whole process group, as in a power cut.
  process.kill(-Number(child.pid), 'SIGKILL');
  expect((await ended).signal).toBe('SIGKILL');
  clocked.moveClock(359_000);
  expect(await isFree(license)).toBe(false);
  clocked.moveClock(2_000);
  expect(await isFree(license)).toBe(true);
});

describe('without a seat, the command does not start the program', () => {
  /** Runs the command until it ends, and asserts that it prints one line. */
  async function endOf(args: readonly string[], env?: NodeJS.ProcessEnv) {
    const { clock, ended } = seatleaseHere(args, env);
    const { code, output } = await clock.until(ended);
    expect(output).toMatch(/^seatlease: .*\n$/);
    expect(output).not.toContain('started');
    return { code, output };
  }

  test('when all seats are taken, prints how many and when to retry, and exits with 75', async () => {
    await license.acquire('another machine');
    const { code, output } = await endOf(shell('echo started'));
    expect(code).toBe(75);
    expect(output).toMatch(
      /^seatlease: no seat: .* 1 of 1 seats are taken; .* in \d+ s\. \(HTTP 409 SEATS_EXHAUSTED/,
    );
    expect(output).toContain(` from ${clocked.suite.url}, request `);
  });

  test('when the license is suspended or unknown, prints status, code and title, and exits with 77', async () => {
    await clocked.suite.operate('PATCH', `/api/v1/licenses/${license.licenseId}`, { status: 'suspended' });
    const suspended = await endOf(shell('echo started'));
    expect(suspended.code).toBe(77);
    expect(suspended.output).toContain(
      `no seat: The license is suspended. (HTTP 403 LICENSE_SUSPENDED from ${clocked.suite.url}, request `,
    );
    const unknown = await endOf(shell('echo started'), { SEATLEASE_LICENSE_KEY: 'guessed' });
    expect(unknown.code).toBe(77);
    expect(unknown.output).toContain('(HTTP 401 CREDENTIALS_INVALID from ');
  });

  test('when the server fails, prints the address and the status, and exits with 69', async () => {
    const broken = await serve((_request, response) => response.writeHead(500).end());
    const { code, output } = await endOf(shell('echo started'), { SEATLEASE_URL: broken.url });
    broken.close();
    expect(code).toBe(69);
    expect(output).toContain(
      `no seat: ${broken.url}/api/v1/licenses/acquire answered HTTP 500, but not as a license server does. (NO_ANSWER)`,
    );
  });

  test('when no server is running, prints the address and the reason, and exits with 69', async () => {
    const stopped = await serve(() => {});
    stopped.close();
    expect(await endOf(shell('echo started'), { SEATLEASE_URL: stopped.url })).toEqual({
      code: 69,
      output: `seatlease: no seat: No answer from ${stopped.url}: connection refused. The local server is not running. (NO_ANSWER)\n`,
    });
  });

  test('when it is called wrongly, exits with 64', async () => {
    const calls = [
      await endOf(['run', 'echo', 'started']),
      await endOf(shell('echo started'), { SEATLEASE_URL: 'licenses.example.com' }),
    ];
    expect(calls.map(({ code }) => code)).toEqual([64, 64]);
  });
});

describe('when all seats are taken, --wait', () => {
  test('starts the program once a seat is released', async () => {
    const { body } = await license.acquire('another machine');
    const { clock, ended, prints } = seatleaseHere(shell('echo started', '--wait'));
    await prints('waiting for a seat');
    await license.release(body.session_id);
    await clock.advance(67_000);
    const { code, output } = await ended;
    expect([code, output]).toEqual([0, expect.stringContaining('started')]);
  });

  test('gives up after the given time', async () => {
    await license.acquire('another machine');
    const { clock, ended } = seatleaseHere(shell('echo started', '--wait=0'));
    const { code, output } = await clock.until(ended);
    expect([code, output]).toEqual([75, expect.not.stringContaining('started')]);
  });

  test('ends by a signal', async () => {
    await license.acquire('another machine');
    const { child, ended, says } = seatlease(shell('echo started', '--wait'));
    await says('waiting for a seat');
    child.kill('SIGTERM');
    expect(await ended).toMatchObject({ code: 128 + 15, output: expect.not.stringContaining('started') });
  });
});

describe('when the seat is lost, the command', () => {
  beforeEach(async () => {
    license = await clocked.suite.createLicense({ max: 1, ttl_seconds: 10, heartbeat_seconds: 1 });
  });
  async function suspend(): Promise<void> {
    await clocked.suite.operate('PATCH', `/api/v1/licenses/${license.licenseId}`, { status: 'suspended' });
  }

  test('prints the reason and sends SIGTERM to the program', async () => {
    const { clock, ended, prints } = seatleaseHere(shell(UNTIL_SIGTERM));
    await prints('started');
    await suspend();
    await clock.advance(1_000);
    const { code, output } = await ended;
    expect([code, output]).toEqual([5, expect.stringContaining('the seat is lost (LICENSE_SUSPENDED)')]);
  });

  test('kills a program that ignores SIGTERM after the grace period', async () => {
    const { clock, ended, prints } = seatleaseHere(
      shell(`trap '' TERM; echo started; ${FOR_LONG}`, '--grace=0'),
    );
    await prints('started');
    await suspend();
    await clock.advance(1_000);
    expect((await ended).code).toBe(128 + 9);
  });
});

test('does not forward a signal that the terminal sends to the program itself', () => {
  const forwarded: NodeJS.Signals[] = [];
  for (const isOnTerminal of [true, false]) {
    const signals = new ForwardedSignals(isOnTerminal);
    signals.to((signal) => forwarded.push(signal));
    for (const signal of ['SIGINT', 'SIGHUP', 'SIGTERM'] as const) process.emit(signal, signal);
    signals.stop();
  }
  expect(forwarded).toEqual(['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGTERM']);
});
