import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { isFree } from '../../functions/testing/is-free.ts';
import { openTestSuite, type TestLicense, type TestSuite } from '../../functions/testing/suite.ts';
import { describeReal } from '../../shared/testing/real-parts.ts';
import { type TcpProxy, tcpProxy } from '../../shared/testing/servers/tcp-proxy.ts';

const SOURCES = 'clients/c';
const LIBRARIES = ['-lcurl', '-lcrypto', '-lpthread', '-lm'];
const SANITIZED = '-O1 -g -Werror -fno-sanitize-recover=all -fsanitize=address,undefined';

interface Vector {
  readonly name: string;
  readonly system: string;
  readonly source: string;
  readonly output: string;
  readonly fingerprint: string | null;
}

const VECTORS: {
  readonly vectors: readonly Vector[];
  readonly random_id: {
    readonly machine_id: string;
    readonly fingerprint: string;
    readonly stored_in: string;
  };
} = JSON.parse(readFileSync('clients/docs/fingerprint-vectors.json', 'utf8'));

/** Whether private mounts are allowed: some containers do not. */
const canMount = spawnSync('unshare', ['-rm', 'mount', '-t', 'tmpfs', 'none', '/var/lib']).status === 0;

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'seatlease-c-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

function run(command: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): string {
  const { status, stdout, stderr } = spawnSync(command, args, {
    encoding: 'utf8',
    env: { PATH: process.env.PATH, ...env },
  });
  expect({ command, args, status, output: status === 0 ? '' : stdout + stderr }).toMatchObject({ status: 0 });
  return stdout;
}

/** Runs a program while this one serves it, and returns what it prints. */
async function runLater(program: string, env: NodeJS.ProcessEnv): Promise<string> {
  const child = spawn(program, { env: { PATH: process.env.PATH, ...env } });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (data) => {
      output += data;
    });
  await once(child, 'close');
  return output;
}

/** Builds a program, and returns its path. */
function build(name: 'agent' | 'fuzz', compiler = 'cc', flags = SANITIZED): string {
  const place = join(folder, `${compiler}${flags.length}`);
  run('make', ['-s', '-C', SOURCES, `CC=${compiler}`, `CFLAGS=${flags}`, `BUILD=${place}`, name]);
  return join(place, name);
}

