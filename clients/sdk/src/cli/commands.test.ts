import { existsSync, readFileSync } from 'node:fs';
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { openTestSuite, type TestLicense, type TestSuite } from '../../../../functions/testing/suite.ts';
import { codeFor } from '../../../../functions/testing/trusting-provider.ts';
import { accountOf } from '../../../../functions/testing/users.ts';
import { serve, temporaryFolder } from '../node/testing.ts';
import { main } from './main.ts';

let suite: TestSuite;
let pem: string;
beforeAll(async () => {
  suite = await openTestSuite();
  pem = (await suite.call('GET', '/api/v1/public-key')).body.public_key;
});
afterAll(() => suite.close());

let license: TestLicense;
let place: { folder: string; remove(): Promise<void> };
let keys: string;
const path = process.env.PATH;
beforeEach(async () => {
  license = await suite.createLicense({ plan: 'pro', max: 1, borrow: { max_days: 14 } });
  place = await temporaryFolder();
  keys = join(place.folder, 'keys.pem');
  await writeFile(keys, pem);
});
afterEach(async () => {
  process.env.PATH = path;
  await place.remove();
});

const withKey = (): NodeJS.ProcessEnv => ({ SEATLEASE_URL: suite.url, SEATLEASE_LICENSE_KEY: license.key });
const withKeys = (): NodeJS.ProcessEnv => ({ ...withKey(), SEATLEASE_PUBLIC_KEYS: keys });

async function seatlease(line: string, env: NodeJS.ProcessEnv) {
  let printed = '';
  let errors = '';
  const code = await main(
    line.split(' ').filter(Boolean),
    { SEATLEASE_STATE_FOLDER: join(place.folder, 'state'), SEATLEASE_FINGERPRINT: 'this machine', ...env },
    { version: '1.2.3', file: '/no/such/file' },
    {
      print(text) {
        printed += text;
      },
      printError(text) {
        errors += text;
      },
      spawn: () => {
        throw new Error('no program is started');
      },
    },
  );
  return { code, printed, errors };
}

/** The document that a command prints with --json. */
async function json(line: string, env: NodeJS.ProcessEnv) {
  const { code, printed, errors } = await seatlease(`${line} --json`, env);
  expect(errors).toBe('');
  return { code, ...JSON.parse(printed) };
}

async function isFree(): Promise<boolean> {
  const { status, body } = await license.acquire('another machine');
  if (status === 201) await license.release(body.session_id);
  return status === 201;
}

describe('help', () => {
  test('without arguments, the usage is printed to standard error, and the exit code is 64', async () => {
    const { code, printed, errors } = await seatlease('', {});
    expect([code, printed]).toEqual([64, '']);
    expect(errors).toContain('seatlease run [options] -- program [arguments]');
  });

  test('--help and --version need no settings and exit with 0', async () => {
    expect(await seatlease('run --help', {})).toMatchObject({
      code: 0,
      errors: '',
      printed: expect.stringMatching(/^seatlease run /),
    });
    expect(await seatlease('--version', {})).toEqual({ code: 0, errors: '', printed: '1.2.3\n' });
  });
});

