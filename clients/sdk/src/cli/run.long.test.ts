import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { request as httpRequest, type IncomingMessage, type ServerResponse } from 'node:http';
import { connect, createServer, type Server } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type ClockedSuite, openClockedSuite } from '../../../../functions/testing/clocked-suite.ts';
import { isFree } from '../../../../functions/testing/is-free.ts';
import type { TestLicense } from '../../../../functions/testing/suite.ts';
import { Output, type Program, run, serve, serveNothing } from '../node/testing.ts';
import { nodeTransport } from '../node/transport.ts';
import type { Platform, Transport } from '../platform.ts';
import { sendByFetch } from '../testing/network.ts';
import { testPlatform } from '../testing/platform.ts';
import { work } from '../testing/work.ts';
import { main } from './main.ts';
import { ForwardedSignals } from './signals.ts';

const COMMAND = fileURLToPath(new URL('../../bin/seatlease.js', import.meta.url));
const SELF = { version: '1.2.3', file: COMMAND };

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
function seatlease(args: readonly string[], env?: NodeJS.ProcessEnv): Program {
  return run(process.execPath, [COMMAND, ...args], environment(env));
}

/** Soon: the guard has to notice, and to send the release. */
async function untilFree(): Promise<void> {
  for (const endMs = performance.now() + 5_000; !(await isFree(license)); await sleep(50))
    if (performance.now() > endMs) throw new Error('The seat is still taken after 5 s.');
}

/** The guard of a command, as soon as it runs. */
async function guardOf({ pid }: ChildProcess): Promise<number> {
  for (const endMs = performance.now() + 5_000; performance.now() < endMs; await sleep(50)) {
    const { stdout } = await promisify(execFile)('ps', ['-o', 'pid=,ppid=,args=', '-A']);
    const line = stdout.split('\n').find((each) => new RegExp(`^\\s*\\d+\\s+${pid}\\s.* guard$`).test(each));
    if (line) return Number.parseInt(line, 10);
  }
  throw new Error('There is no guard.');
}

async function argumentsOf(pid: number): Promise<string> {
  return (await promisify(execFile)('ps', ['-o', 'args=', '-p', String(pid)])).stdout.trim();
}

/** A port that nothing listens on, until a test opens it as another way to `origin`. */
async function portOf() {
  const { url, close } = await serve(() => {});
  close();
  return {
    url,
    async open(origin: string): Promise<Server> {
      const server = createServer((socket) => {
        const onward = connect(Number(new URL(origin).port), '127.0.0.1');
        socket.pipe(onward).pipe(socket);
      });
      server.listen(Number(new URL(url).port), '127.0.0.1');
      await once(server, 'listening');
      return server;
    },
  };
}

/** Sends a request on, and its answer back. */
function forward(
  { method, url = '', headers }: IncomingMessage,
  response: ServerResponse,
  origin: string,
  body: string,
): void {
  // The functions, which run in this process, hide the type of every body from their framework.
  const sent = httpRequest(
    new URL(url, origin),
    { method, headers: { ...headers, 'content-type': 'application/json' } },
    (answer) => {
      response.writeHead(answer.statusCode ?? 500, answer.headers);
      answer.pipe(response);
    },
  );
  sent.end(body);
}

