import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync, utimesSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { runAdmin } from '../../clients/admin/src/run.ts';
import { MANIFEST } from '../../functions/manifest.ts';
import { readConfig } from '../../shared/config.ts';
import { readPrivateKey, thumbprintOf } from '../../shared/domain/rsa-key.ts';
import { hashMatcher } from '../../shared/domain/secret.ts';
import { dependenciesOf, secretsOf } from '../../shared/http/dependencies.ts';
import { putLocalKey } from '../../shared/local/signing-key.ts';
import { TEST_SECRETS } from '../../shared/testing/secrets.ts';
import { runOperate } from './run.ts';
import { blocks, commands, HASH, ofGoogle, RANDOM, runbook } from './runbook-commands.ts';

// The commands of infra/README.md. Those of gcloud are linted in gcloud-commands.long.test.ts.
const ofAdmin = commands.filter((command) => command.startsWith('npm run admin -- '));
const ofOperate = commands.filter((command) => command.startsWith('npm run operate -- '));
const ofCost = commands.filter((command) => command.startsWith('npm run cost -- '));
/** These have tests of their own. */
const DEPLOYING = [
  'pulumi login gs://my-project-pulumi',
  'pulumi stack init prod --cwd infra',
  'npm ci',
  'npm run deploy -- --stack prod --secrets',
  'npm run doctor -- --stack prod --read-secrets',
  'npm run doctor -- --stack prod',
  'npm run deploy -- --stack prod',
  'npm run verify-deploy -- --stack prod',
];

/** A test below runs these. */
const MAKING_KEYS = [
  'umask 077',
  "openssl rand -hex 32 | tr -d '\\n' > operator-key.txt",
  'export OPERATOR_KEY="$(cat operator-key.txt)"',
  'openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out access-token-key.pem',
  'openssl pkey -in access-token-key.pem -pubout -outform DER | openssl base64 -A',
  'rm access-token-key.pem',
];