describe('a wrong setting is named as it was given, and exits with 64:', () => {
  test.each<[string, NodeJS.ProcessEnv, RegExp]>([
    [
      'run -- x',
      { SEATLEASE_URL: 'foo' },
      /^seatlease: SEATLEASE_URL must be an https:.* address .*not "foo"/,
    ],
    [
      'run --url=foo -- x',
      withKeyOf('https://licenses.example.com'),
      /^seatlease: --url must be an https:.* address/,
    ],
    ['run -- x', {}, /^seatlease: --url is required, or set SEATLEASE_URL\./],
    [
      'borrow --days=3',
      { ...withKeyOf('https://x.example'), SEATLEASE_FINGERPRINT: 'f'.repeat(300) },
      /^seatlease: SEATLEASE_FINGERPRINT must/,
    ],
    ['run -- x', withKeyOf('http://licenses.example.com'), /^seatlease: SEATLEASE_URL must be an https:/],
    [
      'run -- x',
      { SEATLEASE_URL: 'https://licenses.example.com' },
      /Set SEATLEASE_LICENSE_KEY, or SEATLEASE_LICENSE_ID/,
    ],
    [
      'run --public-keys=/no/such/file -- x',
      withKeyOf('https://x.example'),
      /^seatlease: --public-keys names \/no\/such\/file, which cannot be read/,
    ],
    [
      'borrow --days=3',
      { ...withKeyOf('https://x.example'), SEATLEASE_PUBLIC_KEYS: '/no/such/file' },
      /^seatlease: SEATLEASE_PUBLIC_KEYS names/,
    ],
    [
      'run -- x',
      { ...withKeyOf('https://x.example'), SEATLEASE_WAIT: 'soon' },
      /^seatlease: SEATLEASE_WAIT must be .* not "soon"/,
    ],
    ['run --wait=soon -- x', withKeyOf('https://x.example'), /^seatlease: --wait must be .* not "soon"/],
    ['run --wait soon -- x', withKeyOf('https://x.example'), /^seatlease: --wait must be .* not "soon"/],
    ['run --wait=-1 -- x', withKeyOf('https://x.example'), /^seatlease: --wait must be .* not "-1"/],
    [`run --user=${'u'.repeat(300)} -- x`, withKeyOf('https://x.example'), /^seatlease: --user /],
    [
      `run --fingerprint=${'f'.repeat(300)} -- x`,
      withKeyOf('https://x.example'),
      /^seatlease: --fingerprint /,
    ],
  ])('"%s" with %o', async (line, env, why) => {
    const { code, printed, errors } = await seatlease(line, env);
    expect([code, printed]).toEqual([64, '']);
    expect(errors).toMatch(why);
    expect(errors).not.toContain('slk_secret');
  });

  function withKeyOf(url: string): NodeJS.ProcessEnv {
    return { SEATLEASE_URL: url, SEATLEASE_LICENSE_KEY: 'slk_secret' };
  }

  test('with --json as one document on standard output, for "run" as a line on standard error', async () => {
    const { code, error } = await json('status', { SEATLEASE_URL: 'foo' });
    expect([code, error]).toEqual([
      64,
      { code: 'OPTION_INVALID', message: expect.stringContaining('SEATLEASE_URL') },
    ]);
    expect((await json('stauts', {})).error).toEqual({
      code: 'WRONG_USAGE',
      message: expect.stringContaining('Did you mean status?'),
    });
    const { printed, errors } = await seatlease('run --json -- x', { SEATLEASE_URL: 'foo' });
    expect([printed, JSON.parse(errors)]).toEqual(['', expect.objectContaining({ event: 'error' })]);
  });
});

describe('"status"', () => {
  test('shows the rest if one thing cannot be used', async () => {
    const { code, printed } = await seatlease('status', {
      ...withKey(),
      SEATLEASE_PUBLIC_KEYS: '/no/such/file',
    });
    expect([code, printed]).toEqual([0, expect.stringMatching(/^fingerprint +this machine$/m)]);
    expect(printed).toMatch(/^seats by +SEATLEASE_PUBLIC_KEYS names \/no\/such\/file/m);
    // There is no home to store a random machine id in.
    const folder = join(place.folder, 'keys.pem', 'not a folder');
    const without = await seatlease('status', {
      ...withKeys(),
      SEATLEASE_FINGERPRINT: '',
      SEATLEASE_STATE_FOLDER: folder,
    });
    expect(without.printed).toContain(`${suite.url} answers\n`);
  });

  test('shows server, machine, credentials and what is stored, and takes no seat', async () => {
    const { code, printed, errors } = await seatlease('status', withKeys());
    expect([code, errors]).toEqual([0, '']);
    expect(printed).toContain(`${suite.url} answers\n`);
    expect(printed).toMatch(/^fingerprint +this machine$/m);
    expect(printed).toMatch(/^sign-in +none$/m);
    expect(printed).not.toContain(license.key);
    expect(await json('status', withKeys())).toEqual({
      code: 0,
      server: { url: suite.url, answers: true },
      fingerprint: 'this machine',
      sign_in: null,
      stored: null,
    });
    expect(await isFree()).toBe(true);
  });

  test('exits with 69 and says why if the server does not answer, or something else answers', async () => {
    const other = await serve((_request, response) => response.writeHead(200).end('<html>'));
    const page = await json('status', { ...withKey(), SEATLEASE_URL: other.url });
    other.close();
    expect(page).toMatchObject({
      code: 69,
      server: { answers: false, problem: expect.stringContaining('not as a license server does') },
    });
    const { code, printed } = await seatlease('status', { ...withKey(), SEATLEASE_URL: other.url });
    expect(code).toBe(69);
    expect(printed).toContain('connection refused');
  });

  test('works without a license', async () => {
    const { code, printed } = await seatlease('status', { SEATLEASE_URL: suite.url });
    expect([code, printed]).toEqual([0, expect.stringContaining('Set SEATLEASE_LICENSE_KEY, or')]);
  });
});

