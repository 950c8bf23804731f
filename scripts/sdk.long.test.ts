import { spawnSync } from 'node:child_process';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import * as z from 'zod/mini';
import { signIn } from '../clients/sdk/src/node/sign-in.ts';
import { run as start } from '../clients/sdk/src/node/testing.ts';
import { codeBlocksOf } from './checks/markdown.ts';
import { type Demo, seedDemo } from './dev/demo-license.ts';
import { type LocalServer, startLocalServer } from './dev/server.ts';

const Packed = z.array(z.object({ filename: z.string(), files: z.array(z.object({ path: z.string() })) }));

/** Our Node and the one installed on the machine, which is often older: the package supports Node 20 and newer. */
const NODES = [process.execPath, '/usr/bin/node', '/usr/local/bin/node'].filter((node) => existsSync(node));

let folder: string;
let packed: z.infer<typeof Packed>;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'seatlease-package-'));
  packed = z.parse(
    Packed,
    JSON.parse(
      run('npm', ['pack', '--json', '--workspace', 'clients/sdk', '--pack-destination', folder], '.'),
    ),
  );
  await write('package.json', { name: 'app', private: true, type: 'module' });
  // The package has no dependencies, so npm can install it without a network.
  run('npm', ['install', '--offline', '--no-audit', '--no-fund', `./${packed[0]?.filename}`]);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

function run(command: string, args: readonly string[], cwd = folder): string {
  const { status, stdout, stderr, error } = spawnSync(command, args, { cwd, encoding: 'utf8' });
  expect({ command, args, status, output: status === 0 ? '' : stdout + stderr + error }).toMatchObject({
    status: 0,
  });
  return stdout;
}

async function write(file: string, content: unknown, mode = 0o644): Promise<void> {
  const text = typeof content === 'string' ? content : JSON.stringify(content);
  await mkdir(dirname(join(folder, file)), { recursive: true });
  await writeFile(join(folder, file), text, { mode });
}

const SDK = resolve('clients/sdk');

