import { posix } from 'node:path';
import { type Import, importsOf } from './imports.ts';

/** A room is a group of files that may import the same things. A file belongs to the first room that matches it. */
export interface Room {
  readonly name: string;
  readonly of: RegExp;
  readonly mayImport: (file: string) => RegExp;
}

const anythingBut = (...places: string[]): RegExp => new RegExp(`^(?!${places.join('|')})`);
const only = (...places: string[]): RegExp => new RegExp(`^(${places.join('|')})`);

/** The layers below the functions, innermost first. */
const DOMAIN = ['shared/domain/', 'shared/errors\\.ts'];
const PORTS = [...DOMAIN, 'shared/ports/'];
const USE_CASES = [...PORTS, 'shared/use-cases/'];
const HTTP = [...USE_CASES, 'shared/http/'];
const A_PACKAGE = '(?!shared/|functions/|infra/|scripts/|clients/)[@\\w]';

/** domain <- ports <- { use-cases <- http <- functions ; adapters } <- wiring <- { deployed ; local } */
export const ROOMS: readonly Room[] = [
  { name: 'scripts', of: /^scripts\//, mayImport: () => anythingBut('shared/wiring\\.ts') },
  {
    name: 'infra',
    of: /^infra\//,
    mayImport: () => anythingBut('scripts/', 'clients/', 'shared/(wiring\\.ts|adapters/|local/|use-cases/)'),
  },
  {
    name: 'tests of shared',
    of: /^shared\/(testing\/|.*\.test\.ts$)/,
    mayImport: () => anythingBut('scripts/', 'functions/', 'clients/', 'infra/'),
  },
  {
    name: 'tests of functions and clients',
    of: /^functions\/(testing\/|.*\.test\.ts$)|^clients\/.*\.test\.ts$/,
    mayImport: () => anythingBut('scripts/', 'infra/'),
  },
  {
    // Published: it knows the server only by the OpenAPI document, and has no dependencies.
    name: 'the SDK',
    of: /^clients\/sdk\//,
    mayImport: () => only('clients/sdk/', 'node:'),
  },
  {
    // Published: it uses the entries of the SDK, as an app does.
    name: 'the GitHub Action',
    of: /^clients\/action\//,
    mayImport: () => only('clients/action/', 'clients/sdk/src/node(/index)?\\.ts', 'node:'),
  },
  {
    name: 'the build of the console',
    of: /^clients\/console\/\w+(\.config)?\.ts$/,
    mayImport: () => only('clients/console/', 'vite$', 'node:'),
  },
  {
    name: 'the console',
    of: /^clients\/console\//,
    mayImport: () => only('clients/console/', 'clients/sdk/src/api\\.ts', 'preact'),
  },
  {
    name: 'the command line of programs',
    of: /^clients\/command-line\//,
    mayImport: () =>
      only('clients/command-line/', 'clients/sdk/src/cli/edit-distance\\.ts', 'zod/mini', 'node:util'),
  },
  {
    // Uses the server's contracts, which are plain data.
    name: 'the admin program',
    of: /^clients\/admin\//,
    mayImport: () =>
      only(
        'clients/(admin|command-line)/',
        'functions/[^/]+/contract\\.ts',
        'shared/http/(contract|fields)\\.ts',
        'shared/domain/',
        'zod/mini',
        'node:(fs|path)$',
      ),
  },
  {
    name: 'the manifest',
    of: /^functions\/manifest\.ts$/,
    mayImport: () => only('functions/[^/]+/contract\\.ts', 'shared/http/contract\\.ts'),
  },
  { name: 'names', of: /^functions\/names\.ts$/, mayImport: () => only('nothing at all') },
  {
    name: 'the form of examples',
    of: /^functions\/example\.ts$/,
    mayImport: () => only('shared/http/contract\\.ts', 'zod/mini'),
  },
  {
    name: 'the configuration of a function',
    of: /^functions\/function-config\.ts$/,
    mayImport: () => only('shared/config\\.ts', ...HTTP),
  },
  {
    name: 'the index of handlers',
    of: /^functions\/[\w-]+\.ts$(?<!deployed\.ts)/,
    mayImport: () => only('functions/', ...HTTP),
  },
  {
    name: 'deployed',
    of: /^functions\/deployed\.ts$/,
    mayImport: () => only('functions/function-config\\.ts', 'shared/(wiring|lazy)\\.ts', ...HTTP),
  },
  {
    name: 'contracts',
    of: /^functions\/[^/]+\/contract\.ts$/,
    mayImport: () => only('shared/http/', 'shared/domain/', 'zod/mini'),
  },
  {
    name: 'examples',
    of: /^functions\/[^/]+\/example\.ts$/,
    mayImport: (file) =>
      only(`${posix.dirname(file)}/contract\\.ts`, 'functions/example\\.ts', 'shared/domain/'),
  },
  {
    name: 'functions',
    of: /^functions\/[^/]+\//,
    mayImport: (file) => only(`${posix.dirname(file)}/(?!example\\.ts)`, ...HTTP, 'zod/mini'),
  },
  {
    name: 'wiring',
    of: /^shared\/wiring\.ts$/,
    mayImport: () => only('shared/adapters/', 'shared/(config|settings|lazy)\\.ts', 'node:crypto', ...HTTP),
  },
  {
    name: 'local',
    of: /^shared\/local\//,
    mayImport: () =>
      only('shared/(local|adapters)/', 'shared/(wiring|config|lazy)\\.ts', ...HTTP, 'node:', A_PACKAGE),
  },
  {
    name: 'settings',
    of: /^shared\/settings\.ts$/,
    mayImport: () => only('zod/mini', 'shared/domain/(loopback|rsa-key|sign-in-clients)\\.ts', 'node:crypto'),
  },
  {
    name: 'config',
    of: /^shared\/config\.ts$/,
    mayImport: () => only('shared/settings\\.ts', 'zod/(mini|locales)'),
  },
  {
    name: 'errors and lazy',
    of: /^shared\/(errors|lazy)\.ts$/,
    mayImport: () => only('nothing at all'),
  },
  {
    name: 'domain',
    of: /^shared\/domain\//,
    mayImport: () => only(...DOMAIN, 'zod/mini', 'canonicalize$', 'jose$', 'tldts$', 'node:(crypto|url)'),
  },
  { name: 'ports', of: /^shared\/ports\//, mayImport: () => only(...PORTS, 'zod/mini') },
  {
    name: 'use cases',
    of: /^shared\/use-cases\//,
    mayImport: () => only(...USE_CASES, 'zod/mini'),
  },
  {
    name: 'http',
    of: /^shared\/http\//,
    mayImport: () =>
      only(
        ...HTTP,
        // Settings follow from what contracts use.
        'shared/settings\\.ts',
        'zod/(mini|locales)',
        'node:',
        '@google-cloud/functions-framework',
        '@opentelemetry/api$',
      ),
  },
  {
    name: 'adapters',
    of: /^shared\/adapters\//,
    mayImport: (file) =>
      only(
        `${file.split('/').slice(0, 3).join('/')}/`,
        'shared/adapters/(grpc|redis)/',
        // One check of ID tokens, for users who sign in and for Google's own callers.
        'shared/adapters/identity/(id-token|google-identity|issuer-keys)\\.ts',
        'shared/lazy\\.ts',
        ...PORTS,
        'node:',
        A_PACKAGE,
      ),
  },
];

/** Too heavy to load at start: import only types, or use `import()` at the first use. */
const HEAVY =
  /^(@google-cloud\/(firestore|kms|pubsub)|stripe|google-auth-library|jose|js-redis-server|@upstash\/ratelimit)(\/|$)/;
const NOT_DEPLOYED = /\.test\.ts$|\/testing\/|^(scripts|infra|clients)\//;

const READS_ENVIRONMENT =
  /^(functions\/deployed\.ts|scripts\/|infra\/|clients\/(sdk|admin|action)\/|clients\/console\/vite\.config\.ts)|\/testing\/|\.test\.ts$/;

/** The room of a file; `undefined` if it has none. */
export function roomOf(file: string): Room | undefined {
  return ROOMS.find(({ of }) => of.test(file));
}

/** The rules of its room that the TypeScript `source` of `file` breaks, as sentences. */
export function violationsIn(file: string, source: string): string[] {
  const room = roomOf(file);
  if (!room) return [`${file} is in no room`];
  const allowed = room.mayImport(file);
  const wrong = importsOf(file, source).flatMap((each) => [
    ...(allowed.test(each.of) ? [] : [`${file} (${room.name}) must not import ${each.of}`]),
    ...(isLoadedTooEarly(file, each) ? [`${file} must load ${each.of} with import()`] : []),
  ]);
  if (readsEnvironment(source) && !READS_ENVIRONMENT.test(file))
    wrong.push(`${file} must not read the environment`);
  return wrong;
}

function isLoadedTooEarly(file: string, { of, isLoaded }: Import): boolean {
  return isLoaded && HEAVY.test(of) && !NOT_DEPLOYED.test(file);
}

function readsEnvironment(source: string): boolean {
  const code = source.replace(/\/\*[\s\S]*?\*\//g, '').replace(/^\s*\/\/.*$/gm, '');
  return /\bprocess\s*\.\s*env\b|\benv\b[^;]*\bfrom 'node:process'/.test(code);
}
