import { describe, expect, test } from 'vitest';
import { readCommand, USAGE, UsageError } from './options.ts';

const ENV = { SEATLEASE_URL: 'https://licenses.example.com', SEATLEASE_LICENSE_KEY: 'key' };
const read = (line: string, env: NodeJS.ProcessEnv = ENV) =>
  readCommand(line.split(' ').filter(Boolean), env);

test('passes everything after "--" to the program', () => {
  expect(read('run -- my-program --wait=1 -- --help')).toMatchObject({
    does: 'run',
    options: { program: 'my-program', args: ['--wait=1', '--', '--help'], wait: false, graceSeconds: 10 },
  });
});

test('reads every option', () => {
  expect(read('run --wait=60 --grace 3 --fingerprint=f --user u --process-id=p -- x')).toMatchObject({
    options: {
      url: 'https://licenses.example.com',
      licenseKey: 'key',
      wait: { atMostSeconds: 60 },
      graceSeconds: 3,
      fingerprint: 'f',
      userId: 'u',
      processId: 'p',
    },
  });
  expect(read('run --wait --grace=3 -- x')).toMatchObject({ options: { wait: true, graceSeconds: 3 } });
});

test('reads --help and --version without a program and without settings', () => {
  expect([read('--help', {}), read('run -h', {}), read('--version', {})]).toEqual([
    { does: 'help' },
    { does: 'help' },
    { does: 'version' },
  ]);
  for (const option of ['--wait', '--grace', '--fingerprint', '--user', '--process-id'])
    expect(USAGE).toContain(option);
});

describe('rejects wrong usage and names the mistake:', () => {
  test.each<[string, NodeJS.ProcessEnv, RegExp]>([
    ['', ENV, /command "run" is missing/],
    ['walk -- x', ENV, /Unknown command "walk"/],
    ['run', ENV, /program to run is missing/],
    ['run --', ENV, /program to run is missing/],
    ['run my-program', ENV, /after "--"/],
    ['run --wiat -- x', ENV, /--wiat/],
    ['run --wait=soon -- x', ENV, /--wait needs whole seconds, not "soon"/],
    ['run --grace=-1 -- x', ENV, /--grace needs whole seconds/],
    ['run -- x', { SEATLEASE_URL: 'https://licenses.example.com' }, /SEATLEASE_LICENSE_KEY is not set/],
    ['run -- x', { SEATLEASE_LICENSE_KEY: 'key', SEATLEASE_URL: '' }, /SEATLEASE_URL is not set/],
  ])('"%s" with %o', (line, env, why) => {
    expect(() => read(line, env)).toThrow(UsageError);
    expect(() => read(line, env)).toThrow(why);
  });
});