test('the package contains exactly the built sources, the guide, the license and the command', () => {
  const built = globSync('**/*.ts', { cwd: join(SDK, 'src') })
    .filter((file) => !/(\.test|testing)\.ts$|\btesting\//.test(file))
    .flatMap((file) => [`dist/${file.slice(0, -3)}.js`, `dist/${file.slice(0, -3)}.d.ts`]);
  expect(built).toContain('dist/node.js');
  expect(packed.flatMap(({ files }) => files.map(({ path }) => path)).toSorted()).toEqual(
    [...built, 'LICENSE', 'README.md', 'bin/seatlease.js', 'package.json'].toSorted(),
  );
});

test('the package has no dependencies', async () => {
  const { dependencies, peerDependencies, optionalDependencies } = JSON.parse(
    await readFile(join(folder, 'node_modules/seatlease/package.json'), 'utf8'),
  );
  expect([dependencies, peerDependencies, optionalDependencies]).toEqual([undefined, undefined, undefined]);
});

test.each(NODES)('programs can import the package and run its command on %s', async (node) => {
  await write(
    'app.js',
    `import { Seatlease, SeatleaseError, signIn } from 'seatlease';
    const seatlease = new Seatlease({ url: 'http://127.0.0.1:9', licenseKey: 'key' });
    console.log(typeof seatlease.acquire, typeof SeatleaseError, typeof signIn);`,
  );
  expect(run(node, ['app.js'])).toBe('function function function\n');
  expect(run(node, ['node_modules/.bin/seatlease', '--version'])).toMatch(/^\d+\.\d+\.\d+\n$/);
});

test('the types compile in strict mode, with both ways of module resolution', async () => {
  await write(
    'app.ts',
    `import { type Seat, Seatlease, SeatleaseError } from 'seatlease';
    const seatlease = new Seatlease({ url: 'https://licenses.example.com', licenseKey: 'key' });
    export async function work(): Promise<string | undefined> {
      try {
        await using seat: Seat = await seatlease.acquire({ wait: { atMostSeconds: 60 } });
        seat.on('lost', ({ reason }) => reason.toUpperCase());
        return seat.mayRun ? seat.sessionId : undefined;
      } catch (error) {
        if (error instanceof SeatleaseError && error.code === 'SEATS_EXHAUSTED') return undefined;
        throw error;
      }
    }
    // @ts-expect-error There is no such option.
    new Seatlease({ url: 'https://licenses.example.com', licence: 'key' });`,
  );
  const tsc = resolve('node_modules/typescript/bin/tsc');
  const common = [
    '--noEmit',
    '--strict',
    '--target',
    'es2022',
    '--lib',
    'es2022,esnext.disposable,dom',
    'app.ts',
  ];
  const types = ['--types', 'node', '--typeRoots', resolve('node_modules/@types')];
  for (const resolution of [
    ['--module', 'nodenext', ...types],
    ['--module', 'esnext', '--moduleResolution', 'bundler', ...types],
  ])
    run(process.execPath, [tsc, ...resolution, ...common]);
});

/** A browser that signs in as Ada on the local sign-in page and follows the redirect to the program. */
const BROWSER = `#!/bin/sh
cookies=$(mktemp)
provider=$(curl -s -c "$cookies" -o /dev/null -w '%{redirect_url}' "$1")
curl -s -L -b "$cookies" -c "$cookies" -o /dev/null "$provider&login_hint=ada@example.com"
rm "$cookies"
`;

/** An Electron app that quits as soon as a listener for quitting is added. Only that listener can release the seat in time. */
const ELECTRON = `
import { EventEmitter } from 'node:events';
class App extends EventEmitter {
  quit() {
    let isPrevented = false;
    this.emit('will-quit', { preventDefault: () => (isPrevented = true) });
    if (!isPrevented) process.exit(0);
  }
}
export const app = new App();
app.once('newListener', () => setImmediate(() => app.quit()));
`;

describe('the code blocks in the guides work unchanged', () => {
  const ofReadme = codeBlocksOf(readFileSync('README.md', 'utf8')).filter(
    ({ language }) => language === 'js',
  );
  const blocks = [...codeBlocksOf(readFileSync(join(SDK, 'README.md'), 'utf8')), ...ofReadme];
  /** Not run below: `beforeAll` installs the package. */
  const SET_UP = 'npm install seatlease';

  let server: LocalServer;
  let demo: Demo;
  let env: Record<string, string>;
  beforeAll(async () => {
    server = await startLocalServer({ SEATLEASE_DATA: join(folder, 'server'), PORT: '0' }, () => {});
    demo = await seedDemo(server);
    for (const name of ['open', 'xdg-open']) await write(`bin/${name}`, BROWSER, 0o755);
    await write('bin/my-program', '#!/bin/sh\necho "my program: $*"\n', 0o755);
    await write('node_modules/electron/package.json', {
      name: 'electron',
      type: 'module',
      exports: './index.js',
    });
    await write('node_modules/electron/index.js', ELECTRON);
    env = {
      PATH: `${join(folder, 'bin')}:${process.env.PATH}`,
      XDG_STATE_HOME: join(folder, 'state'),
      SEATLEASE_URL: demo.url,
      SEATLEASE_LICENSE_KEY: demo.license_key,
      LICENSE_ID: await licenseOfAda(),
    };
  });
  afterAll(() => server.close());

  async function operate(method: string, path: string, body?: unknown): Promise<unknown> {
    const response = await fetch(demo.url + path, {
      method,
      headers: { authorization: `Operator ${demo.operator_key}`, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    expect(response.ok, path).toBe(true);
    return response.json();
  }

  /** A license of the tenant that Ada's first sign-in creates. */
  async function licenseOfAda(): Promise<string> {
    const ada = await signIn({
      url: demo.url,
      // `run` would block this process, in which the server runs.
      open: (address) => start(join(folder, 'bin/open'), [address]).ended,
      remember: false,
    });
    const created = await operate('POST', '/api/v1/licenses', {
      tenant_id: ada.tenants[0]?.tenantId,
      max: 1,
      unit: 'user',
    });
    return z.parse(z.object({ license_id: z.string() }), created).license_id;
  }

  test('this test can run every block', () => {
    expect(ofReadme).toHaveLength(1);
    expect(blocks.map(({ code }) => code)).toContain(SET_UP);
    expect(blocks.filter(({ language }) => language !== 'js' && language !== 'sh')).toEqual([]);
    expect(blocks.filter(({ language }) => language === 'js').length).toBeGreaterThanOrEqual(8);
  });

  test.each(blocks.filter(({ code }) => code !== SET_UP))('$code', async ({ language, code }) => {
    await write('block.js', code);
    const [command, args] = language === 'js' ? [process.execPath, ['block.js']] : ['bash', ['-euc', code]];
    const { code: status, output } = await start(command, args, env, folder).ended;
    expect(status, output).toBe(0);
    expect(output).not.toMatch(/no seat|refused|Warning|Error|^$/);
    const { sessions } = z.parse(
      z.object({ sessions: z.array(z.unknown()) }),
      await operate('GET', `/api/v1/sessions?license_id=${demo.license_id}`),
    );
    expect(sessions).toEqual([]);
  });
});