/** Runs the command in this process, on a machine whose clock the test moves. */
function seatleaseHere(args: readonly string[], env: NodeJS.ProcessEnv = {}) {
  const { send } = nodeTransport();
  const transport: Transport = { send: (request, options) => work(send(request, options)) };
  const test = testPlatform(sendByFetch);
  const platform: Platform = { ...test, transport };
  const output = new Output();
  const closed: Promise<unknown>[] = [];
  const spawned: ChildProcess[] = [];
  const exit = main(args, environment(env), SELF, {
    platform,
    guard: { pid: undefined, start() {}, watch() {}, ended() {}, releaseBy() {} },
    print: (text) => output.add(text),
    printError: (text) => output.add(text),
    spawn(program, programArgs) {
      const child = spawn(program, programArgs, { stdio: ['ignore', 'pipe', 'pipe'] });
      child.stdout.on('data', (data) => output.add(data));
      child.stderr.on('data', (data) => output.add(data));
      // Without a process there is nothing to close.
      closed.push(once(child, 'close').catch(() => undefined));
      spawned.push(child);
      return child;
    },
  });
  const ended = exit.then(async (code) => {
    await Promise.all(closed);
    return { code, output: output.text };
  });
  return {
    clock: test.clock,
    ended,
    spawned,
    written: () => output.text,
    prints: (text: string) => output.contains(text, ended),
  };
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
    expect([code, output]).toEqual([
      127,
      'seatlease: cannot start /no/such/program: no such file or directory (ENOENT).\n',
    ]);
    expect(await isFree(license)).toBe(true);
  });

  test.each([
    ['EACCES', ['/etc/passwd']],
    ['ENOTDIR', ['/etc/passwd/program']],
    ['ENAMETOOLONG', [`/${'x'.repeat(300)}`]],
    ['E2BIG', ['echo', 'x'.repeat(140_000)]],
  ])('when starting the program fails with %s, and exits with 126', async (name, program) => {
    const { ended } = seatleaseHere(['run', '--', ...program]);
    const { code, output } = await ended;
    expect([code, output]).toEqual([
      126,
      expect.stringMatching(/^seatlease: cannot start \S+: [a-z ]+ \(\w+\)\.\n$/),
    ]);
    expect(output).toContain(`(${name})`);
  });

  test('when starting the program fails at once in a process of its own', async () => {
    const { ended } = seatlease(['run', '--', '/etc/passwd/program']);
    expect((await ended).code).toBe(126);
    expect(await isFree(license)).toBe(true);
  });
});

describe('when the command itself is killed', () => {
  test('its program gets SIGTERM, and the seat is free once the program has ended', async () => {
    const { child, ended, says } = seatlease(shell(UNTIL_SIGTERM));
    await says('started');
    expect(await isFree(license)).toBe(false);
    const said = new Output();
    child.stdout?.on('data', (data) => said.add(data));
    child.kill('SIGKILL');
    expect((await ended).signal).toBe('SIGKILL');
    await said.contains('got SIGTERM', new Promise(() => {}));
    await untilFree();
  });

  test('together with its program, the seat is free at once', async () => {
    const { child, ended, says } = seatlease(shell(UNTIL_SIGTERM));
    await says('started');
    process.kill(-Number(child.pid), 'SIGKILL');
    expect((await ended).signal).toBe('SIGKILL');
    await untilFree();
  });

  test('together with its guard, the seat is free once its lease has ended', async () => {
    const { child, ended, says } = seatlease(shell(UNTIL_SIGTERM));
    await says('started');
    const guard = await guardOf(child);
    // The guard is replaced after a second.
    process.kill(guard, 'SIGKILL');
    process.kill(-Number(child.pid), 'SIGKILL');
    expect((await ended).signal).toBe('SIGKILL');
    clocked.moveClock(359_000);
    expect(await isFree(license)).toBe(false);
    clocked.moveClock(2_000);
    expect(await isFree(license)).toBe(true);
  });

  test('no license key and no token is among the arguments of its guard', async () => {
    const { child, says } = seatlease(shell(UNTIL_SIGTERM));
    await says('started');
    const shown = await argumentsOf(await guardOf(child));
    expect(shown).toMatch(/seatlease\.js guard$/);
    child.kill('SIGTERM');
  });
});

