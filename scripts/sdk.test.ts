import { spawnSync } from 'node:child_process';
import { existsSync, globSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import * as z from 'zod/mini';

const Packed = z.array(z.object({ filename: z.string(), files: z.array(z.object({ path: z.string() })) }));

/** The machine's own Node, which is often older than ours: who installs the package has any from 20 on. */
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
  // Nothing else is needed, or this would not work without a network.
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

async function write(file: string, content: unknown): Promise<void> {
  await writeFile(join(folder, file), typeof content === 'string' ? content : JSON.stringify(content));
}

const SDK = resolve('clients/sdk');

test('the package holds what was built of the sources, its guide, its license and its command, and nothing else', () => {
  const built = globSync('**/*.ts', { cwd: join(SDK, 'src') })
    .filter((file) => !/(\.test|testing)\.ts$|\btesting\//.test(file))
    .flatMap((file) => [`dist/${file.slice(0, -3)}.js`, `dist/${file.slice(0, -3)}.d.ts`]);
  expect(built).toContain('dist/node.js');
  expect(packed.flatMap(({ files }) => files.map(({ path }) => path)).toSorted()).toEqual(
    [...built, 'LICENSE', 'README.md', 'bin/seatlease.js', 'package.json'].toSorted(),
  );
});

test('it needs no other package', async () => {
  const { dependencies, peerDependencies, optionalDependencies } = JSON.parse(
    await readFile(join(folder, 'node_modules/seatlease/package.json'), 'utf8'),
  );
  expect([dependencies, peerDependencies, optionalDependencies]).toEqual([undefined, undefined, undefined]);
});

test.each(NODES)('programs import it, and have its command, on %s', async (node) => {
  await write(
    'app.js',
    `import { Seatlease, SeatleaseError, signIn } from 'seatlease';
    const seatlease = new Seatlease({ url: 'http://127.0.0.1:9', licenseKey: 'key' });
    console.log(typeof seatlease.acquire, typeof SeatleaseError, typeof signIn);`,
  );
  expect(run(node, ['app.js'])).toBe('function function function\n');
  expect(run(node, ['node_modules/.bin/seatlease', '--version'])).toMatch(/^\d+\.\d+\.\d+\n$/);
});

test('its types are strict TypeScript’s, however modules are found', async () => {
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
  for (const how of [
    ['--module', 'nodenext', ...types],
    ['--module', 'esnext', '--moduleResolution', 'bundler', ...types],
  ])
    run(process.execPath, [tsc, ...how, ...common]);
});
