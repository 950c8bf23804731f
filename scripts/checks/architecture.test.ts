import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { MANIFEST } from '../../functions/manifest.ts';
import type { FunctionContract } from '../../shared/http/contract.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const FILES = globSync(['{functions,shared,scripts,infra}/**/*.ts', 'clients/**/*.{ts,tsx}'], {
  cwd: ROOT,
  exclude: ['**/node_modules/**'],
}).map((file) => file.replaceAll('\\', '/'));
const FUNCTIONS: readonly FunctionContract[] = MANIFEST;

/** For a file, the places in the house and the packages that it may lean on. The first layer that fits is its own. */
interface Layer {
  readonly of: RegExp;
  readonly may: (file: string) => RegExp;
}

const anywhereBut = (place: string): RegExp => new RegExp(`^(?!${place})`);
const only = (...places: string[]): RegExp => new RegExp(`^(${places.join('|')})`);

const LAYERS: readonly Layer[] = [
  { of: /^scripts\//, may: () => /^/ },
  { of: /^infra\//, may: () => anywhereBut('scripts/|shared/(deps\\.ts|adapters/)') },
  {
    of: /(\.test|\.contract-suite)\.ts$|^(shared\/testing|clients\/sdk\/hostile)\//,
    may: () => anywhereBut('scripts/'),
  },
  // What others install: it knows the server by what the document says of it, and brings nothing along.
  { of: /^clients\/sdk\//, may: () => only('clients/sdk/', 'node:') },
  // How it is built, which is no part of it.
  { of: /^clients\/console\/\w+(\.config)?\.ts$/, may: () => only('clients/console/', 'vite$', 'node:') },
  { of: /^clients\/console\//, may: () => only('clients/console/', 'clients/sdk/src/api\\.ts', 'preact') },
  {
    of: /^functions\/index\.ts$/,
    may: () => only('functions/', 'shared/(http|ports|domain)/'),
  },
  {
    of: /^functions\/deployed\.ts$/,
    may: () => only('shared/(config|deps|when-needed)\\.ts', 'shared/(http|ports)/'),
  },
  {
    of: /^functions\/manifest\.ts$/,
    may: () => only('functions/[^/]+/contract\\.ts', 'shared/http/contract\\.ts'),
  },
  { of: /^functions\/[^/]+\/contract\.ts$/, may: () => only('shared/http/', 'shared/domain/', 'zod/mini') },
  {
    of: /^functions\/[^/]+\//,
    may: (file) => only(`${dirname(file)}/`, 'shared/(http|ports|domain)/', 'shared/errors\\.ts', 'zod/mini'),
  },
  { of: /^shared\/deps\.ts$/, may: () => only('shared/(?!testing/)', 'node:') },
  { of: /^shared\/config\.ts$/, may: () => only('zod/(mini|locales)') },
  { of: /^shared\/(errors|when-needed)\.ts$/, may: () => only('nothing at all') },
  {
    of: /^shared\/domain\//,
    may: () =>
      only('shared/domain/', 'shared/errors\\.ts', 'zod/mini', 'canonicalize$', 'jose$', 'node:crypto'),
  },
  { of: /^shared\/ports\//, may: () => only('shared/(ports|domain)/', 'shared/errors\\.ts', 'zod/mini') },
  {
    of: /^shared\/http\//,
    may: () =>
      only(
        'shared/(http|ports|domain)/',
        'shared/errors\\.ts',
        'zod/(mini|locales)',
        'node:',
        '@google-cloud/functions-framework',
        '@opentelemetry/api$',
      ),
  },
  {
    of: /^shared\/adapters\//,
    may: (file) =>
      only(
        `${ownFolderOf(file)}/`,
        'shared/adapters/own-file\\.ts',
        // One check of ID tokens, whoever they are shown by.
        'shared/adapters/identity/(id-token|google)\\.ts',
        'shared/(ports|domain)/',
        'shared/errors\\.ts',
        'node:',
        '(?!shared/|functions/|infra/|scripts/)[@\\w]',
      ),
  },
];

/** Too heavy to be loaded with the file that mentions them: types only, or `import()` where they are needed. */
const HEAVY =
  /^(@google-cloud\/(firestore|kms|pubsub)|stripe|google-auth-library|jose|js-redis-server|@upstash\/ratelimit)(\/|$)/;

const READS_ENVIRONMENT =
  /^(functions\/deployed\.ts|scripts\/|infra\/|clients\/sdk\/|clients\/console\/vite\.config\.ts|shared\/testing\/)|\.test\.ts$/;

function ownFolderOf(adapter: string): string {
  return adapter.split('/').slice(0, 3).join('/');
}

interface Import {
  /** Path from the root, or the name of a package. */
  readonly of: string;
  /** Loaded together with the file: neither a type nor an `import()`. */
  readonly isLoaded: boolean;
}

function withoutComments(source: string): string {
  return source.replace(/\/\*[\s\S]*?\*\//g, '').replace(/^\s*\/\/.*$/gm, '');
}

function importsOf(file: string, source: string): Import[] {
  const statement =
    /^(?:import|export)\s(type\s)?(?:[^'";]*?\sfrom\s+)?'([^']+)'|\bimport\s*\(\s*'([^']+)'/gm;
  return [...withoutComments(source).matchAll(statement)].map(([, isType, named, lazy]) => {
    const of = named ?? lazy ?? '';
    return {
      of: of.startsWith('.') ? join(dirname(file), of).replaceAll('\\', '/') : of,
      isLoaded: named !== undefined && isType === undefined,
    };
  });
}

/** What in a file runs against the house's directions, in words. */
function wrongsIn(file: string, source: string): string[] {
  const layer = LAYERS.find(({ of }) => of.test(file));
  if (!layer) return [`${file} belongs to no layer`];
  const may = layer.may(file);
  const isProduct = !/(\.test|\.contract-suite)\.ts$|^(shared\/testing|scripts|infra|clients)\//.test(file);
  const wrongs = importsOf(file, source).flatMap(({ of, isLoaded }) => [
    ...(may.test(of) ? [] : [`${file} must not import ${of}`]),
    ...(isProduct && isLoaded && HEAVY.test(of) ? [`${file} loads ${of} with itself`] : []),
  ]);
  const isReading = /\bprocess\s*\.\s*env\b|\benv\b[^;]*\bfrom 'node:process'/.test(withoutComments(source));
  if (isReading && !READS_ENVIRONMENT.test(file)) wrongs.push(`${file} reads the environment`);
  return wrongs;
}

test('every file leans only on what its place in the house allows', () => {
  expect(FILES.length).toBeGreaterThan(60);
  const imports = FILES.map((file) => importsOf(file, readFileSync(join(ROOT, file), 'utf8')).length);
  expect(imports.reduce((sum, n) => sum + n, 0)).toBeGreaterThan(200);
  expect(FILES.flatMap((file) => wrongsIn(file, readFileSync(join(ROOT, file), 'utf8')))).toEqual([]);
});

describe('the check bites', () => {
  test.each([
    ['functions/acquire/handler.ts', "import { x } from '../../shared/adapters/seats/redis-seats.ts';"],
    ['functions/acquire/handler.ts', "import type { Y } from '../heartbeat/contract.ts';"],
    ['functions/acquire/handler.ts', "const { x } = await import('../../shared/wiring.ts');"],
    ['functions/acquire/handler.ts', "import Stripe from 'stripe';"],
    ['functions/acquire/handler.ts', "import { readConfig } from '../../shared/config.ts';"],
    ['functions/acquire/contract.ts', "import type { Deps } from '../../shared/ports/deps.ts';"],
    ['functions/acquire/contract.ts', "import { readFileSync } from 'node:fs';"],
    ['functions/acquire/acquire.test.ts', "import { x } from '../../scripts/dev.ts';"],
    ['functions/manifest.ts', "import x from './acquire/handler.ts';"],
    ['functions/index.ts', "import { x } from '../../shared/wiring.ts';"],
    ['functions/deployed.ts', "import { x } from '../../shared/adapters/seats/redis-seats.ts';"],
    ['shared/domain/ids.ts', "export { x } from '../ports/seats.ts';"],
    ['shared/domain/ids.ts', "import { readFileSync } from 'node:fs';"],
    ['shared/ports/seats.ts', "import {\n  x,\n  y,\n} from '../adapters/seats/live.ts';"],
    ['shared/ports/seats.ts', "import type { Z } from '../http/contract.ts';"],
    ['shared/http/serve.ts', "import { openDeps } from '../deps.ts';"],
    ['shared/http/serve.ts', "import { suite } from '../testing/suite.ts';"],
    ['shared/adapters/seats/redis-seats.ts', "import { x } from '../records/sqlite.ts';"],
    ['shared/adapters/seats/redis-seats.ts', "import { x } from '../../http/serve.ts';"],
    ['shared/adapters/records/firestore-records.ts', "import { Firestore } from '@google-cloud/firestore';"],
    ['shared/adapters/limits/upstash-limits.ts', "import { Ratelimit } from '@upstash/ratelimit';"],
    ['shared/config.ts', "import { x } from '../../shared/errors.ts';"],
    ['shared/errors.ts', "import * as z from 'zod/mini';"],
    ['shared/wiring.ts', "import { x } from '../../functions/testing/suite.ts';"],
    ['shared/wiring.ts', 'const key = process.env.OPERATOR_KEY;'],
    ['shared/http/log.ts', "import { env } from 'node:process';"],
    ['infra/index.ts', "import { x } from '../../shared/wiring.ts';"],
    ['clients/sdk/src/seat.ts', "import type { Lease } from '../../../shared/domain/session.ts';"],
    ['clients/sdk/src/seat.ts', "import * as z from 'zod/mini';"],
    ['clients/console/src/main.tsx', "import { Seatlease } from '../../sdk/src/client.ts';"],
    ['clients/console/src/main.tsx', "import { x } from '../../../functions/manifest.ts';"],
    ['shared/utils/strings.ts', 'export {};'],
  ])('%s with %j is found', (file, source) => {
    expect(wrongsIn(file, source)).not.toEqual([]);
  });

  test.each([
    ['functions/acquire/handler.ts', "import type contract from './contract.ts';"],
    [
      'functions/acquire/handler.ts',
      "// import { x } from '../../shared/wiring.ts';\nimport * as z from 'zod/mini';",
    ],
    [
      'shared/adapters/records/firestore-records.ts',
      "import type { Firestore } from '@google-cloud/firestore';",
    ],
    ['shared/adapters/records/firestore-records.ts', "await import('@google-cloud/firestore');"],
    ['shared/config.ts', '/** What `process.env` has. */'],
    ['functions/deployed.ts', 'readConfig(process.env);'],
  ])('%s with %j is fine', (file, source) => {
    expect(wrongsIn(file, source)).toEqual([]);
  });
});

describe('the manifest is the whole truth', () => {
  test.each(FUNCTIONS.map(({ name }) => name))('%s has its room and its guarantees', (name) => {
    const room = join(ROOT, 'functions', name);
    for (const file of ['contract.ts', 'handler.ts']) expect(existsSync(join(room, file)), file).toBe(true);
    expect(globSync('*.test.ts', { cwd: room })).not.toEqual([]);
  });

  test('every room with a contract is in it, under the name of its folder', () => {
    const rooms = globSync('functions/*/contract.ts', { cwd: ROOT }).map((file) =>
      relative('functions', dirname(file)),
    );
    expect(FUNCTIONS.map(({ name }) => name).toSorted()).toEqual(rooms.toSorted());
  });

  test('no two endpoints share an address and method, and no path is served by two functions', () => {
    const addresses = FUNCTIONS.flatMap(({ endpoints }) =>
      Object.values(endpoints).map(({ method, path }) => `${method} ${path}`),
    );
    expect(addresses.toSorted()).toEqual([...new Set(addresses)].toSorted());
    const owners = new Map<string, Set<string>>();
    for (const { name, endpoints } of FUNCTIONS) {
      for (const { path } of Object.values(endpoints)) {
        const shape = path.replace(/\{\w+\}/g, '{}');
        owners.set(shape, (owners.get(shape) ?? new Set()).add(name));
      }
    }
    for (const [path, names] of owners) expect([...names], path).toHaveLength(1);
  });

  test('every endpoint says who may call it', () => {
    for (const { endpoints } of FUNCTIONS) {
      for (const { auth, path } of Object.values(endpoints)) expect(auth, path).not.toHaveLength(0);
    }
  });
});
