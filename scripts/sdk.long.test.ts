import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { type BuildOptions, build } from 'esbuild';
import { build as buildByVite } from 'vite';
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

/** Every file that an entry of the package names. */
const entriesOf = (value: unknown): string[] =>
  typeof value === 'string'
    ? [value]
    : value === null
      ? []
      : Object.values(value as object).flatMap(entriesOf);

test('the package contains its entries, the guide, the license and the command, and no tests', async () => {
  const { bin, exports, main, types } = await readPackage();
  const paths = packed.flatMap(({ files }) => files.map(({ path }) => path));
  for (const entry of entriesOf({ bin, exports, main, types }))
    expect(paths).toContain(entry.replace(/^\.\//, ''));
  const others = paths.filter((path) => !/^dist\/(browser|node)\/.*\.(js|d\.ts)$/.test(path));
  expect(others.toSorted()).toEqual([
    'LICENSE',
    'README.md',
    'bin/seatlease.js',
    'dist/node/package.json',
    'package.json',
  ]);
  expect(paths.filter((path) => /test/.test(path))).toEqual([]);
});

async function readPackage(): Promise<Record<string, unknown>> {
  return JSON.parse(await readFile(join(folder, 'node_modules/seatlease/package.json'), 'utf8'));
}

test('the package has no dependencies', async () => {
  const { dependencies, peerDependencies, optionalDependencies } = await readPackage();
  expect([dependencies, peerDependencies, optionalDependencies]).toEqual([undefined, undefined, undefined]);
});

describe.each(NODES)('on %s', (node) => {
  test('programs can import and require the package, and get the same classes', async () => {
    const print = `console.log(typeof Seatlease, typeof SeatleaseError, typeof signIn, typeof nodePlatform);`;
    const names = `{ Seatlease, SeatleaseError }`;
    const ofNode = `{ nodePlatform, signIn }`;
    await write(
      'app.js',
      `import { createRequire } from 'node:module';
      import ${names} from 'seatlease';
      import ${ofNode} from 'seatlease/node';
      ${print}
      const required = createRequire(import.meta.url)('seatlease');
      console.log(required.Seatlease === Seatlease, Object.keys(required).join());`,
    );
    await write(
      'app.cjs',
      `const ${names} = require('seatlease');
      const ${ofNode} = require('seatlease/node');
      ${print}
      try { new Seatlease({ url: 'foo' }); } catch (error) { console.log(error instanceof SeatleaseError, error.message); }`,
    );
    const functions = 'function function function function\n';
    expect(run(node, ['app.js'])).toBe(`${functions}true Seatlease,SeatleaseError\n`);
    const flag = '--no-experimental-require-module';
    const knowsFlag = run(node, ['-p', `process.allowedNodeEnvironmentFlags.has('${flag}')`]) === 'true\n';
    // Like Node before 20.19 and 22.12, which cannot require ES modules.
    expect(run(node, [...(knowsFlag ? [flag] : []), 'app.cjs'])).toMatch(
      new RegExp(`^${functions}true url must be an https:// address .*, not "foo"\\.\n$`),
    );
  });

  test('the command runs', () => {
    expect(run(node, ['node_modules/.bin/seatlease', '--version'])).toMatch(/^\d+\.\d+\.\d+\n$/);
  });
});

const APP = `
import { type Seat, Seatlease, SeatleaseError } from 'seatlease';
const seatlease = new Seatlease({ url: 'https://licenses.example.com', licenseKey: 'key' });
export async function work(): Promise<string | undefined> {
  try {
    await using seat: Seat = await seatlease.acquire({ wait: { atMostSeconds: 60 } });
    seat.on('lost', () => console.log(seat.state));
    return seat.mayRun ? seat.sessionId : undefined;
  } catch (error) {
    if (error instanceof SeatleaseError && error.code === 'SEATS_EXHAUSTED') return undefined;
    throw error;
  }
}
// @ts-expect-error There is no such option.
new Seatlease({ url: 'https://licenses.example.com', licence: 'key' });
// @ts-expect-error Not in browsers, and so not in this entry.
import { signIn } from 'seatlease';
`;
const PAGE_APP = `${APP}
// @ts-expect-error Not in browsers.
import { nodePlatform } from 'seatlease/node';
`;
const NODE_APP = `${APP}
import { nodePlatform, storedSignIn } from 'seatlease/node';
export const platform = nodePlatform({ stateFolder: '/state' });
export const user = storedSignIn({ url: 'https://licenses.example.com' });
`;

test.each([
  ['nodenext, in an ES module', 'app.mts', NODE_APP, ['--module', 'nodenext']],
  ['nodenext, in CommonJS', 'app.cts', NODE_APP, ['--module', 'nodenext']],
  ['node16, in an ES module', 'app.mts', NODE_APP, ['--module', 'node16']],
  ['node16, in CommonJS', 'app.cts', NODE_APP, ['--module', 'node16']],
  ['bundler', 'app.ts', NODE_APP, ['--module', 'esnext', '--moduleResolution', 'bundler']],
  [
    'bundler, for browsers, without the types of Node',
    'app.ts',
    PAGE_APP,
    ['--module', 'esnext', '--moduleResolution', 'bundler', '--customConditions', 'browser', '--types', ''],
  ],
])('the types compile in strict mode with module resolution %s', async (_, file, code, options) => {
  await write(file, code);
  const types = ['--types', 'node', '--typeRoots', resolve('node_modules/@types')];
  const common = ['--noEmit', '--strict', '--target', 'es2022', '--lib', 'es2022,dom', file];
  run(process.execPath, [
    resolve('node_modules/typescript/bin/tsc'),
    ...common,
    ...(options.includes('--types') ? options : [...options, ...types]),
  ]);
});

describe('a bundler', () => {
  const bundle = async (code: string, options: BuildOptions): Promise<string> => {
    const { outputFiles } = await build({
      stdin: { contents: code, resolveDir: folder },
      bundle: true,
      write: false,
      logLevel: 'silent',
      ...options,
    });
    return String(outputFiles?.[0]?.text);
  };
  const PAGE = `import { Seatlease } from 'seatlease'; globalThis.app = Seatlease;`;

  test.each<[string, BuildOptions]>([
    ['with the condition "browser"', { platform: 'browser' }],
    ['with no condition', { platform: 'neutral', conditions: [], mainFields: [] }],
  ])('%s takes the part for browsers', async (__, options) => {
    const code = await bundle(PAGE, { ...options, format: 'esm', minify: true });
    expect(code).toContain('localStorage');
    expect(code).not.toMatch(/node:|require\(/);
  });

  test('for browsers refuses the entry of Node', async () => {
    const code = `import { signIn } from 'seatlease/node'; signIn();`;
    await expect(bundle(code, { platform: 'browser' })).rejects.toThrow('signIn');
  });

  test.each(['seatlease', 'seatlease/node'])(
    'like Vite refuses a name that only Node has, from %s',
    async (entry) => {
      await write('page.js', `import { signIn } from '${entry}'; signIn();`);
      const options = { write: false, rolldownOptions: { input: join(folder, 'page.js') } };
      const built = buildByVite({ root: folder, configFile: false, logLevel: 'silent', build: options });
      await expect(built).rejects.toThrow('"signIn" is not exported');
    },
  );

  test.each<[string, BuildOptions]>([
    ['CommonJS', { format: 'cjs', outfile: 'out.cjs' }],
    ['ES modules', { format: 'esm', outfile: 'out.mjs' }],
  ])('for Node makes a program of %s that runs', async (name, options) => {
    const code = `
      import { Seatlease, SeatleaseError } from 'seatlease';
      import { nodePlatform } from 'seatlease/node';
      const understudy = nodePlatform().understudy();
      understudy.stop();
      try { new Seatlease(); } catch (error) { console.log(error instanceof SeatleaseError, error.message); }`;
    const banner = `import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);`;
    const built = await bundle(code, {
      ...options,
      platform: 'node',
      ...(options.format === 'esm' && { banner: { js: banner } }),
    });
    await write(String(options.outfile), built);
    expect(run(process.execPath, [String(options.outfile)]), name).toBe(
      'true url is required, or set SEATLEASE_URL.\n',
    );
  });

  test('without the condition "node" makes a Node program that says so, and holds no seat', async () => {
    const code = `import { Seatlease } from 'seatlease'; new Seatlease({ url: 'https://licenses.example.com', licenseKey: 'key' });`;
    await write('wrong.mjs', await bundle(code, { platform: 'neutral', mainFields: [], format: 'esm' }));
    const { stderr, status } = spawnSync(process.execPath, ['wrong.mjs'], { cwd: folder, encoding: 'utf8' });
    expect([status, stderr]).toEqual([1, expect.stringContaining('condition "node"')]);
  });
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
  let server: LocalServer;
  let demo: Demo;
  let env: Record<string, string>;
  beforeAll(async () => {
    server = await startLocalServer({ SEATLEASE_DATA: join(folder, 'server'), PORT: '0' }, () => {});
    demo = await seedDemo(server);
    for (const name of ['open', 'xdg-open']) await write(`bin/${name}`, BROWSER, 0o755);
    await write('bin/my-program', '#!/bin/sh\necho "my program: $*"\n', 0o755);
    env = {
      PATH: `${join(folder, 'bin')}:${process.env.PATH}`,
      XDG_STATE_HOME: join(folder, 'state'),
      SEATLEASE_URL: demo.url,
      SEATLEASE_LICENSE_KEY: demo.license_key,
      LICENSE_ID: await licenseOfAda(),
      npm_config_offline: 'true',
      npm_config_audit: 'false',
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
    expect(blocks.filter(({ language }) => language !== 'js' && language !== 'sh')).toEqual([]);
    expect(blocks.filter(({ language }) => language === 'js').length).toBeGreaterThanOrEqual(8);
  });

  test.each(blocks)('$code', async ({ language, code }) => {
    // npm removes what it has not installed.
    await write('node_modules/electron/package.json', {
      name: 'electron',
      type: 'module',
      exports: './index.js',
    });
    await write('node_modules/electron/index.js', ELECTRON);
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