describe('a borrowed seat', () => {
  test('stays taken until "return", and "status" shows it', async () => {
    const borrowed = await json('borrow --days=3', withKeys());
    expect(borrowed).toEqual({
      code: 0,
      session_id: expect.stringMatching(/^ses_/),
      license_id: license.licenseId,
      borrowed_until: expect.stringMatching(/^\d{4}-.*Z$/),
      offline_until: expect.stringMatching(/^\d{4}-.*Z$/),
    });
    expect(Date.parse(borrowed.borrowed_until) - Date.now()).toBeGreaterThan(2.9 * 86_400_000);
    expect(await isFree()).toBe(false);
    expect((await json('status', withKeys())).stored).toMatchObject({
      kind: 'loan',
      license_id: license.licenseId,
      offline_until: borrowed.offline_until,
    });
    expect(await json('return', withKeys())).toEqual({
      code: 0,
      returned: { session_id: borrowed.session_id, license_id: license.licenseId },
    });
    expect(await isFree()).toBe(true);
    expect((await json('status', withKeys())).stored).toBe(null);
  });

  test('is announced in words', async () => {
    const { printed } = await seatlease('borrow --days 3', withKeys());
    expect(printed).toMatch(
      /^Borrowed a seat of lic_\w+ until \S+Z\. "seatlease return" returns it early\.\n$/,
    );
    expect(await seatlease('return', withKeys())).toMatchObject({
      code: 0,
      printed: `Returned the seat of ${license.licenseId}.\n`,
    });
  });

  test('needs public keys: without them, nothing is borrowed, and the exit code is 64', async () => {
    const { code, errors } = await seatlease('borrow --days=3', withKey());
    expect([code, errors]).toEqual([
      64,
      expect.stringContaining('pass --public-keys, or set SEATLEASE_PUBLIC_KEYS'),
    ]);
    expect(await isFree()).toBe(true);
    expect((await seatlease(`borrow --days=3 --public-keys=${keys}`, withKey())).code).toBe(0);
  });

  test('is refused with 77 if the license does not allow so many days', async () => {
    const { code, error } = await json('borrow --days=15', withKeys());
    expect([code, error]).toMatchObject([77, { code: 'BORROW_NOT_ALLOWED', status: 403 }]);
  });

  test('is returned although the public keys are missing, or an admin has ended it and another machine has the seat', async () => {
    const { session_id } = await json('borrow --days=3', withKeys());
    expect(
      (await json('return', { ...withKey(), SEATLEASE_PUBLIC_KEYS: '/no/such/file' })).returned,
    ).toMatchObject({
      session_id,
    });
    const { session_id: second } = await json('borrow --days=3', withKeys());
    await suite.operate('DELETE', `/api/v1/licenses/sessions/${second}`);
    await license.acquire('another machine');
    expect((await json('return', withKeys())).code).toBe(0);
    expect((await json('return', withKeys())).returned).toBe(null);
  });

  test('that cannot be stored is not borrowed: the exit code is 69, and the seat is free', async () => {
    await writeFile(join(place.folder, 'file'), '');
    const state = join(place.folder, 'file', 'state');
    const { code, error } = await json('borrow --days=3', { ...withKeys(), SEATLEASE_STATE_FOLDER: state });
    expect([code, error]).toMatchObject([69, { message: expect.stringContaining('folder is not writable') }]);
    expect(await isFree()).toBe(true);
  });

  test('does not have to exist: "return" then exits with 0 and takes no seat', async () => {
    expect(await json('return', withKeys())).toEqual({ code: 0, returned: null });
    expect(await isFree()).toBe(true);
  });
});

