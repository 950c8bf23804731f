import { existsSync, mkdtempSync, renameSync, rmSync, utimesSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, inject, test } from 'vitest';
import { putLocalKey } from '../../shared/local/signing-key.ts';
import { runOperate } from './run.ts';

const CREATED_AT = '2027-01-15T08:00:00.000Z';
const [FIRST, SECOND] = inject('signingKeys');

let folder: string;
let keysFolder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'seatlease-keys-'));
  keysFolder = join(folder, 'signing-keys');
  putKey(1, FIRST, CREATED_AT);
});
afterEach(() => rmSync(folder, { recursive: true }));

/** A local key with that creation time. */
function putKey(number: number, pem: string, at: string): void {
  putLocalKey(keysFolder, number, pem);
  utimesSync(join(keysFolder, `${number}.pem`), new Date(at), new Date(at));
}

function disableBehindOurBack(number: number): void {
  renameSync(join(keysFolder, `${number}.pem`), join(keysFolder, `${number}.disabled.pem`));
}

/** Runs `keys …` with `current` as `SIGNING_KEY_VERSION`. */
async function keysWith(current: number, ...args: string[]) {
  const printed: string[] = [];
  const errors: string[] = [];
  const output = {
    print: (text: string) => void printed.push(text),
    printError: (text: string) => void errors.push(text),
  };
  const environment = { SEATLEASE_DATA: folder, SIGNING_KEY_VERSION: String(current) };
  const code = await runOperate(['keys', ...args], environment, output);
  return { code, printed: printed.join('\n'), errors: errors.join('\n') };
}
const keys = (...args: string[]) => keysWith(1, ...args);

async function json(current: number, ...args: string[]) {
  const { code, printed } = await keysWith(current, ...args, '--json');
  return { code, ...JSON.parse(printed) };
}

describe('keys list', () => {
  test('shows every version, and which one signs', async () => {
    putKey(2, SECOND, CREATED_AT);
    disableBehindOurBack(2);
    const { code, printed } = await keys('list');
    expect(code).toBe(0);
    const [first, second] = printed.split('\n');
    expect(first).toMatch(
      /^ {2}1 {2}enabled +2027-01-15T08:00:00\.000Z {2}not-for-production-1-\S+ {2}<- SIGNING_KEY_VERSION$/,
    );
    expect(second).toMatch(/^ {2}2 {2}disabled {2}2027-01-15T08:00:00\.000Z {2}not-for-production-2-\S+$/);
  });

  test('reports the same as JSON', async () => {
    expect(await json(1, 'list')).toEqual({
      code: 0,
      versions: [
        {
          number: 1,
          name: '1',
          key_id: expect.stringMatching(/^not-for-production-1-/),
          state: 'enabled',
          created_at: CREATED_AT,
          is_current: true,
        },
      ],
    });
  });

  test.each([
    ['is disabled', 1],
    ['does not exist', 7],
  ])('warns and exits with 1 if the version in SIGNING_KEY_VERSION %s', async (_, current) => {
    disableBehindOurBack(1);
    const { code, printed } = await keysWith(current, 'list');
    expect(code).toBe(1);
    expect(printed).toContain('Nothing can be signed');
  });
});

describe('keys rotate', () => {
  test('changes nothing without --apply', async () => {
    const { code, printed } = await keys('rotate');
    expect(code).toBe(0);
    expect(printed).toContain('Nothing was changed');
    expect(printed).toContain('--apply');
    expect(await json(1, 'rotate')).toEqual({ code: 0, step: 'create', applied: false });
    expect(existsSync(join(keysFolder, '2.pem'))).toBe(false);
  });

  test('creates one version, even if --apply is repeated', async () => {
    const { code, printed } = await keys('rotate', '--apply');
    expect([code, printed]).toEqual([0, expect.stringContaining('Created version 2')]);
    expect(await json(1, 'rotate', '--apply')).toMatchObject({
      step: 'wait',
      applied: false,
      version: { number: 2, state: 'enabled', is_current: false },
    });
    expect(existsSync(join(keysFolder, '3.pem'))).toBe(false);
  });

  test('reports how long to wait: six minutes after the version was created', async () => {
    const madeMs = Math.floor(Date.now() / 1000) * 1000;
    putKey(2, SECOND, new Date(madeMs).toISOString());
    const until = new Date(madeMs + 6 * 60_000).toISOString();
    expect(await json(1, 'rotate')).toMatchObject({ step: 'wait', until });
    expect((await keys('rotate')).printed).toContain(`wait until ${until}.`);
  });

  test('then reports the setting to deploy, also as JSON', async () => {
    putKey(2, SECOND, '2020-01-01T00:00:00.000Z');
    expect((await keys('rotate')).printed).toContain('  SIGNING_KEY_VERSION=2\n');
    expect(await json(1, 'rotate', '--apply')).toMatchObject({
      step: 'pin',
      applied: false,
      set: { SIGNING_KEY_VERSION: '2' },
    });
  });

  test('reports when the old version can be disabled once the new one is deployed', async () => {
    putKey(2, SECOND, '2027-03-01T00:00:00.000Z');
    const { printed } = await keysWith(2, 'rotate');
    expect(printed).toContain('90 days after the deploy');
    expect(printed).toContain('not be before 2027-05-30T00:06:00.000Z');
    expect(printed).toContain('npm run operate -- keys disable --version 1');
    expect(await json(2, 'rotate', '--apply')).toMatchObject({
      step: 'retire',
      applied: false,
      versions: [{ number: 1 }],
      not_before: '2027-05-30T00:06:00.000Z',
    });
  });

  test('does not wait with --compromised', async () => {
    putKey(2, SECOND, new Date().toISOString());
    expect(await json(1, 'rotate', '--compromised')).toMatchObject({ step: 'pin', version: { number: 2 } });
    expect(await json(2, 'rotate')).toMatchObject({ step: 'retire' });
    expect(await json(2, 'rotate', '--compromised')).toMatchObject({ step: 'create', applied: false });
  });

  test('warns and exits with 1 if nothing can be signed until then', async () => {
    putKey(2, SECOND, new Date().toISOString());
    disableBehindOurBack(1);
    const { code, printed } = await keys('rotate');
    expect(code).toBe(1);
    expect(printed).toContain('Nothing can be signed');
    expect(printed).toContain('SIGNING_KEY_VERSION=2');
  });
});