describe('when the command is stopped for longer than its lease', () => {
  beforeEach(async () => {
    license = await clocked.suite.createLicense({ max: 1, ttl_seconds: 10, heartbeat_seconds: 2 });
  });
  async function stopForLong(command: Program): Promise<void> {
    await command.says('started');
    command.child.kill('SIGSTOP');
    clocked.moveClock(12_000);
    // The machine's clock is real.
    await sleep(12_000);
  }

  test('and the seat is still free, it acquires the seat again, and the program runs on', async () => {
    const command = seatlease(shell(UNTIL_SIGTERM));
    await stopForLong(command);
    command.child.kill('SIGCONT');
    await command.says('acquired again');
    expect(await isFree(license)).toBe(false);
    command.child.kill('SIGTERM');
    const { code, output } = await command.ended;
    expect([code, output]).toEqual([5, expect.not.stringContaining('lost')]);
  });

  test('and another machine has taken the seat, the program gets SIGTERM', async () => {
    const command = seatlease(shell(UNTIL_SIGTERM));
    await stopForLong(command);
    expect((await license.acquire('another machine')).status).toBe(201);
    command.child.kill('SIGCONT');
    const { code, output } = await command.ended;
    expect([code, output]).toEqual([5, expect.stringContaining('the seat is lost: ')]);
    expect(output).toContain('SEATS_EXHAUSTED');
  });
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

describe('--wait', () => {
  test('starts the program once a seat is released', async () => {
    const { body } = await license.acquire('another machine');
    const { clock, ended, prints } = seatleaseHere(shell('echo started', '--wait'));
    await prints('waiting for a seat');
    await license.release(body.session_id);
    await clock.advance(67_000);
    const { code, output } = await ended;
    expect([code, output]).toEqual([0, expect.stringContaining('started')]);
  });

  test.each(['--wait=20', '--wait 20'])('as in "%s" gives up after the given time', async (option) => {
    await license.acquire('another machine');
    const { clock, ended } = seatleaseHere(shell('echo started', ...option.split(' ')));
    const fromMs = clock.now().monotonicMs;
    const { code, output } = await clock.until(ended);
    expect([code, output]).toEqual([75, expect.not.stringContaining('started')]);
    expect(output).toContain('no seat: waited in vain: ');
    expect(clock.now().monotonicMs - fromMs).toBeGreaterThanOrEqual(20_000);
  });

  test('ends by a signal', async () => {
    await license.acquire('another machine');
    const { child, ended, says } = seatlease(shell('echo started', '--wait'));
    await says('waiting for a seat');
    child.kill('SIGTERM');
    expect(await ended).toMatchObject({ code: 128 + 15, output: expect.not.stringContaining('started') });
  });

  test('ends soon by a signal while the server hangs, and after the given time', async () => {
    const hung = await serveNothing();
    const env = { SEATLEASE_URL: hung.url };
    const stopped = seatlease(shell('echo started', '--wait'), env);
    while (hung.bodies.length === 0) await sleep(20);
    let fromMs = performance.now();
    stopped.child.kill('SIGTERM');
    expect((await stopped.ended).code).toBe(128 + 15);
    expect(performance.now() - fromMs).toBeLessThan(2_500);
    fromMs = performance.now();
    const { code, output } = await seatlease(shell('echo started', '--wait=2'), env).ended;
    expect([code, output]).toEqual([69, expect.stringContaining('waited in vain')]);
    expect(performance.now() - fromMs).toBeLessThan(5_000);
    hung.close();
  });

  test('releases a seat that is granted just after a signal', async () => {
    const door = await serve((request, response) => {
      const body = door.bodies.at(-1) ?? '';
      setTimeout(() => forward(request, response, clocked.suite.url, body), 500);
    });
    const { child, ended } = seatlease(shell('echo started', '--wait'), { SEATLEASE_URL: door.url });
    while (door.bodies.length === 0) await sleep(20);
    child.kill('SIGTERM');
    expect((await ended).code).toBe(128 + 15);
    door.close();
    expect(await isFree(license)).toBe(true);
  });

  test('outlasts a server that is not running at the first ask', async () => {
    const late = await portOf();
    const { child, ended, says } = seatlease(shell('echo started', '--wait=60'), { SEATLEASE_URL: late.url });
    await says(`waiting for a seat: No answer from ${late.url}: connection refused.`);
    const door = await late.open(clocked.suite.url);
    const { code, output } = await ended;
    door.close();
    expect([code, output]).toEqual([0, expect.stringContaining('started')]);
    expect(child.exitCode).toBe(0);
  });

  test('outlasts answers 429 and 503, and says what stands in the way at once and on each change', async () => {
    const answers = [503, 503, 429, 429, 0, 0];
    await license.acquire('another machine');
    const door = await serve((request, response) => {
      const status = answers.shift() ?? 0;
      if (status !== 0) response.writeHead(status).end('sorry');
      else forward(request, response, clocked.suite.url, door.bodies.at(-1) ?? '');
    });
    const { clock, ended, prints } = seatleaseHere(shell('echo started', '--wait', '--json'), {
      SEATLEASE_URL: door.url,
    });
    await clock.advance(1);
    await prints('waiting');
    for (let n = 0; n < 12; n += 1) await clock.advance(30_000);
    await prints('SEATS_EXHAUSTED');
    clocked.moveClock(361_000);
    const { code, output } = await clock.until(ended);
    door.close();
    const events = output
      .split('\n')
      .filter((line) => line.startsWith('{'))
      .map((line) => JSON.parse(line));
    expect(code).toBe(0);
    expect(events).toMatchObject([
      { event: 'waiting', code: 'NO_ANSWER', status: 503, retry_in_seconds: expect.any(Number) },
      { event: 'waiting', code: 'NO_ANSWER', status: 429 },
      { event: 'waiting', code: 'SEATS_EXHAUSTED', status: 409, request_id: expect.any(String) },
      { event: 'granted', license_id: license.licenseId, session_id: expect.any(String) },
    ]);
    expect(events[0].message).toContain(`${door.url}/api/v1/licenses/acquire answered HTTP 503`);
  });
});

describe('when the seat is lost, the command', () => {
  beforeEach(async () => {
    license = await clocked.suite.createLicense({ max: 1, ttl_seconds: 10, heartbeat_seconds: 1 });
  });
  const setStatus = (status: string) =>
    clocked.suite.operate('PATCH', `/api/v1/licenses/${license.licenseId}`, { status });

  test('prints the reason and sends SIGTERM to the program', async () => {
    const { clock, ended, prints } = seatleaseHere(shell(UNTIL_SIGTERM));
    await prints('started');
    await setStatus('suspended');
    await clock.advance(11_000);
    const { code, output } = await ended;
    expect([code, output]).toEqual([
      5,
      expect.stringMatching(/the seat is lost: The license is suspended\. \(HTTP 403 .*\) Sending SIGTERM/),
    ]);
  });

  test('kills a program that ignores SIGTERM after the grace period', async () => {
    const { clock, ended, prints } = seatleaseHere(
      shell(`trap '' TERM; echo started; ${FOR_LONG}`, '--grace=0'),
    );
    await prints('started');
    await setStatus('suspended');
    await clock.advance(11_000);
    expect((await ended).code).toBe(128 + 9);
  });

  test('and comes back before the program has ended, says so, and does not kill the program', async () => {
    const { clock, ended, prints, spawned, written } = seatleaseHere(
      shell(
        `trap 'echo got SIGTERM' TERM; echo started; for n in $(seq 300); do sleep 0.1; done`,
        '--grace=3',
      ),
    );
    await prints('started');
    await setStatus('suspended');
    await clock.advance(11_000);
    await prints('got SIGTERM');
    await setStatus('active');
    for (let seconds = 0; seconds < 300 && !written().includes('renews the seat'); seconds += 1) {
      clocked.moveClock(1_000);
      await clock.advance(1_000);
    }
    expect(written()).toContain('The program has already received SIGTERM, and gets no SIGKILL.');
    await sleep(3_500);
    expect(spawned[0]?.signalCode).toBe(null);
    spawned[0]?.kill('SIGKILL');
    expect((await ended).code).toBe(128 + 9);
  });
});

test('forwards signals, but not those that the terminal sends to the program itself', () => {
  const forwarded: NodeJS.Signals[] = [];
  for (const isOnTerminal of [true, false]) {
    const signals = new ForwardedSignals(isOnTerminal);
    signals.to((signal) => forwarded.push(signal));
    for (const signal of ['SIGINT', 'SIGHUP', 'SIGTERM'] as const) process.emit(signal, signal);
    signals.stop();
  }
  expect(forwarded).toEqual(['SIGHUP', 'SIGTERM', 'SIGINT', 'SIGHUP', 'SIGTERM']);
});
