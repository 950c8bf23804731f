import { spawnSync } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { run, runModule, serve, serveNothing, type TestServer, temporaryFolder } from './testing.ts';

let server: TestServer;
let hung: TestServer;
let folder: { folder: string; remove(): Promise<void> };
beforeAll(async () => {
  server = await serve((_request, response) => response.writeHead(204).end());
  hung = await serveNothing();
  folder = await temporaryFolder();
});
afterAll(async () => {
  server.close();
  hung.close();
  await folder.remove();
});

const PLATFORM = new URL('./platform.ts', import.meta.url).href;

/** A program with a release called `name`, which then runs `rest`. */
const program = (name: string, rest: string, url = server.url) => runModule(codeOf(name, rest, url));

function codeOf(name: string, rest: string, url = server.url): string {
  return `
    import { nodePlatform } from '${PLATFORM}';
    const options = { stateFolder: '${folder.folder}' };
    const hold = ({ transport, atExit }, name) => {
      const request = (how) => ({ method: 'POST', url: '${url}', headers: {}, body: name + ' ' + how });
      let isDone = false;
      return atExit({
        async inTime() {
          await transport.send(request('in time'), { timeoutMs: 60_000, background: false });
          isDone = true;
        },
        afterwards: () => (isDone ? undefined : request('afterwards')),
      });
    };
    const unregister = hold(nodePlatform(options), '${name}');
    const staying = () => setInterval(() => {}, 1_000);
    ${rest}
    console.log('ready');
    `;
}

/** Runs a command in a process namespace of its own, as its PID 1. Not every system allows it. */
const AS_PID_1 = ['--pid', '--fork', '--mount-proc', '--kill-child'];
const canUnshare = spawnSync('unshare', [...AS_PID_1, 'true']).status === 0;

/** Releases by one program. On a slow machine, a release in time is sent again afterwards. */
const releasesOf = (name: string, bodies = server.bodies): string[] =>
  bodies.filter((body) => body.includes(`${name} `)).map((body) => body.slice(body.indexOf(`${name} `)));
const ONCE = { timeout: 10_000, interval: 20 };

describe.concurrent('a program releases in time and ends as it would without the SDK', () => {
  test('when its event loop is empty', async () => {
    const { code } = await program('natural', 'process.exitCode = 7;').ended;
    expect({ code, first: releasesOf('natural')[0] }).toEqual({ code: 7, first: 'natural in time' });
  });

  test.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)('when it gets %s', async (name) => {
    const { child, ended, says } = program(name, 'staying();');
    await says('ready');
    child.kill(name);
    const { signal } = await ended;
    expect({ signal, first: releasesOf(name)[0] }).toEqual({ signal: name, first: `${name} in time` });
  });

  test.skipIf(!canUnshare).each([
    ['SIGTERM', 143],
    ['SIGINT', 130],
    ['SIGHUP', 129],
  ] as const)('as PID 1, for which %s has no default effect, with exit code %i', async (name, code) => {
    const kill = `staying(); setTimeout(() => process.kill(process.pid, '${name}'), 100);`;
    const args = [...AS_PID_1, process.execPath, '--input-type=module', '-e', codeOf(`pid 1 ${name}`, kill)];
    expect(await run('unshare', args).ended).toMatchObject({ code, signal: null });
    expect(releasesOf(`pid 1 ${name}`)).toEqual([`pid 1 ${name} in time`]);
  });

  test('when a library yields to other signal listeners, as signal-exit does', async () => {
    const polite = `
      process.__signal_exit_emitter__ = { count: 1 };
      const end = () => {
        if (process.listeners('SIGTERM').length > 1) return;
        console.log('the library had its turn');
        process.off('SIGTERM', end);
        process.kill(process.pid, 'SIGTERM');
      };
      process.on('SIGTERM', end);
      staying();`;
    const { child, ended, says } = program('polite', polite);
    await says('ready');
    child.kill('SIGTERM');
    const { signal, output } = await ended;
    expect(signal).toBe('SIGTERM');
    expect(output).toContain('the library had its turn');
    expect(releasesOf('polite')[0]).toBe('polite in time');
  });

  test('when it contains two copies of the package', async () => {
    const second = `
      const { exitHook } = await import('${new URL('./exit.ts', import.meta.url).href}?copy');
      const { transport } = nodePlatform(options);
      hold({ transport, atExit: exitHook({ stopWaiting() {} }) }, 'second copy');
      staying();`;
    const { child, ended, says } = program('first copy', second);
    await says('ready');
    child.kill('SIGTERM');
    expect((await ended).signal).toBe('SIGTERM');
    expect([releasesOf('first copy')[0], releasesOf('second copy')[0]]).toEqual([
      'first copy in time',
      'second copy in time',
    ]);
  });
});

