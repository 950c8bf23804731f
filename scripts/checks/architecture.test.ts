import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { MANIFEST } from '../../functions/manifest.ts';
import type { FunctionContract } from '../../shared/http/contract.ts';
import { importsOf } from './imports.ts';
import { ROOMS, roomOf, violationsIn } from './rooms.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const FILES = globSync(['{functions,shared,scripts,infra}/**/*.ts', 'clients/**/*.{ts,tsx}'], {
  cwd: ROOT,
  exclude: ['**/node_modules/**', '**/dist/**'],
}).map((file) => file.replaceAll('\\', '/'));
const FUNCTIONS: readonly FunctionContract[] = MANIFEST;

const sourceOf = (file: string): string => readFileSync(join(ROOT, file), 'utf8');

// Biome's rule noImportCycles detects import cycles.
test('every file imports only what its room allows', () => {
  expect(FILES.length).toBeGreaterThan(600);
  expect(FILES.flatMap((file) => importsOf(file, sourceOf(file))).length).toBeGreaterThan(2_000);
  expect(FILES.flatMap((file) => violationsIn(file, sourceOf(file)))).toEqual([]);
});

describe('the check', () => {
  const BAD: readonly (readonly [file: string, source: string])[] = [
    ['scripts/dev.ts', "import { assembleDeps } from '../shared/wiring.ts';"],
    ['infra/index.ts', "import { x } from '../shared/wiring.ts';"],
    ['infra/index.ts', "import { x } from '../scripts/dev.ts';"],
    ['shared/testing/seats/model.ts', "import { x } from '../../../functions/testing/suite.ts';"],
    ['shared/http/serve.test.ts', "import { MANIFEST } from '../../functions/manifest.ts';"],
    ['functions/acquire/acquire.test.ts', "import { x } from '../../scripts/dev.ts';"],
    ['functions/testing/suite.ts', "import { x } from '../../scripts/dev/server.ts';"],
    ['clients/sdk/src/seat.ts', "import type { Lease } from '../../../shared/domain/session.ts';"],
    ['clients/sdk/src/seat.ts', "import * as z from 'zod/mini';"],
    ['clients/action/src/hold.ts', "import { x } from '../../sdk/src/seat.ts';"],
    ['clients/console/build.ts', "import { x } from '../../scripts/site.ts';"],
    ['clients/console/src/main.tsx', "import { Seatlease } from '../../sdk/src/client.ts';"],
    ['clients/console/src/main.tsx', "import { x } from '../../../functions/manifest.ts';"],
    ['clients/command-line/program.ts', "import { x } from '../admin/src/api.ts';"],
    ['clients/admin/src/run.ts', "import { x } from '../../../shared/local/wiring.ts';"],
    ['clients/admin/src/users.ts', "import users from '../../../functions/users/handler.ts';"],
    ['functions/manifest.ts', "import x from './acquire/handler.ts';"],
    ['functions/names.ts', "import { MANIFEST } from './manifest.ts';"],
    ['functions/example.ts', "import { x } from './testing/suite.ts';"],
    ['functions/index.ts', "import { x } from '../shared/wiring.ts';"],
    ['functions/function-config.ts', "import { x } from '../shared/wiring.ts';"],
    ['functions/deployed.ts', "import { x } from '../shared/adapters/seats/redis-seats.ts';"],
    ['functions/deployed.ts', "import { x } from '../shared/local/wiring.ts';"],
    ['functions/acquire/contract.ts', "import type { Deps } from '../../shared/ports/deps.ts';"],
    ['functions/acquire/contract.ts', "import { readFileSync } from 'node:fs';"],
    ['functions/acquire/example.ts', "import { x } from '../testing/suite.ts';"],
    ['functions/acquire/handler.ts', "import { x } from './example.ts';"],
    ['functions/acquire/handler.ts', "import { x } from '../../shared/adapters/seats/redis-seats.ts';"],
    ['functions/acquire/handler.ts', "import type { Y } from '../heartbeat/contract.ts';"],
    ['functions/acquire/handler.ts', "const { x } = await import('../../shared/wiring.ts');"],
    ['functions/acquire/handler.ts', "import Stripe from 'stripe';"],
    ['functions/acquire/handler.ts', "import { readConfig } from '../../shared/config.ts';"],
    ['functions/acquire/handler.ts', "import { x } from '../testing/suite.ts';"],
    ['shared/wiring.ts', "import { x } from './local/event-bus.ts';"],
    ['shared/wiring.ts', "import { x } from './testing/secrets.ts';"],
    ['shared/wiring.ts', 'const key = process.env.OPERATOR_KEY;'],
    ['shared/local/mount.ts', "import { MANIFEST } from '../../functions/manifest.ts';"],
    ['shared/local/event-bus.ts', "import { x } from '../testing/secrets.ts';"],
    ['shared/config.ts', "import { x } from './errors.ts';"],
    ['shared/settings.ts', "import { x } from './config.ts';"],
    ['shared/errors.ts', "import * as z from 'zod/mini';"],
    ['shared/domain/ids.ts', "export { x } from '../ports/seats.ts';"],
    ['shared/domain/ids.ts', "import { readFileSync } from 'node:fs';"],
    ['shared/ports/seats.ts', "import {\n  x,\n  y,\n} from '../adapters/seats/redis-seats.ts';"],
    ['shared/ports/seats.ts', "import type { Z } from '../use-cases/members.ts';"],
    ['shared/use-cases/members.ts', "import type { Z } from '../http/contract.ts';"],
    ['shared/use-cases/members.ts', "import { x } from '../adapters/records/page.ts';"],
    ['shared/http/serve.ts', "import { assembleDeps } from '../wiring.ts';"],
    ['shared/http/serve.ts', "import { x } from '../local/mount.ts';"],
    ['shared/http/log.ts', "import { env } from 'node:process';"],
    ['shared/adapters/seats/redis-seats.ts', "import { x } from '../records/page.ts';"],
    ['shared/adapters/seats/redis-seats.ts', "import { x } from '../../http/serve.ts';"],
    ['shared/adapters/seats/redis-seats.ts', "import { x } from '../../local/redis/resp-client.ts';"],
    ['shared/adapters/seats/redis-seats.ts', "import { x } from '../../use-cases/licenses.ts';"],
    ['shared/adapters/records/firestore-records.ts', "import { Firestore } from '@google-cloud/firestore';"],
    ['shared/adapters/records/firestore-records.ts', "export { Firestore } from '@google-cloud/firestore';"],
    ['shared/adapters/limits/upstash-limits.ts', "import { Ratelimit } from '@upstash/ratelimit';"],
    ['shared/utils/strings.ts', 'export {};'],
  ];

  test.each(BAD)('reports a violation in %s: %j', (file, source) => {
    expect(violationsIn(file, source)).not.toEqual([]);
  });

  test('has a violation above for every room', () => {
    const covered = BAD.map(([file]) => roomOf(file)?.name);
    expect(ROOMS.map(({ name }) => name).filter((name) => !covered.includes(name))).toEqual([]);
  });

  test.each([
    ['functions/acquire/handler.ts', "import type contract from './contract.ts';"],
    [
      'functions/acquire/handler.ts',
      "// import { x } from '../../shared/wiring.ts';\nimport * as z from 'zod/mini';",
    ],
    ['functions/acquire/handler.ts', "const shown = `import { x } from '../../shared/wiring.ts';`;"],
    ['functions/cancel/handler.ts', "import { x } from '../../shared/use-cases/subscriptions.ts';"],
    [
      'shared/adapters/records/firestore-records.ts',
      "import type { Firestore } from '@google-cloud/firestore';",
    ],
    ['shared/adapters/records/firestore-records.ts', "await import('@google-cloud/firestore');"],
    ['shared/local/wiring.ts', "import { DEPLOYED } from '../wiring.ts';"],
    ['shared/config.ts', '/** What `process.env` has. */'],
    ['functions/deployed.ts', 'readFunctionConfig(contract, process.env);'],
  ])('reports nothing in %s: %j', (file, source) => {
    expect(violationsIn(file, source)).toEqual([]);
  });
});

describe('the manifest', () => {
  test.each(FUNCTIONS.map(({ name }) => name))(
    'has a folder with a contract, handler, example and test for %s',
    (name) => {
      const room = join(ROOT, 'functions', name);
      for (const file of ['contract.ts', 'handler.ts', 'example.ts'])
        expect(existsSync(join(room, file)), file).toBe(true);
      expect(globSync('*.test.ts', { cwd: room })).not.toEqual([]);
    },
  );

  test('lists every folder with a contract under the name of the folder', () => {
    const rooms = globSync('functions/*/contract.ts', { cwd: ROOT }).map((file) =>
      relative('functions', dirname(file)),
    );
    expect(FUNCTIONS.map(({ name }) => name).toSorted()).toEqual(rooms.toSorted());
  });

  test('has each method and path once, and each path in one function', () => {
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

  test('names the allowed callers of every endpoint', () => {
    for (const { endpoints } of FUNCTIONS) {
      for (const { auth, path } of Object.values(endpoints)) expect(auth, path).not.toHaveLength(0);
    }
  });
});
