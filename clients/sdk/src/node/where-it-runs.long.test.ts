import { spawnSync } from 'node:child_process';
import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { isFree } from '../../../../functions/testing/is-free.ts';
import { openTestSuite, type TestLicense, type TestSuite } from '../../../../functions/testing/suite.ts';
import { run, runModule, temporaryFolder } from './testing.ts';

let suite: TestSuite;
let place: { folder: string; remove(): Promise<void> };
let license: TestLicense;
beforeAll(async () => {
  suite = await openTestSuite();
  place = await temporaryFolder();
});
afterAll(async () => {
  await suite.close();
  await place.remove();
});

const SDK = new URL('../node.ts', import.meta.url).href;
const env = (): Record<string, string> => ({
  SEATLEASE_URL: suite.url,
  SEATLEASE_LICENSE_KEY: license.key,
  SEATLEASE_STATE_FOLDER: place.folder,
});

describe('while the event loop is blocked for longer than the TTL (S18)', () => {
  beforeEach(async () => {
    license = await suite.createLicense({ max: 1, ttl_seconds: 10, heartbeat_seconds: 4 });
  });

  test('the seat stays held, and mayRun is true', async () => {
    const { child, ended, says } = runModule(
      `import { Seatlease } from '${SDK}';
      const events = [];
      const seatlease = new Seatlease();
      for (const name of ['offline', 'online', 'lost', 'reacquired']) seatlease.on(name, () => events.push(name));
      const seat = await seatlease.acquire();
      console.log('blocked');
      const answers = new Set();
      for (const end = Date.now() + 25_000; Date.now() < end; ) answers.add(seat.mayRun && seat.holdsLease && seat.state);
      console.log('free', [...answers].join());
      await new Promise((resolve) => setTimeout(resolve, 500));
      console.log('then', seat.state, events.join());
      await seat.release();`,
      env(),
      60_000,
    );
    await says('blocked');
    const held: boolean[] = [];
    const looking = setInterval(async () => held.push(!(await isFree(license))), 1_000);
    await says('free');
    clearInterval(looking);
    expect(held.length).toBeGreaterThan(18);
    expect(held.every(Boolean)).toBe(true);
    expect(await ended).toMatchObject({ code: 0 });
    expect((await ended).output).toBe('blocked\nfree online\nthen online \n');
    expect(child.exitCode).toBe(0);
    expect(await isFree(license)).toBe(true);
  });
});

describe('a program ends at once beside its understudy', () => {
  beforeEach(async () => {
    license = await suite.createLicense({ max: 1 });
  });

  test.each([
    ['by an empty event loop', ''],
    ['by process.exit', 'process.exit(0);'],
    ['after a release', 'await seat.release();'],
  ])('%s', async (_, rest) => {
    const timed = (understudy: string) =>
      runModule(
        `import { Seatlease } from '${SDK}';
        import { nodePlatform } from '${new URL('./index.ts', import.meta.url).href}';
        const { understudy, ...platform } = nodePlatform();
        const seat = await new Seatlease({ platform: { ...platform, ${understudy} } }).acquire();
        const since = performance.now();
        process.on('exit', () => console.log(Math.round(performance.now() - since)));
        ${rest}`,
        env(),
      ).ended;
    const [without, beside] = [await timed(''), await timed('understudy')];
    expect([without.code, beside.code]).toEqual([0, 0]);
    expect(Number(beside.output)).toBeLessThan(Number(without.output) + 250);
  });
});

const canUnshare = spawnSync('unshare', ['--mount', '--net', 'ip', 'link']).status === 0;

