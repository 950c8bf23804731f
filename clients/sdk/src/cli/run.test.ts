import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type ClockedSuite, openClockedSuite } from '../../../../functions/testing/clocked-suite.ts';
import { isFree } from '../../../../functions/testing/is-free.ts';
import type { TestLicense } from '../../../../functions/testing/suite.ts';
import { type Program, run, serve } from '../node/testing.ts';
import { ForwardedSignals } from './signals.ts';

const COMMAND = fileURLToPath(new URL('../../bin/seatlease.js', import.meta.url));

let clocked: ClockedSuite;
let license: TestLicense;
beforeAll(async () => {
  clocked = await openClockedSuite();
});
afterAll(() => clocked.close());
/** Of one seat. */
beforeEach(async () => {
  license = await clocked.suite.createLicense({ max: 1 });
});

function seatlease(args: readonly string[], env: NodeJS.ProcessEnv = {}): Program {
  const { url } = clocked.suite;
  const given = { SEATLEASE_URL: url, SEATLEASE_LICENSE_KEY: license.key, ...env };
  return run(process.execPath, [COMMAND, ...args], given);
}
const shell = (script: string, ...options: string[]) =>
  seatlease(['run', ...options, '--', 'sh', '-c', script]);
/** Without waking up all the time, and gone by itself should nobody end it. */
const FOR_LONG = 'sleep 30 >&- 2>&- & wait $!';
const STAYS = `trap 'echo told to end; exit 5' TERM; echo started; ${FOR_LONG}`;

describe('a seat is held while the program runs, and is back right after', () => {
  test('it has ended, with its exit code', async () => {
    const { ended, says } = shell('echo started; exit 7');
    await says('started');
    expect((await ended).code).toBe(7);
    expect(await isFree(license)).toBe(true);
  });

  test('it was told to end by a signal, which is handed on', async () => {
    const { child, ended, says } = shell(STAYS);
    await says('started');
    expect(await isFree(license)).toBe(false);
    child.kill('SIGTERM');
    const { code, output } = await ended;
    expect([code, output]).toEqual([5, expect.stringContaining('told to end')]);
    expect(await isFree(license)).toBe(true);
  });

  test('a signal has ended it, whose number the exit code tells', async () => {
    const { ended } = shell('kill -KILL $$');
    expect((await ended).code).toBe(128 + 9);
    expect(await isFree(license)).toBe(true);
  });

  test('it could not be started', async () => {
    const { code, output } = await seatlease(['run', '--', '/no/such/program']).ended;
    expect([code, output]).toEqual([127, expect.stringContaining('/no/such/program cannot be started')]);
    expect(await isFree(license)).toBe(true);
  });
});

test('the seat of a command that was killed is free once its lease has ended', async () => {
  const { child, ended, says } = shell(STAYS);
  await says('started');
  // Its program goes with it, as where a machine loses its power.
  process.kill(-Number(child.pid), 'SIGKILL');
  expect((await ended).signal).toBe('SIGKILL');
  clocked.moveClock(359_000);
  expect(await isFree(license)).toBe(false);
  clocked.moveClock(2_000);
  expect(await isFree(license)).toBe(true);
});

describe('a program without a seat is not started:', () => {
  test('where all are taken, which says how many, and to try again later', async () => {
    await license.acquire('another machine');
    const { code, output } = await shell('echo started').ended;
    expect(code).toBe(75);
    expect(output).toMatch(
      /^seatlease: no seat: .* 1 of 1 are taken\. One comes free in \d+ s at the latest\. \(SEATS_EXHAUSTED, request /,
    );
    expect(output).not.toContain('started');
  });

  test('where the license is unknown or suspended', async () => {
    await clocked.suite.operate('PATCH', `/api/v1/licenses/${license.licenseId}`, { status: 'suspended' });
    const { code, output } = await shell('echo started').ended;
    expect([code, output]).toEqual([77, expect.stringContaining('(LICENSE_SUSPENDED, request ')]);
    const unknown = await seatlease(['run', '--', 'echo', 'started'], { SEATLEASE_LICENSE_KEY: 'guessed' })
      .ended;
    expect([unknown.code, unknown.output]).toEqual([77, expect.stringContaining('(CREDENTIALS_INVALID')]);
  });

  test('where the server cannot serve', async () => {
    const broken = await serve((_request, response) => response.writeHead(500).end());
    const { code, output } = await seatlease(['run', '--', 'echo', 'started'], { SEATLEASE_URL: broken.url })
      .ended;
    broken.close();
    expect([code, output]).toEqual([69, expect.stringContaining('(NO_ANSWER)')]);
  });

  test('where it was called wrongly', async () => {
    const calls = [
      await seatlease(['run', 'echo', 'started']).ended,
      await seatlease(['run', '--', 'echo', 'started'], { SEATLEASE_URL: 'licenses.example.com' }).ended,
    ];
    expect(calls.map(({ code }) => code)).toEqual([64, 64]);
    expect(calls.map(({ output }) => output).join()).not.toContain('started');
  });
});

describe('where all seats are taken, --wait', () => {
  test('waits for one', async () => {
    const { body } = await license.acquire('another machine');
    // Soon: whoever waits asks again when the server says, or after a minute.
    clocked.moveClock(358_000);
    const { ended, says } = shell('echo started', '--wait');
    await says('waits for a seat');
    await license.release(body.session_id);
    const { code, output } = await ended;
    expect([code, output]).toEqual([0, expect.stringContaining('started')]);
  });

  test('gives up when it was told to', async () => {
    await license.acquire('another machine');
    const { code, output } = await shell('echo started', '--wait=0').ended;
    expect([code, output]).toEqual([75, expect.not.stringContaining('started')]);
  });

  test('ends by a signal', async () => {
    await license.acquire('another machine');
    const { child, ended, says } = shell('echo started', '--wait');
    await says('waits for a seat');
    child.kill('SIGTERM');
    expect(await ended).toMatchObject({ code: 128 + 15, output: expect.not.stringContaining('started') });
  });
});

describe('when the seat is lost, the program', () => {
  /** A license whose seats are asked after every second. */
  beforeEach(async () => {
    license = await clocked.suite.createLicense({ max: 1, ttl_seconds: 10, heartbeat_seconds: 1 });
  });
  async function suspend(): Promise<void> {
    await clocked.suite.operate('PATCH', `/api/v1/licenses/${license.licenseId}`, { status: 'suspended' });
  }

  test('is told to end, and the reason is told', async () => {
    const { ended, says } = shell(STAYS);
    await says('started');
    await suspend();
    const { code, output } = await ended;
    expect([code, output]).toEqual([5, expect.stringContaining('the seat is lost (LICENSE_SUSPENDED)')]);
  });

  test('is ended where it does not', async () => {
    const { ended, says } = shell(`trap '' TERM; echo started; ${FOR_LONG}`, '--grace=0');
    await says('started');
    await suspend();
    expect((await ended).code).toBe(128 + 9);
  });
});

test('what a terminal has sent to the program already is not sent once more', () => {
  const heard: NodeJS.Signals[] = [];
  for (const isOnTerminal of [true, false]) {
    const signals = new ForwardedSignals(isOnTerminal);
    signals.to((signal) => heard.push(signal));
    for (const signal of ['SIGINT', 'SIGHUP', 'SIGTERM'] as const) process.emit(signal, signal);
    signals.stop();
  }
  expect(heard).toEqual(['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGTERM']);
});