describe.concurrent('a separate process releases at once when the program ends by', () => {
  test.each([
    ['process.exit', 'process.exit(3);', 3],
    ['an uncaught exception', "throw new Error('a bug');", 1],
    ['an unhandled rejection', "await Promise.reject(new Error('a bug'));", 1],
    ['its own signal handler', "process.on('SIGTERM', () => process.exit(4)); staying();", 4],
  ])('%s', async (name, rest, status) => {
    const { child, ended, says } = program(name, rest);
    if (status === 4) {
      await says('ready');
      child.kill('SIGTERM');
    }
    expect((await ended).code).toBe(status);
    await vi.waitFor(() => expect(releasesOf(name)).toEqual([`${name} afterwards`]), ONCE);
  });
});

test.skipIf(!canUnshare)(
  'PID 1 releases before process.exit ends all processes of its container',
  async () => {
    const code = codeOf('pid 1 exit', 'process.exit(3);');
    const args = [...AS_PID_1, process.execPath, '--input-type=module', '-e', code];
    expect(await run('unshare', args).ended).toMatchObject({ code: 3 });
    expect(releasesOf('pid 1 exit')).toEqual(['pid 1 exit afterwards']);
  },
);

describe.concurrent('a program ends although the server hangs', () => {
  test('when its event loop is empty', async () => {
    const { code, signal } = await program('hung natural', '', hung.url).ended;
    expect({ code, signal }).toEqual({ code: 0, signal: null });
    // Sent in time, and then again by the separate process.
    await vi.waitFor(
      () =>
        expect(releasesOf('hung natural', hung.bodies)).toEqual([
          'hung natural in time',
          'hung natural afterwards',
        ]),
      ONCE,
    );
  });

  test('when it gets a signal', async () => {
    const { child, ended, says } = program('hung signal', 'staying();', hung.url);
    await says('ready');
    child.kill('SIGINT');
    expect((await ended).signal).toBe('SIGINT');
    expect(releasesOf('hung signal', hung.bodies)[0]).toBe('hung signal in time');
  });
});

describe.concurrent('the host program keeps control of its signals:', () => {
  test('a signal that the program handles neither ends the program nor releases its seat', async () => {
    const handled = "process.on('SIGHUP', () => console.log('reloaded')); staying();";
    const { child, ended, says } = program('own listener', handled);
    await says('ready');
    child.kill('SIGHUP');
    await says('reloaded');
    expect(releasesOf('own listener')).toEqual([]);
    child.kill('SIGTERM');
    expect((await ended).signal).toBe('SIGTERM');
    expect(releasesOf('own listener')[0]).toBe('own listener in time');
  });

  test('no listeners remain after the last release', async () => {
    const count = `
      const listening = () => ['SIGINT', 'SIGTERM', 'SIGHUP', 'exit', 'beforeExit'].map((name) => process.listenerCount(name)).join();
      const held = listening();
      unregister();
      console.log(held, 'then', listening());`;
    const { output } = await program('let go', count).ended;
    expect(output).toContain('1,1,1,1,1 then 0,0,0,0,0');
    expect(releasesOf('let go')).toEqual([]);
  });
});