test.skipIf(!canUnshare)('an understudy does not delay process.exit where DNS does not answer', async () => {
  const resolver = join(place.folder, 'resolv.conf');
  await writeFile(resolver, 'nameserver 127.0.0.1\n');
  const code = `
    import { createSocket } from 'node:dgram';
    import { understudies } from '${new URL('./understudy.ts', import.meta.url).href}';
    createSocket('udp4').bind(53, '127.0.0.1', () => {
      const one = understudies(() => ({ address: '127.0.0.1', family: 4 }))();
      const times = { inMs: 0, everyMs: 1_000, retryMs: 1_000, timeoutMs: 500 };
      one.plan({ method: 'PUT', url: 'http://licenses.example.com:1', headers: {} }, times);
      setTimeout(() => process.exit(5), 500);
    });`;
  const shell = `mount --bind ${resolver} /etc/resolv.conf; ip link set lo up; exec "$@"`;
  const started = performance.now();
  const program = [process.execPath, '--input-type=module', '-e', code];
  const { code: exitCode } = await run('unshare', ['--mount', '--net', 'sh', '-euc', shell, 'sh', ...program])
    .ended;
  expect(exitCode).toBe(5);
  expect(performance.now() - started).toBeLessThan(5_000);
});

/** Not root, no home, no passwd entry, no environment, and no machine id: as in many a container (S7). */
describe.skipIf(!canUnshare)('in a container without home and machine id', () => {
  beforeEach(async () => {
    license = await suite.createLicense({ max: 9 });
  });

  const program = `
    const { Seatlease } = await import('${SDK}');
    const error = await new Seatlease().acquire().then((seat) => (console.log(seat.state), seat.release()), String);
    if (error) console.log(error);`;
  const contained = (variables: Record<string, string>) =>
    run('unshare', [
      '--mount',
      'sh',
      '-euc',
      `for file in /etc/machine-id /var/lib/dbus/machine-id; do [ ! -e $file ] || mount --bind /dev/null $file; done
      exec env -i setpriv --reuid=54321 --regid=54321 --clear-groups "$@"`,
      'sh',
      'env',
      ...Object.entries(variables).map(([name, value]) => `${name}=${value}`),
      process.execPath,
      '--input-type=module',
      '-e',
      program,
    ]).ended;

  test.each([
    ['no state folder', {}],
    ['a state folder that cannot be written', { SEATLEASE_STATE_FOLDER: '/usr/seatlease' }],
  ])('a program with SEATLEASE_FINGERPRINT and %s works', async (__, more) => {
    const { SEATLEASE_STATE_FOLDER: _, ...given } = env();
    const keys = join(place.folder, 'keys.json');
    await writeFile(keys, await (await fetch(`${suite.url}/.well-known/jwks.json`)).text(), { mode: 0o644 });
    await chmod(place.folder, 0o755);
    const variables = { ...given, ...more, SEATLEASE_PUBLIC_KEYS: keys, SEATLEASE_FINGERPRINT: 'pod-7' };
    expect((await contained(variables)).output).toBe('online\n');
  });

  test.each([
    ['no state folder', {}],
    ['a state folder that cannot be written', { SEATLEASE_STATE_FOLDER: '/usr/seatlease' }],
  ])(
    'without it and with %s, it says what to set, and takes no seat, at each of five starts',
    async (__, more) => {
      const { SEATLEASE_STATE_FOLDER: _, ...given } = env();
      for (let start = 0; start < 5; start += 1) {
        const { output } = await contained({ ...given, ...more });
        expect(output).toContain('This machine has no machine id, and none can be stored');
        expect(output).toContain('Set SEATLEASE_FINGERPRINT');
      }
      const { body } = await suite.operate('GET', `/api/v1/sessions?license_id=${license.licenseId}`);
      expect(body.seats.active).toBe(0);
    },
  );
});

test('a program in a worker thread holds a seat, and releases it when the thread ends', async () => {
  license = await suite.createLicense({ max: 1 });
  const inWorker = `
    import { Seatlease } from '${SDK}';
    console.log((await new Seatlease().acquire()).state);`;
  const file = join(place.folder, 'worker.mjs');
  await writeFile(file, inWorker);
  const { ended, says, child } = runModule(
    `import { Worker } from 'node:worker_threads';
    new Worker('${file}', { execArgv: [] }).on('exit', (code) => console.log('worker ended', code));
    setInterval(() => {}, 1_000);`,
    env(),
  );
  await says('worker ended 0');
  expect(await isFree(license)).toBe(true);
  child.kill();
  await ended;
});