describeReal('a C compiler with libcurl and OpenSSL 3', 'the C client', () => {
  let suite: TestSuite;
  let keys: string;
  let agent: string;
  beforeAll(async () => {
    agent = build('agent');
    suite = await openTestSuite();
    keys = join(folder, 'keys.json');
    await writeFile(keys, (await suite.call('GET', '/.well-known/jwks.json')).text);
  });
  afterAll(() => suite.close());

  /** Of one seat. */
  let license: TestLicense;
  let state: string;
  const running = new Set<Agent>();
  beforeEach(async () => {
    license = await suite.createLicense({ max: 1, plan: 'pro', borrow: { max_days: 14 } });
    state = await mkdtemp(join(folder, 'state-'));
  });
  afterEach(() => {
    for (const { child } of running) child.kill('SIGKILL');
    running.clear();
  });

  type Said = Readonly<Record<string, unknown>>;

  class Agent {
    readonly child: ChildProcess;
    readonly said: Said[] = [];
    readonly ended: Promise<number | null>;
    errors = '';
    readonly #heard = new Set<() => void>();

    constructor(env: NodeJS.ProcessEnv = {}, command: readonly string[] = [agent]) {
      const [program = '', ...args] = command;
      this.child = spawn(program, args, {
        env: {
          PATH: process.env.PATH,
          SEATLEASE_URL: suite.url,
          SEATLEASE_LICENSE_KEY: license.key,
          SEATLEASE_STATE_FOLDER: state,
          SEATLEASE_FINGERPRINT: 'a machine',
          ...env,
        },
        stdio: ['pipe', 'pipe', 'pipe'],
      });
      this.child.stderr?.on('data', (data) => {
        this.errors += data;
      });
      this.ended = once(this.child, 'close').then(([code]) => code as number | null);
      if (this.child.stdout)
        createInterface(this.child.stdout).on('line', (line) => {
          this.said.push(JSON.parse(line));
          for (const look of this.#heard) look();
        });
      running.add(this);
    }

    async ask(order: Said): Promise<Said> {
      const before = this.said.length;
      this.child.stdin?.write(`${JSON.stringify(order)}\n`);
      return this.#hears((one) => one.re === order.do, before);
    }

    event(name: string): Promise<Said> {
      return this.#hears((one) => one.event === name, 0);
    }

    #hears(isIt: (said: Said) => boolean, from: number): Promise<Said> {
      return new Promise((resolve, reject) => {
        const look = (): void => {
          const found = this.said.slice(from).find(isIt);
          if (found) resolve(found);
        };
        this.#heard.add(look);
        look();
        void this.ended.then((code) => reject(new Error(`it ended with ${code}: ${this.errors}`)));
      });
    }
  }

  const acquire = (more: Said = {}): Said => ({ do: 'acquire', ...more });
  const GRANTED = { re: 'acquire', ok: true };

  test('holds a seat, reads its plan, and releases it', async () => {
    const one = new Agent();
    expect(await one.ask({ do: 'state' })).toMatchObject({ state: 'none', may_run: false });
    expect(await one.ask(acquire())).toEqual(GRANTED);
    const { body } = await license.acquire('a machine');
    expect(await one.ask({ do: 'state' })).toMatchObject({
      ...{ state: 'online', may_run: true, holds_lease: true },
      plan: body.entitlements.plan,
      features: body.entitlements.features,
      limits: body.entitlements.limits,
    });
    await license.release(body.session_id);
    expect(await isFree(license)).toBe(false);
    expect(await one.ask({ do: 'release' })).toEqual({ re: 'release', ok: true });
    expect(await one.ask({ do: 'state' })).toMatchObject({
      state: 'released',
      may_run: false,
      holds_lease: false,
    });
    expect(await isFree(license)).toBe(true);
    expect(await one.ask(acquire())).toEqual(GRANTED);
  });

  test.each<[string, (one: Agent) => unknown, number]>([
    ['returns from main', ({ child }) => child.stdin?.end(), 0],
    ['gets SIGTERM', ({ child }) => child.kill('SIGTERM'), 143],
  ])('releases the seat when its program %s', async (_, end, code) => {
    const one = new Agent();
    await one.ask(acquire());
    expect(await isFree(license)).toBe(false);
    end(one);
    expect(await one.ended).toBe(code);
    expect(await isFree(license)).toBe(true);
  });

  describe.skipIf(!canMount)('on a machine', () => {
    /** A private mount shows other machine ids to the agent: a folder with the files of the machine. */
    async function onMachine(files: Readonly<Record<string, string>>): Promise<string[]> {
      const ids = await mkdtemp(join(folder, 'machine-'));
      for (const name of ['etc', 'dbus']) await writeFile(join(ids, name), files[name] ?? '');
      const mounts = [
        'mount --bind "$0/etc" /etc/machine-id',
        // The machine itself stays as it is: everything is written in the private mount.
        'mount -t tmpfs none /var/lib && mkdir /var/lib/dbus && cp "$0/dbus" /var/lib/dbus/machine-id',
        'exec "$1"',
      ];
      return ['unshare', '-rm', 'sh', '-c', mounts.join(' && '), ids, agent];
    }

    async function expectFingerprint(one: Agent, fingerprint: string): Promise<void> {
      expect(await one.ask(acquire())).toEqual(GRANTED);
      const { status, body } = await license.acquire(fingerprint);
      expect([status, body.seats]).toEqual([200, { active: 1, max: 1 }]);
    }

    const linux = VECTORS.vectors.filter(({ system }) => system === 'linux');
    test.each(linux)(
      'has the fingerprint of every client: $name',
      async ({ source, output, fingerprint }) => {
        const command = await onMachine({ [source.startsWith('/etc') ? 'etc' : 'dbus']: output });
        const one = new Agent(
          { SEATLEASE_FINGERPRINT: '', SEATLEASE_STATE_FOLDER: '/proc/nowhere' },
          command,
        );
        if (fingerprint !== null) await expectFingerprint(one, fingerprint);
        else expect(await one.ask(acquire())).toMatchObject({ ok: false, code: 'FINGERPRINT_UNAVAILABLE' });
      },
    );

    test('without an id uses the random one that another client has stored', async () => {
      const { stored_in, machine_id, fingerprint } = VECTORS.random_id;
      await writeFile(join(state, stored_in), machine_id);
      await expectFingerprint(new Agent({ SEATLEASE_FINGERPRINT: '' }, await onMachine({})), fingerprint);
    });

    test.each(['', 'no id'])('without an id replaces the stored text "%s" by a random one', async (text) => {
      const file = join(state, VECTORS.random_id.stored_in);
      await writeFile(file, text);
      const one = new Agent({ SEATLEASE_FINGERPRINT: '' }, await onMachine({}));
      expect(await one.ask(acquire())).toEqual(GRANTED);
      expect(readFileSync(file, 'utf8')).toMatch(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
    });
  });

  test('says that the pool is full, at once or after the time that it waits', async () => {
    await license.acquire('another machine');
    const one = new Agent();
    expect(await one.ask(acquire())).toEqual({ re: 'acquire', ok: false, code: 'SEATS_EXHAUSTED' });
    const waited = { re: 'acquire', ok: false, code: 'WAITED_IN_VAIN', cause: 'SEATS_EXHAUSTED' };
    expect(await one.ask(acquire({ wait_seconds: 1 }))).toEqual(waited);
    one.child.stdin?.end();
    await one.ended;
    expect(one.errors).not.toContain(license.key);
  });

  test('is lost at once and for good when an admin ends its session', async () => {
    license = await suite.createLicense({ max: 1, ttl_seconds: 60, heartbeat_seconds: 2 });
    const one = new Agent();
    await one.ask(acquire());
    const { session_id } = await one.ask({ do: 'state' });
    await suite.operate('DELETE', `/api/v1/licenses/sessions/${session_id}`);
    expect(await one.event('lost')).toEqual({ event: 'lost', code: 'SESSION_NOT_FOUND' });
    expect(await one.ask({ do: 'state' })).toMatchObject({
      state: 'expired',
      may_run: false,
      holds_lease: false,
    });
  });

  describe('offline', () => {
    let proxy: TcpProxy;
    beforeEach(async () => {
      proxy = await tcpProxy(new URL(suite.url).host);
    });
    afterEach(() => proxy.close());

    const pinned = (): NodeJS.ProcessEnv => ({
      SEATLEASE_URL: `http://${proxy.host}`,
      SEATLEASE_PUBLIC_KEYS: keys,
    });

    /** Without files that are being written. */
    const stored = (): string[] => readdirSync(state).filter((name) => name.endsWith('.json'));

    /** A program that stored its signed license. */
    async function signed(): Promise<Agent> {
      const one = new Agent(pinned());
      expect(await one.ask(acquire())).toEqual(GRANTED);
      for (let n = 0; n < 100 && stored().length === 0; n += 1) await sleep(100);
      expect(stored()).toHaveLength(1);
      return one;
    }

    test('starts after a crash, and is online when the server is back', async () => {
      const one = await signed();
      one.child.kill('SIGKILL');
      await one.ended;
      proxy.down(true);
      const again = new Agent(pinned());
      expect(await again.ask(acquire())).toEqual(GRANTED);
      expect(await again.ask({ do: 'state' })).toMatchObject({
        state: 'offline',
        may_run: true,
        holds_lease: false,
        plan: 'pro',
      });
      proxy.down(false);
      await again.event('online');
      expect(await again.ask({ do: 'state' })).toMatchObject({ state: 'online', holds_lease: true });
    });

    test.each<[string, () => Promise<unknown>, NodeJS.ProcessEnv, string]>([
      ['without pinned keys', async () => undefined, { SEATLEASE_PUBLIC_KEYS: '' }, 'NO_ANSWER'],
      ['on another machine', async () => undefined, { SEATLEASE_FINGERPRINT: 'another' }, 'NO_ANSWER'],
      [
        'with a changed file',
        async () => {
          const file = join(state, stored()[0] ?? '');
          await writeFile(
            file,
            readFileSync(file, 'utf8').replace(/latest_wall_ms\\":1/, 'latest_wall_ms\\":0'),
          );
        },
        {},
        'OFFLINE_LICENSE_INVALID',
      ],
    ])('does not start after a crash %s', async (_, change, env, code) => {
      const one = await signed();
      one.child.kill('SIGKILL');
      await one.ended;
      proxy.down(true);
      await change();
      const again = new Agent({ ...pinned(), ...env });
      expect(await again.ask(acquire())).toMatchObject({ ok: false, code });
    });

    test('does not start after a release if the license does not allow it', async () => {
      const one = await signed();
      expect(await one.ask({ do: 'release' })).toMatchObject({ ok: true });
      expect(readdirSync(state)).toEqual([]);
      proxy.down(true);
      expect(await new Agent(pinned()).ask(acquire())).toMatchObject({ ok: false, code: 'NO_ANSWER' });
    });
  });

  test('borrows a seat that outlives the program, and returns it', async () => {
    const pinned = { SEATLEASE_PUBLIC_KEYS: keys };
    const one = new Agent();
    expect(await one.ask(acquire({ borrow_days: 2 }))).toMatchObject({ code: 'PUBLIC_KEYS_REQUIRED' });
    const borrower = new Agent(pinned);
    expect(await borrower.ask(acquire({ borrow_days: 2 }))).toEqual(GRANTED);
    borrower.child.stdin?.end();
    expect(await borrower.ended).toBe(0);
    expect(await isFree(license)).toBe(false);
    const later = new Agent(pinned);
    expect(await later.ask(acquire())).toEqual(GRANTED);
    expect(await later.ask({ do: 'state' })).toMatchObject({
      state: 'online',
      borrowed_until: expect.any(String),
    });
    expect(await later.ask({ do: 'release' })).toEqual({ re: 'release', ok: true });
    expect(await isFree(license)).toBe(true);
    expect(readdirSync(state)).toEqual([]);
  });

  test.each<[string, NodeJS.ProcessEnv, RegExp]>([
    ['no address', { SEATLEASE_URL: '' }, /url is missing/],
    ['an address that is none', { SEATLEASE_URL: 'foo' }, /SEATLEASE_URL is no address .*"foo"/],
    ['http to another machine', { SEATLEASE_URL: 'http://192.0.2.1' }, /SEATLEASE_URL must begin with https/],
    [
      'http to a name like a local one',
      { SEATLEASE_URL: 'http://127.0.0.1.example.com' },
      /must begin with https/,
    ],
    [
      'another scheme',
      { SEATLEASE_URL: 'ftp://licenses.example.com' },
      /SEATLEASE_URL must begin with https/,
    ],
    [
      'credentials in the address',
      { SEATLEASE_URL: 'https://a:hidden@b.example' },
      /neither credentials nor a query: "\(not shown\)"/,
    ],
    [
      'a key with a line break',
      { SEATLEASE_LICENSE_KEY: 'slk_1\r\nX: hidden' },
      /SEATLEASE_LICENSE_KEY is no license key/,
    ],
    [
      'a wait that is no number',
      { SEATLEASE_WAIT: 'abc' },
      /SEATLEASE_WAIT must be seconds, or true\. It is "abc"/,
    ],
    [
      'keys that are none',
      { SEATLEASE_PUBLIC_KEYS: '/dev/null' },
      /SEATLEASE_PUBLIC_KEYS: \/dev\/null has no RSA key/,
    ],
  ])('refuses %s before any request, and names what is wrong', async (_, env, message) => {
    const one = new Agent(env);
    expect(await one.ask(acquire())).toEqual({ re: 'acquire', ok: false, code: 'OPTION_INVALID' });
    one.child.stdin?.end();
    await one.ended;
    expect(one.errors).toMatch(message);
    expect(one.errors).not.toContain('hidden');
  });

  describeReal('openssl', 'over TLS', () => {
    test('sends nothing to a server whose certificate it does not trust', async () => {
      const [key, certificate] = [join(folder, 'key.pem'), join(folder, 'certificate.pem')];
      const names = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost'];
      const made = [
        '-x509',
        '-newkey',
        'rsa:2048',
        '-nodes',
        '-days',
        '2',
        '-keyout',
        key,
        '-out',
        certificate,
      ];
      run('openssl', ['req', ...made, ...names]);
      let requests = 0;
      const files = { key: readFileSync(key), cert: readFileSync(certificate) };
      const server = createServer(files, (_, response) => {
        requests += 1;
        response.end();
      }).listen(0, '127.0.0.1');
      await once(server, 'listening');
      const one = new Agent({ SEATLEASE_URL: `https://localhost:${(server.address() as AddressInfo).port}` });
      expect(await one.ask(acquire())).toEqual({ re: 'acquire', ok: false, code: 'NO_ANSWER' });
      one.child.stdin?.end();
      await one.ended;
      expect(one.errors).toContain('certificate');
      expect(requests).toBe(0);
      server.close();
    });
  });

  test('acquires a seat again that has expired, and keeps its session', async () => {
    license = await suite.createLicense({ max: 1, ttl_seconds: 10, heartbeat_seconds: 5 });
    const proxy = await tcpProxy(new URL(suite.url).host);
    const one = new Agent({ SEATLEASE_URL: `http://${proxy.host}` });
    expect(await one.ask(acquire())).toEqual(GRANTED);
    const { session_id } = await one.ask({ do: 'state' });
    proxy.down(true);
    await one.event('lost');
    proxy.down(false);
    expect(await one.ask(acquire({ wait_seconds: 30 }))).toEqual(GRANTED);
    expect(await one.ask({ do: 'state' })).toMatchObject({ state: 'online', session_id });
    expect(await one.ask({ do: 'release' })).toEqual({ re: 'release', ok: true });
    expect(await isFree(license)).toBe(true);
    await proxy.close();
  });

  test('keeps its seat if borrowing is refused, and the loan of another program when it releases', async () => {
    const pinned = { SEATLEASE_PUBLIC_KEYS: keys };
    const one = new Agent(pinned);
    expect(await one.ask(acquire())).toEqual(GRANTED);
    expect(await one.ask(acquire({ borrow_days: 90 }))).toMatchObject({ ok: false });
    expect(await one.ask({ do: 'state' })).toMatchObject({ state: 'online', holds_lease: true });
    const borrower = new Agent(pinned);
    expect(await borrower.ask(acquire({ borrow_days: 2 }))).toEqual(GRANTED);
    expect(await one.ask({ do: 'release' })).toMatchObject({ ok: true });
    expect(readdirSync(state)).toHaveLength(1);
    expect(await borrower.ask({ do: 'release' })).toMatchObject({ ok: true });
    expect(readdirSync(state)).toEqual([]);
  });

  test('lets its listener release, not acquire, and ignores keys of the user if the app has the address', async () => {
    const source = join(folder, 'listener.c');
    await writeFile(
      source,
      `#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "seatlease.h"
static seatlease_client *client;
static void hear(seatlease_seat *seat, seatlease_event event, const char *code, void *context) {
    seatlease_error error;
    seatlease_seat *other;
    (void)context;
    printf("%d %s\\n", event == SEATLEASE_EVENT_GRACE_AT_RISK, code);
    if (!seatlease_acquire(client, 0, &other, &error)) puts(error.code);
    if (seatlease_release(seat, NULL) && !seatlease_may_run(seat)) puts("released");
    fflush(stdout);
}
int main(void) {
    seatlease_options options = {.url = getenv("ADDRESS"), .public_keys = getenv("KEYS"), .listener = hear};
    seatlease_error error;
    seatlease_seat *seat;
    client = seatlease_new(&options, &error);
    if (client == NULL || !seatlease_acquire(client, 0, &seat, &error)) return puts(error.code), 1;
    int tries = options.public_keys == NULL ? 0 : 50;
    while (tries-- > 0 && seatlease_state_of(seat) != SEATLEASE_RELEASED) usleep(100000);
    seatlease_free(client);
    return 0;
}
`,
    );
    const program = join(folder, 'listener');
    const parts = ['seatlease.c', 'offline.c', 'json.c'].map((part) => join(SOURCES, part));
    const flags = ['-Wall', '-Wextra', '-Werror', ...SANITIZED.split(' ')];
    run('cc', [...flags, `-I${SOURCES}`, '-o', program, source, ...parts, ...LIBRARIES]);
    const { publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const env = {
      SEATLEASE_LICENSE_KEY: license.key,
      SEATLEASE_STATE_FOLDER: state,
      SEATLEASE_PUBLIC_KEYS: '/dev/null',
      ADDRESS: suite.url,
      KEYS: String(publicKey.export({ type: 'spki', format: 'pem' })),
    };
    const said = await runLater(program, env);
    expect(said).toBe('1 OFFLINE_LICENSE_INVALID\nOPTION_INVALID\nreleased\n');
    expect(await isFree(license)).toBe(true);
    expect(existsSync(state) && readdirSync(state)).toEqual([]);
    const { ADDRESS: SEATLEASE_URL, KEYS: _, ...user } = env;
    expect(await runLater(program, { ...user, ADDRESS: SEATLEASE_URL })).toBe('');
    expect(await runLater(program, { ...user, SEATLEASE_URL })).toBe('OPTION_INVALID\n');
  });

  test('the program of the README compiles without warnings, as C++ too, and gets a seat', async () => {
    const readme = readFileSync('clients/c/README.md', 'utf8');
    const source = join(folder, 'my-program.c');
    await writeFile(source, readme.match(/```c\n(.*?)```/s)?.[1] ?? '');
    const [, command = ''] = readme.match(/```sh\n(cc .*?)\n```/s) ?? [];
    const args = command
      .split(' ')
      .slice(1)
      .map((part) => (part.endsWith('.c') && part !== 'my-program.c' ? join(SOURCES, part) : part));
    const program = join(folder, 'my-program');
    run('cc', [
      '-Wall',
      '-Wextra',
      '-Werror',
      `-I${SOURCES}`,
      ...args.map((part) => (part.startsWith('my-program') ? join(folder, part) : part)),
    ]);
    const env = { SEATLEASE_URL: suite.url, SEATLEASE_LICENSE_KEY: license.key, HOME: folder };
    expect(await runLater(program, env)).toBe('got a seat\n');
    expect(await isFree(license)).toBe(true);
    const header = join(folder, 'header.cc');
    await writeFile(
      header,
      '#include "seatlease.h"\nint main() { return seatlease_new(nullptr, nullptr) != nullptr; }\n',
    );
    run('c++', ['-Wall', '-Wextra', '-Werror', '-fsyntax-only', `-I${SOURCES}`, header]);
  });

  describeReal('clang', 'built with clang', () => {
    test('compiles without warnings', () => {
      build('agent', 'clang');
    });
  });

  describe.each(['gcc', 'clang'])('its readers, built with %s', (compiler) => {
    describeReal(
      compiler === 'clang' ? 'clang' : 'a C compiler with libcurl and OpenSSL 3',
      'under the sanitizers',
      () => {
        test.each([1, 2])('survive three seconds of changed answers, tokens and keys of seed %i', (seed) => {
          const output = run(build('fuzz', compiler), [String(seed), '3'], { FUZZ_KEYS: keys });
          expect(Number.parseInt(output, 10)).toBeGreaterThan(1_000);
        });
      },
    );
  });

  describeReal('valgrind', 'under valgrind', () => {
    test('neither leaks nor reads what it has not written', async () => {
      const plain = build('agent', 'cc', '-O1 -g -Werror');
      const checked = [
        'valgrind',
        '--error-exitcode=9',
        '--leak-check=full',
        '--errors-for-leak-kinds=definite',
        plain,
      ];
      const one = new Agent({ SEATLEASE_PUBLIC_KEYS: keys }, checked);
      expect(await one.ask(acquire())).toEqual(GRANTED);
      await one.ask({ do: 'release' });
      expect(await one.ask(acquire({ borrow_days: 1 }))).toEqual(GRANTED);
      await one.ask({ do: 'state' });
      await one.ask({ do: 'release' });
      expect(await one.ask(acquire())).toEqual(GRANTED);
      one.child.stdin?.end();
      expect({ code: await one.ended, errors: one.errors }).toMatchObject({ code: 0 });
    });
  });
});
