import { describe, expect, test } from 'vitest';
import { COMMANDS } from './help.ts';
import { isForPrograms, readCommand, UsageError } from './options.ts';

const read = (line: string) => readCommand(line.split(' ').filter(Boolean));

test('passes everything after "--" to the program', () => {
  expect(read('run -- my-program --wait=1 -- --help')).toMatchObject({
    does: 'run',
    asJson: false,
    run: { program: 'my-program', args: ['--wait=1', '--', '--help'], graceSeconds: 10 },
  });
  expect(isForPrograms(['run', '--', 'x', '--json'])).toBe(false);
});

test('reads every option of "run"', () => {
  const line =
    'run --wait=60 --grace 3 --url=u --license=l --fingerprint=f --user u --process-id=p --public-keys k --json -- x';
  expect(read(line)).toMatchObject({
    asJson: true,
    run: { graceSeconds: 3 },
    seat: {
      url: 'u',
      licenseId: 'l',
      fingerprint: 'f',
      userId: 'u',
      processId: 'p',
      publicKeys: 'k',
      wait: '60',
    },
  });
});

test.each([
  ['run --wait -- x', 'true'],
  ['run --wait --grace=3 -- x', 'true'],
  ['run --grace=3 --wait -- x', 'true'],
  ['run --wait=3 -- x', '3'],
  ['run --wait 3 -- x', '3'],
  ['run --wait 3 --json -- x', '3'],
  ['run -- x', undefined],
])('reads the time to wait in "%s"', (line, wait) => {
  expect(read(line)).toMatchObject({ does: 'run', seat: { wait }, run: { program: 'x' } });
});

test('reads the other commands and their options', () => {
  expect(read('status --json')).toMatchObject({ does: 'status', asJson: true });
  expect(read('--json status')).toMatchObject({ does: 'status', asJson: true });
  expect(read('borrow --days 3 --public-keys=k')).toMatchObject({
    does: 'borrow',
    days: 3,
    seat: { publicKeys: 'k' },
  });
  expect(['return', 'login', 'logout'].map((line) => read(line).does)).toEqual(['return', 'login', 'logout']);
});

test('prints the help of each command for --help, whatever else is missing', () => {
  for (const name of COMMANDS) {
    const { does, text = '' } = { text: '', ...read(`${name} --help`) };
    expect(does).toBe('help');
    expect(text).toMatch(new RegExp(`^seatlease ${name}`));
    expect({ text: '', ...read(`help ${name}`) }.text).toBe(text);
    expect({ text: '', ...read(`${name} -h`) }.text).toBe(text);
  }
  const { text = '' } = { text: '', ...read('--help') };
  for (const name of COMMANDS) expect(text).toContain(`seatlease ${name}`);
  expect(read('--version').does).toBe('version');
  const ofRun = { text: '', ...read('run --help') }.text;
  for (const option of [
    '--wait[=SECONDS]',
    '--grace=SECONDS',
    '--public-keys=FILE',
    '--license=ID',
    '--json',
  ])
    expect(ofRun).toContain(option);
  expect(ofRun).not.toContain('--days');
});

test('no line of help is longer than 105 characters', () => {
  const texts = [...COMMANDS.map((name) => `${name} --help`), '--help'].map(
    (line) => ({ text: '', ...read(line) }).text,
  );
  expect(texts.flatMap((text) => text.split('\n')).filter((line) => line.length > 105)).toEqual([]);
});

describe('rejects wrong usage and names the mistake:', () => {
  test.each<[string, RegExp]>([
    ['--json', /command is missing/],
    ['walk -- x', /Unknown command "walk"\.$/],
    ['rnu -- x', /Unknown command "rnu"\. Did you mean run\?/],
    ['run', /program to run is missing/],
    ['run --', /program to run is missing/],
    ['run my-program', /after "--", not "my-program" before it/],
    ['run --wiat -- x', /Unknown option --wiat\. Did you mean --wait\?/],
    ['run --nonsense=1 -- x', /Unknown option --nonsense\.$/],
    ['run -x -- x', /Unknown option -x/],
    ['run --grace=-1 -- x', /--grace needs whole seconds, not "-1"/],
    ['run --grace -- x', /--grace needs a value: --grace=SECONDS/],
    ['run --user= -- x', /--user needs a value: --user=ID/],
    ['run --fingerprint --user u -- x', /--fingerprint needs a value/],
    ['run --json=yes -- x', /--json takes no value/],
    ['run --days=3 -- x', /--days is not an option of "seatlease run"/],
    ['status --wait', /--wait is not an option of "seatlease status"/],
    ['status now', /takes no argument "now"/],
    ['status -- x', /takes no argument "x"/],
    ['borrow', /--days is missing/],
    ['borrow --days=0', /--days needs whole days, not "0"/],
    ['borrow --days=1.5', /--days needs whole days, not "1\.5"/],
  ])('"%s"', (line, why) => {
    expect(() => read(line)).toThrow(UsageError);
    expect(() => read(line)).toThrow(why);
  });
});
