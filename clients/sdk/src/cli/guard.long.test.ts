import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Program, runModule, serve, type TestServer, temporaryFolder } from '../node/testing.ts';
import { identifyProcess, isRunning, type ProcessId } from './same-process.ts';

const BIN = fileURLToPath(new URL('../../bin/seatlease.js', import.meta.url));
const GUARD = pathToFileURL(fileURLToPath(new URL('guard.ts', import.meta.url))).href;

let place: { folder: string; remove(): Promise<void> };
let server: TestServer;
beforeEach(async () => {
  place = await temporaryFolder();
  server = await serve((_request, response) => response.writeHead(204).end());
});
afterEach(async () => {
  server.close();
  await place.remove();
});

const fileOf = (name: string): string => join(place.folder, name);
const RELEASED = 'released the seat';

interface Command extends Program {
  readonly program: ProcessId;
  readonly guard: ProcessId;
}

/** A process that has a guard and runs `sh -c script` as its program. Returns once the program has printed "started". */
async function command(script: string, { graceSeconds = 10, isWatched = true } = {}): Promise<Command> {
  const pidsOf = fileOf('pids');
  const running = runModule(`
    import { spawn } from 'node:child_process';
    import { renameSync, writeFileSync } from 'node:fs';
    import { Guard } from ${JSON.stringify(GUARD)};
    const guard = new Guard({
      self: ${JSON.stringify(BIN)}, graceSeconds: ${graceSeconds}, asJson: false, report: console.log,
    });
    guard.start();
    const child = spawn('sh', ['-c', ${JSON.stringify(script)}], { stdio: ['ignore', 'inherit', 'inherit'] });
    if (${isWatched}) guard.watch(child.pid);
    guard.releaseBy({ method: 'POST', url: '${server.url}/release', headers: {}, body: '${RELEASED}' });
    let before;
    setInterval(() => {
      if (guard.pid === before || guard.pid === undefined) return;
      before = guard.pid;
      writeFileSync('${pidsOf}.new', JSON.stringify({ program: child.pid, guard: guard.pid }));
      renameSync('${pidsOf}.new', '${pidsOf}');
    }, 20).unref();
    child.on('exit', () => { guard.ended(); guard.releaseBy(undefined); });
  `);
  await running.says('started');
  const { program, guard } = await pids();
  return { ...running, program: identifyProcess(program), guard: identifyProcess(guard) };
}

/** As soon as the guard is another one than `before`. */
async function pids(before?: number): Promise<{ program: number; guard: number }> {
  for (const endMs = Date.now() + 10_000; Date.now() < endMs; await sleep(20)) {
    const found = existsSync(fileOf('pids')) ? JSON.parse(readFileSync(fileOf('pids'), 'utf8')) : undefined;
    if (found && found.guard !== before) return found;
  }
  throw new Error('no guard was started');
}

async function untilEnded(...processes: readonly ProcessId[]): Promise<void> {
  for (const endMs = Date.now() + 10_000; processes.some(isRunning); await sleep(20))
    if (Date.now() > endMs) throw new Error('still running');
}

/** Waits without polling, and ends by itself if a test leaves it behind. */
const FOR_LONG = 'sleep 30 >&- 2>&- & wait $!';
const noteSigterm = (then = ''): string =>
  `trap '${then} echo yes > ${fileOf('sigterm')}; exit 5' TERM; echo started; ${FOR_LONG}`;
const gotSigterm = (): boolean => existsSync(fileOf('sigterm'));

