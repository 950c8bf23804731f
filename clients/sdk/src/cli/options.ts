import { parseArgs } from 'node:util';
import { editDistance } from './edit-distance.ts';
import { COMMANDS, helpOf, isCommand, OPTIONS, type OptionName } from './help.ts';

/** What the options say; what they leave open, the environment says. */
export interface SeatOptions {
  readonly url: string | undefined;
  readonly licenseId: string | undefined;
  readonly userId: string | undefined;
  readonly processId: string | undefined;
  readonly fingerprint: string | undefined;
  /** A file. */
  readonly publicKeys: string | undefined;
  /** As in SEATLEASE_WAIT. */
  readonly wait: string | undefined;
}

export interface RunOptions {
  readonly graceSeconds: number;
  readonly program: string;
  readonly args: readonly string[];
}

export type Command = { readonly seat: SeatOptions; readonly asJson: boolean } & (
  | { readonly does: 'help'; readonly text: string }
  | { readonly does: 'version' }
  | { readonly does: 'status' | 'return' | 'login' | 'logout' }
  | { readonly does: 'run'; readonly run: RunOptions }
  | { readonly does: 'borrow'; readonly days: number }
);

/** Wrong usage. The message names the mistake. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** Whether the output is for programs, also if the rest of the arguments is wrong. */
export function isForPrograms(args: readonly string[]): boolean {
  return split(args).own.includes('--json');
}

/** Throws `UsageError`. */
export function readCommand(args: readonly string[]): Command {
  const { own, program } = split(args);
  const { values, positionals } = parse(own);
  const [word, ...others] = positionals;
  const given = Object.keys(values) as OptionName[];
  const seat: SeatOptions = {
    url: values.url,
    licenseId: values.license,
    userId: values.user,
    processId: values['process-id'],
    fingerprint: values.fingerprint,
    publicKeys: values['public-keys'],
    wait: values.wait === '' ? 'true' : values.wait,
  };
  const common = { seat, asJson: given.includes('json') };
  if (given.includes('help')) return { ...common, does: 'help', text: helpOf(word) };
  if (given.includes('version')) return { ...common, does: 'version' };
  if (word === 'help') return { ...common, does: 'help', text: helpOf(others[0]) };
  if (word === undefined) throw new UsageError('The command is missing.');
  if (!isCommand(word)) throw new UsageError(`Unknown command "${word}".${meant(word, COMMANDS)}`);
  for (const option of given)
    if (option !== 'json' && !OPTIONS[option].of.includes(word))
      throw new UsageError(`--${option} is not an option of "seatlease ${word}".`);
  if (word === 'run') return { ...common, does: 'run', run: readRun(values, others, program) };
  const [superfluous] = [...others, ...(program ?? [])];
  if (superfluous !== undefined)
    throw new UsageError(`"seatlease ${word}" takes no argument "${superfluous}".`);
  if (word !== 'borrow') return { ...common, does: word };
  if (values.days === undefined) throw new UsageError('--days is missing: for how many days to borrow.');
  return { ...common, does: 'borrow', days: wholeNumber('days', values.days, 'whole days', 1) };
}

type Values = { readonly [Name in OptionName]?: string };

function readRun(
  values: Values,
  others: readonly string[],
  given: readonly string[] | undefined,
): RunOptions {
  const [misplaced] = others;
  if (misplaced !== undefined)
    throw new UsageError(`Put the program to run after "--", not "${misplaced}" before it.`);
  const [program, ...args] = given ?? [];
  if (!program) throw new UsageError('The program to run is missing: put it after "--".');
  return {
    graceSeconds: values.grace === undefined ? 10 : wholeNumber('grace', values.grace, 'whole seconds'),
    program,
    args,
  };
}

/** Everything after the first "--" is the program's. */
function split(args: readonly string[]): { own: readonly string[]; program: readonly string[] | undefined } {
  const end = args.indexOf('--');
  return end < 0
    ? { own: args, program: undefined }
    : { own: args.slice(0, end), program: args.slice(end + 1) };
}

function parse(args: readonly string[]): { values: Values; positionals: readonly string[] } {
  const { tokens, positionals } = parseArgs({
    args: args.flatMap(withValue),
    allowPositionals: true,
    // The messages of the strict mode are about its own syntax.
    strict: false,
    tokens: true,
    options: {
      ...Object.fromEntries(
        Object.entries(OPTIONS).map(([name, { value }]) => [
          name,
          { type: value === undefined ? ('boolean' as const) : ('string' as const) },
        ]),
      ),
      help: { type: 'boolean', short: 'h' },
    },
  });
  const values: { [Name in OptionName]?: string } = {};
  for (const token of tokens) {
    if (token.kind !== 'option') continue;
    const { name, rawName, value, inlineValue } = token;
    if (!isOption(name)) throw new UsageError(`Unknown option ${rawName}.${meant(name, OPTION_NAMES, '--')}`);
    const takes = OPTIONS[name].value;
    if (takes === undefined && value !== undefined) throw new UsageError(`--${name} takes no value.`);
    if (takes !== undefined && name !== 'wait' && (!value || (!inlineValue && value.startsWith('-'))))
      throw new UsageError(`--${name} needs a value: --${name}=${takes}`);
    values[name] = value ?? '';
  }
  return { values, positionals };
}

/** `parseArgs` has no options with an optional value: `--wait`, `--wait=3` and `--wait 3` are all right. */
function withValue(arg: string, n: number, args: readonly string[]): string | string[] {
  if (args[n - 1] === '--wait' && !arg.startsWith('-')) return [];
  const next = args[n + 1];
  return arg === '--wait' ? `--wait=${next === undefined || next.startsWith('-') ? '' : next}` : arg;
}

const OPTION_NAMES = Object.keys(OPTIONS) as OptionName[];

function isOption(name: string): name is OptionName {
  return Object.hasOwn(OPTIONS, name);
}

function wholeNumber(option: OptionName, given: string, what: string, least = 0): number {
  if (!/^\d{1,7}$/.test(given) || Number(given) < least)
    throw new UsageError(`--${option} needs ${what}, not "${given}".`);
  return Number(given);
}

/** Two characters swapped count as two edits. */
const LARGEST_TYPO = 2;

function meant(given: string, names: readonly string[], before = ''): string {
  const nearest = names.toSorted((a, b) => editDistance(given, a) - editDistance(given, b))[0] ?? '';
  return editDistance(given, nearest) <= LARGEST_TYPO ? ` Did you mean ${before}${nearest}?` : '';
}