describe('a user', () => {
  const ADA = accountOf('ada@example.com');
  const withSignIn = (more: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv => ({
    SEATLEASE_URL: suite.url,
    ...more,
  });

  /** Runs "login" with a browser in which Ada signs in. */
  async function login(env: NodeJS.ProcessEnv) {
    const opened = join(place.folder, 'opened');
    await mkdir(join(place.folder, 'bin'), { recursive: true });
    for (const name of ['xdg-open', 'open']) {
      const file = join(place.folder, 'bin', name);
      await writeFile(file, `#!/bin/sh\necho "$1" > ${opened}.new && mv ${opened}.new ${opened}\n`);
      await chmod(file, 0o755);
    }
    process.env.PATH = `${join(place.folder, 'bin')}:${path}`;
    const ended = json('login', env);
    while (!existsSync(opened)) await new Promise((done) => setTimeout(done, 10));
    const begun = await suite.call('GET', readFileSync(opened, 'utf8').trim().slice(suite.url.length));
    const query = new URLSearchParams(codeFor(begun.headers.get('location') ?? '', ADA));
    const cookie = begun.headers.get('set-cookie')?.split(';')[0] ?? '';
    const back = await suite.call('GET', `/auth/callback?${query}`, { headers: { cookie } });
    await fetch(back.headers.get('location') ?? '');
    return ended;
  }

  test('signs in with "login", then needs only a license id, and signs out with "logout"', async () => {
    const before = await seatlease('run -- x', withSignIn({ SEATLEASE_LICENSE_ID: 'lic_1' }));
    expect(before).toMatchObject({ code: 77, errors: expect.stringContaining('run "seatlease login"') });

    const user = await login(withSignIn());
    expect(user).toMatchObject({ code: 0, url: suite.url, user_id: expect.stringMatching(/^usr_/) });
    const tenantId = user.tenants[0].tenant_id;
    license = await suite.createLicense({
      tenant_id: tenantId,
      plan: 'pro',
      max: 1,
      borrow: { max_days: 14 },
    });
    const env = withSignIn({ SEATLEASE_LICENSE_ID: license.licenseId, SEATLEASE_PUBLIC_KEYS: keys });
    expect(await json('status', env)).toMatchObject({ code: 0, sign_in: { user_id: user.user_id } });
    expect((await seatlease('login', env)).printed).toBe(
      `Already signed in to ${suite.url} as ${user.user_id}.\n`,
    );
    expect(await json('borrow --days=2', env)).toMatchObject({ code: 0, license_id: license.licenseId });
    expect(await json('return', env)).toMatchObject({ code: 0, returned: { license_id: license.licenseId } });

    // A license that is named wins over a key.
    const { SEATLEASE_LICENSE_ID: id, ...others } = env;
    const borrowed = await json(`borrow --days=2 --license=${id}`, {
      ...others,
      SEATLEASE_LICENSE_KEY: 'slk_x_y',
    });
    expect(borrowed).toMatchObject({ code: 0, license_id: id });
    await json('return', env);

    expect(await json('logout', env)).toEqual({ code: 0, url: suite.url, user_id: user.user_id });
    expect(await json('status', env)).toMatchObject({ sign_in: null });
    expect((await seatlease('logout', env)).printed).toBe(`Not signed in to ${suite.url}.\n`);
  });
});