describe('when the command is killed, the guard', () => {
  test('sends SIGTERM to the program at once, releases the seat once the program has ended, and ends', async () => {
    const { child, program, guard } = await command(noteSigterm('sleep 1;'));
    const said = once(child.stderr ?? child, 'data');
    child.kill('SIGKILL');
    expect(String(await said)).toBe('seatlease: the command was killed; sending SIGTERM to its program.\n');
    await sleep(500);
    expect([isRunning(program), server.bodies]).toEqual([true, []]);
    await untilEnded(program, guard);
    expect([gotSigterm(), server.bodies]).toEqual([true, [RELEASED]]);
  });

  test('kills a program that ignores SIGTERM after the grace period', async () => {
    const { child, program, guard } = await command(`trap '' TERM; echo started; ${FOR_LONG}`, {
      graceSeconds: 1,
    });
    child.kill('SIGKILL');
    await sleep(700);
    expect(isRunning(program)).toBe(true);
    await untilEnded(program, guard);
    expect(server.bodies).toEqual([RELEASED]);
  });

  test('ends a program that is stopped', async () => {
    const { child, program, guard } = await command(noteSigterm());
    process.kill(program.pid, 'SIGSTOP');
    child.kill('SIGKILL');
    await untilEnded(program, guard);
    expect(gotSigterm()).toBe(true);
  });

  test('still runs if the whole process group is killed, releases the seat, and ends', async () => {
    const { child, program, guard } = await command(noteSigterm());
    process.kill(-Number(child.pid), 'SIGKILL');
    await untilEnded(program, guard);
    expect([gotSigterm(), server.bodies]).toEqual([false, [RELEASED]]);
  });

  test('retries a release that fails, and ends soon if none succeeds', async () => {
    server.close();
    let failures = 0;
    server = await serve((_request, response) => {
      failures += 1;
      response.writeHead(503).end();
    });
    const { child, guard } = await command(noteSigterm());
    process.kill(-Number(child.pid), 'SIGKILL');
    await untilEnded(guard);
    expect(failures).toBeGreaterThan(2);
  });

  test('does its work also after it was killed itself and replaced', async () => {
    const { child, program, guard } = await command(noteSigterm());
    process.kill(guard.pid, 'SIGKILL');
    const second = identifyProcess((await pids(guard.pid)).guard);
    child.kill('SIGKILL');
    await untilEnded(program, second);
    expect([gotSigterm(), server.bodies]).toEqual([true, [RELEASED]]);
  });

  test('does its work also after signals that end all processes of a service or a terminal', async () => {
    const { child, program, guard } = await command(noteSigterm());
    // Until its handlers are there.
    await sleep(500);
    for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.kill(guard.pid, signal);
    await sleep(200);
    expect([isRunning(guard), isRunning(program)]).toEqual([true, true]);
    child.kill('SIGKILL');
    await untilEnded(program, guard);
    expect(gotSigterm()).toBe(true);
  });
});

describe('the guard does nothing', () => {
  test('when the program has ended and the seat is released, and ends with the command', async () => {
    const { ended, guard } = await command('echo started; sleep 0.5');
    expect((await ended).code).toBe(0);
    await untilEnded(guard);
    expect(server.bodies).toEqual([]);
  });

  test('while the command is stopped', async () => {
    const { child, ended, program, guard } = await command(noteSigterm());
    child.kill('SIGSTOP');
    await sleep(1_500);
    expect([isRunning(program), isRunning(guard), gotSigterm()]).toEqual([true, true, false]);
    child.kill('SIGCONT');
    process.kill(program.pid, 'SIGTERM');
    expect((await ended).code).toBe(0);
    await untilEnded(guard);
    expect(server.bodies).toEqual([]);
  });

  test('to another process that has got the id of the program', async () => {
    const bystander = spawn('sleep', ['30'], { stdio: 'ignore' });
    const { pid } = identifyProcess(Number(bystander.pid));
    const program = { pid, startedAt: 'another time', graceSeconds: 0 };
    const guard = spawn(process.execPath, [BIN, 'guard'], { stdio: ['pipe', 'ignore', 'inherit'] });
    const release = { method: 'POST', url: server.url, headers: {}, body: RELEASED };
    // The last line is cut: the command was killed while it wrote.
    guard.stdin.end(`${JSON.stringify({ program, release })}\n{"program":{"pid":${process.pid},`);
    expect(await once(guard, 'exit')).toEqual([0, null]);
    expect([bystander.exitCode, bystander.signalCode, server.bodies]).toEqual([null, null, [RELEASED]]);
    bystander.kill();
    expect(await once(bystander, 'exit')).toEqual([null, 'SIGTERM']);
  });
});

test('a program that has ended does not count as running while its parent has not noticed', async () => {
  // The shell replaces itself with `sleep`, which never waits for its child.
  const parent = spawn('sh', ['-c', 'sleep 0.1 & echo $!; exec sleep 30'], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const child = identifyProcess(Number(String((await once(parent.stdout, 'data'))[0])));
  await untilEnded(child);
  expect(() => process.kill(child.pid, 0)).not.toThrow();
  parent.kill();
});
