import { describe, expect, test } from 'vitest';
import * as z from 'zod/mini';
import { CommandError } from './errors.ts';
import { about, decimalNumber, flag, operands, optional, wholeNumber, withDefault } from './options.ts';
import { defineCommand, defineProgram, EXIT, type Program, runProgram } from './program.ts';

class Expected extends Error {
  override readonly name = 'Expected';
}

async function run<C>(program: Program<C>, line: string) {
  const printed: string[] = [];
  const errors: string[] = [];
  const exit = await runProgram(program, line === '' ? [] : line.split(' '), {
    print: (text) => void printed.push(text),
    printError: (text) => void errors.push(text),
  });
  return { exit, printed: printed.join('\n'), errors: errors.join('\n') };
}

const measure = defineProgram('measure', {
  summary: 'Measures.',
  options: z.object({
    parts: operands('PART', ['size', 'speed'], (given) => `There is no part ${given}`),
    keptSeconds: about('how long it is kept', withDefault(wholeNumber(1, 60), 5)),
    share: optional(decimalNumber(0.5, 1)),
    quick: flag(),
  }),
  async run(options) {
    return { exit: EXIT.ok, text: JSON.stringify(options), json: options };
  },
});

const cars: Program<string> = {
  call: 'cars',
  json: true,
  expected: [Expected],
  open: () => 'garage',
  notes: 'Notes.',
  commands: [
    defineCommand('cars list', {
      summary: 'Lists cars.',
      options: z.object({}),
      run: async (_, place: string) => ({ exit: EXIT.problem, text: place, json: { place } }),
    }),
    defineCommand('bikes list', {
      summary: 'Lists bikes.',
      options: z.object({}),
      run: async (_, place: string) => ({ exit: EXIT.ok, text: place, json: { place } }),
    }),
    ...[new CommandError('no wheels'), new Expected('no road'), new TypeError('no idea')].map((error) =>
      defineCommand(`cars ${error.name.toLowerCase()}`, {
        summary: '',
        options: z.object({}),
        run: async () => {
          throw error;
        },
      }),
    ),
  ],
};

describe('a program without commands', () => {
  test.each([
    ['', { parts: [], keptSeconds: 5, quick: false }],
    ['speed --quick --kept-seconds 9 size', { parts: ['speed', 'size'], keptSeconds: 9, quick: true }],
    ['--share 0.5', { parts: [], keptSeconds: 5, share: 0.5, quick: false }],
  ])('reads %j', async (line, options) => {
    const { exit, printed } = await run(measure, line);
    expect([exit, JSON.parse(printed)]).toEqual([EXIT.ok, options]);
  });

  test.each([
    ['height', 'There is no part height.'],
    ['--kept-seconds 61', '--kept-seconds needs a whole number from 1 to 60.'],
    ['--kept-seconds 1e1', '--kept-seconds needs a whole number from 1 to 60.'],
    ['--share 0.4', '--share needs a number from 0.5 to 1.'],
    ['--share .5', '--share needs a number from 0.5 to 1.'],
    ['--keptSeconds 5', "Unknown option '--keptSeconds'"],
    ['--quick=no', '--quick'],
    ['--json', "Unknown option '--json'"],
  ])('rejects %j, prints the mistake and the usage, and exits with 2', async (line, why) => {
    const { exit, printed, errors } = await run(measure, line);
    expect([exit, printed]).toEqual([EXIT.error, '']);
    expect(errors).toContain(why);
    expect(errors).toContain('\n\nUsage: measure [OPTION …]\n');
  });

  test('prints its usage with each option and its default for --help, and exits with 0', async () => {
    const { exit, printed, errors } = await run(measure, 'size --help');
    expect([exit, errors]).toEqual([EXIT.ok, '']);
    expect(printed).toMatch(/^Usage: measure .*\n\nMeasures\.\n\n {2}\[PART …\]\n/);
    expect(printed).toMatch(/\n {2}\[--kept-seconds N\] {2}how long it is kept \(default 5\)\n/);
    expect(printed).toContain('\n  [--quick]');
  });
});

describe('a program with commands', () => {
  test('prints the report of a command as text or as JSON, and exits with its code', async () => {
    expect(await run(cars, 'cars list')).toEqual({ exit: EXIT.problem, printed: 'garage', errors: '' });
    expect(JSON.parse((await run(cars, 'cars list --json')).printed)).toEqual({ place: 'garage' });
  });

  test.each(['', '--unknown-option'])(
    'prints every command and exits with 2 when it is called as %j, without a command',
    async (line) => {
      const { exit, printed, errors } = await run(cars, line);
      expect([exit, printed]).toEqual([EXIT.error, '']);
      expect(errors).toMatch(/^Usage: cars COMMAND \[--json\]\n\n {2}cars list\n {6}Lists cars\.\n/);
      expect(errors).toMatch(/\n\nNotes\.$/);
    },
  );

  test('prints the commands of a noun and exits with 2 when the verb is missing', async () => {
    const { exit, printed, errors } = await run(cars, 'bikes');
    expect([exit, printed]).toEqual([EXIT.error, '']);
    expect(errors).toMatch(/^Usage: cars COMMAND \[--json\]\n\n {2}bikes list\n {6}Lists bikes\.$/);
  });

  test.each([
    ['cars lsit --json', 'Unknown command "cars lsit". Did you mean "cars list"?'],
    ['bike list', 'Unknown command "bike list". Did you mean "bikes list"?'],
    ['bikes repair', 'Unknown command "bikes repair". Commands: bikes list.'],
    [
      'trains',
      'Unknown command "trains". Commands begin with cars or bikes; "cars --help" lists all of them.',
    ],
    [
      'sell cars',
      'Unknown command "sell cars". Commands begin with cars or bikes; "cars --help" lists all of them.',
    ],
    [
      '\u001b[2J',
      'Unknown command "\\u001b[2J". Commands begin with cars or bikes; "cars --help" lists all of them.',
    ],
  ])('answers the unknown command %j with one sentence and exits with 2', async (line, sentence) => {
    expect(await run(cars, line)).toEqual({ exit: EXIT.error, printed: '', errors: sentence });
  });

  test.each(['--help', 'cars --help', 'cars list --help'])(
    '%s prints the usage and exits with 0',
    async (line) => {
      const { exit, printed, errors } = await run(cars, line);
      expect([exit, errors]).toEqual([EXIT.ok, '']);
      expect(printed).toContain('  cars list\n');
      expect(printed.includes('  cars typeerror\n')).toBe(line !== 'cars list --help');
    },
  );

  test('prints a stack only for an unexpected error, and exits with 2 for each error', async () => {
    expect(await run(cars, 'cars commanderror')).toEqual({
      exit: EXIT.error,
      printed: '',
      errors: 'no wheels',
    });
    expect((await run(cars, 'cars expected')).errors).toBe('Expected: no road');
    expect((await run(cars, 'cars typeerror')).errors).toMatch(/^TypeError: no idea\n {4}at /);
  });
});