test('the commands for keys make values that functions accept', () => {
  const [umask, makeKey, exportKey, makePair, printPublic] = MAKING_KEYS;
  const folder = mkdtempSync(join(tmpdir(), 'seatlease-runbook-'));
  try {
    const script = [
      ...[umask, makeKey, exportKey, 'printf "%s\\n" "$OPERATOR_KEY"', `${HASH}cat`, 'echo'],
      ...[makePair, printPublic, 'echo', 'cat access-token-key.pem'],
    ].join('\n');
    const { stdout } = spawnSync('sh', ['-e', '-c', script], { cwd: folder, encoding: 'utf8' });
    const [operatorKey = '', hash = '', publicKey = '', ...privateKey] = stdout.split('\n');
    const secrets = { OPERATOR_KEY_HASH: hash, ACCESS_TOKEN_PRIVATE_KEY: privateKey.join('\n') };
    const read = readConfig({ ...TEST_SECRETS, ...secrets, ACCESS_TOKEN_PUBLIC_KEYS: publicKey });
    expect(operatorKey).toMatch(/^[0-9a-f]{64}$/);
    expect(hashMatcher(String(read.operatorKeyHash))(operatorKey)).toBe(true);
    const halves = [readPrivateKey(read.accessTokenPrivateKey), ...read.accessTokenPublicKeys];
    expect(new Set(halves.map((half) => half && thumbprintOf(half))).size).toBe(1);
    expect(statSync(join(folder, 'operator-key.txt')).mode & 0o077).toBe(0);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('every command of the runbook is tested here or listed', () => {
  const known = [
    ...ofGoogle,
    ...ofGoogle.flatMap((command) => [`${RANDOM}${command}`, `${HASH}${command}`]),
    ...ofAdmin,
    ...ofOperate,
    ...ofCost,
  ];
  expect(new Set(commands.filter((command) => !known.includes(command)))).toEqual(
    new Set([
      'export SEATLEASE_URL=https://licenses.example.com',
      ...MAKING_KEYS,
      'export GOOGLE_CLOUD_PROJECT=my-project',
      'export FIRESTORE_DATABASE=restored-1',
      'export EVENTS_TOPIC=seatlease-events',
      ...DEPLOYING,
      expect.stringMatching(/^export SIGNING_KEY_VERSION=projects\/\S+\/cryptoKeyVersions\/1$/),
    ]),
  );
  // redis-user.test.ts runs the blocks for Redis.
  expect([...runbook.matchAll(/```(?!redis)\w/g)]).toHaveLength(blocks.length);
  expect(ofGoogle.length).toBeGreaterThan(10);
  expect(ofAdmin.length).toBeGreaterThan(1);
  expect(ofOperate.length).toBeGreaterThan(5);
});

test.each(ofCost)('%s has valid options', (command) => {
  const [, , , , ...options] = command.split(' ');
  const { status, stderr } = spawnSync(process.execPath, ['scripts/cost.ts', ...options], {
    encoding: 'utf8',
  });
  expect([status, stderr]).toEqual([0, '']);
});

test.each(ofAdmin)('%s has valid options', async (command) => {
  const [, , , , ...options] = command.split(' ');
  const { output, errors } = collectErrors();
  await runAdmin(options, { SEATLEASE_DATA: '/nowhere' }, output);
  expect(errors).toEqual([expect.stringContaining('No local server runs here')]);
});

test.each(ofOperate)('%s has valid options', async (command) => {
  const [, , , , ...options] = command.split(' ');
  const { output, errors } = collectErrors();
  const opened = new Error('no dependency is opened here');
  const refuse = (): never => {
    throw opened;
  };
  await runOperate(options, {}, output, {
    withRecords: refuse,
    withKeys: refuse,
    withMessages: refuse,
    nowMs: () => 0,
  });
  expect(errors).toEqual([expect.stringContaining(opened.message)]);
});

function collectErrors() {
  const errors: string[] = [];
  return { errors, output: { print: () => {}, printError: (text: string) => void errors.push(text) } };
}

/** The anchor that GitHub gives a heading. */
function anchorOf(heading: string): string {
  return heading
    .toLowerCase()
    .replaceAll(/[^\w -]/g, '')
    .replaceAll(' ', '-');
}

test('every link within the runbook leads to a heading', () => {
  const anchors = [...runbook.matchAll(/^#+ (.*)$/gm)].map(([, heading]) => anchorOf(String(heading)));
  const links = [...runbook.matchAll(/\]\(#([^)]*)\)/g)].map(([, anchor]) => anchor);
  expect(links.length).toBeGreaterThan(10);
  expect(links.filter((anchor) => !anchors.includes(String(anchor)))).toEqual([]);
});

// An older engine gives the program empty outputs of what `--target` leaves out (https://github.com/pulumi/pulumi/pull/24108).
test('the runbook asks for a Pulumi that is not older than the SDK of the stack', () => {
  const { dependencies } = JSON.parse(readFileSync('infra/package.json', 'utf8'));
  expect(runbook).toContain(`(\`pulumi\`, ${dependencies['@pulumi/pulumi']} or newer)`);
});

test('the runbook describes how to create every secret that a function gets', () => {
  const secrets = new Set(MANIFEST.flatMap((contract) => secretsOf(dependenciesOf(contract))));
  expect(secrets.size).toBeGreaterThan(5);
  for (const secret of secrets) expect(runbook).toMatch(new RegExp(`^\\| [^|]*\`${secret}\`[^|]* \\|`, 'm'));
});

describe('the commands for keys, on the operator’s machine', () => {
  let dataFolder: string;
  beforeAll(() => {
    dataFolder = mkdtempSync(join(tmpdir(), 'seatlease-runbook-'));
    const keysFolder = join(dataFolder, 'signing-keys');
    const [first, second] = inject('signingKeys');
    putLocalKey(keysFolder, 1, first);
    putLocalKey(keysFolder, 2, second);
    utimesSync(join(keysFolder, '2.pem'), 0, 0);
  });
  afterAll(() => rmSync(dataFolder, { recursive: true }));

  test.each([
    ['npm run operate -- keys list', 1, 'SIGNING_KEY_VERSION'],
    ['npm run operate -- keys rotate', 1, 'SIGNING_KEY_VERSION=2'],
    ['npm run operate -- keys rotate --apply', 1, 'SIGNING_KEY_VERSION=2'],
    ['npm run operate -- keys rotate --compromised', 1, 'SIGNING_KEY_VERSION=2'],
    ['npm run operate -- keys rotate --compromised --apply', 1, 'SIGNING_KEY_VERSION=2'],
    ['npm run operate -- keys disable --version 1', 2, 'Would disable version 1'],
    ['npm run operate -- keys disable --version 1 --compromised', 1, 'Would disable version 1'],
    ['npm run operate -- keys disable --version 1 --compromised --apply', 1, 'Disabled version 1'],
    ['npm run operate -- keys disable --version 1 --apply', 2, 'already out of use'],
  ])('%s does what the runbook says while version %i signs', async (command, current, expected) => {
    expect(ofOperate).toContain(command);
    const [, , , , ...options] = command.split(' ');
    const printed: string[] = [];
    const print = (text: string): void => void printed.push(text);
    const environment = { SEATLEASE_DATA: dataFolder, SIGNING_KEY_VERSION: String(current) };
    const code = await runOperate(options, environment, { print, printError: print });
    expect([code, printed.join('\n')]).toEqual([0, expect.stringContaining(expected)]);
  });
});