describe('keys disable', () => {
  beforeEach(() => putKey(2, SECOND, '2027-03-01T00:00:00.000Z'));
  const isDisabled = (number: number): boolean => existsSync(join(keysFolder, `${number}.disabled.pem`));

  test('reports what breaks and until when, and changes nothing without --apply', async () => {
    const { code, printed } = await keysWith(2, 'disable', '--version', '1');
    expect(code).toBe(0);
    expect(printed).toContain('Would disable version 1');
    expect(printed).toContain('no longer verify');
    expect(printed).toContain('not be before 2027-05-30T00:06:00.000Z');
    expect(printed).toContain('Nothing was changed');
    expect(isDisabled(1)).toBe(false);
  });

  test('disables the version with --apply', async () => {
    expect(await json(2, 'disable', '--version', '1', '--apply')).toMatchObject({
      code: 0,
      applied: true,
      version: { number: 1 },
      not_before: '2027-05-30T00:06:00.000Z',
    });
    expect([isDisabled(1), isDisabled(2)]).toEqual([true, false]);
  });

  test('accepts a version that is already disabled', async () => {
    await keysWith(2, 'disable', '--version', '1', '--apply');
    const { code, printed } = await keysWith(2, 'disable', '--version', '1', '--apply');
    expect([code, printed]).toEqual([0, 'Version 1 is already out of use (disabled).']);
  });

  test('refuses the version that signs', async () => {
    const { code, printed, errors } = await keysWith(2, 'disable', '--version', '2', '--apply');
    expect([code, printed]).toEqual([2, '']);
    expect(errors).toContain('--compromised');
    expect(isDisabled(2)).toBe(false);
  });

  test('disables the version that signs with --compromised, and reports the next step', async () => {
    const dry = await keysWith(2, 'disable', '--version', '2', '--compromised');
    expect(dry.printed).toContain('No license is signed until');
    expect(isDisabled(2)).toBe(false);
    const done = await keysWith(2, 'disable', '--version', '2', '--compromised', '--apply');
    expect([done.code, done.printed]).toEqual([0, expect.stringContaining('Disabled version 2')]);
    expect(done.printed).toContain('keys rotate --compromised');
    expect(isDisabled(2)).toBe(true);
  });

  test('reports that a newer version has signed nothing yet', async () => {
    const { printed } = await keysWith(1, 'disable', '--version', '2');
    expect(printed).toContain('Nothing was signed with it');
    expect(printed).not.toContain('no longer verify');
  });

  test('exits with 2 for an unknown version', async () => {
    const { code, errors } = await keysWith(2, 'disable', '--version', '9', '--apply');
    expect([code, errors]).toEqual([2, 'The key has no version 9.']);
  });
});

test.each([
  ['keys'],
  ['keys', 'rotate', 'now'],
  ['keys', 'destroy'],
  ['keys', 'list', '--apply'],
  ['keys', 'rotate', '--version', '1'],
  ['keys', 'disable'],
  ['keys', 'disable', '--apply'],
  ['keys', 'disable', '--version'],
  ['keys', 'disable', '--version', '0'],
  ['keys', 'disable', '--version', '1x'],
  ['keys', 'disable', '--version', '-1'],
])('prints its usage or commands and exits with 2 for %s (%s %s %s)', async (_, ...args) => {
  const { code, printed, errors } = await keys(...args);
  expect([code, printed]).toEqual([2, '']);
  expect(errors).toMatch(/Usage: npm run operate|^Unknown command .* Commands: keys list, /);
});
