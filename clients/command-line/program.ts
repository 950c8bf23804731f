import type * as z from 'zod/mini';
import { editDistance } from '../sdk/src/cli/edit-distance.ts';
import { CommandError, UsageError } from './errors.ts';
import { type DescribedOption, describeOptions, readOptions } from './options.ts';

/** `ok`: done. `problem`: it ran and found a problem. `error`: it could not run, or was called wrongly. */
export const EXIT = { ok: 0, problem: 1, error: 2 } as const;
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** The result of a command: text for users and, with `--json`, JSON for programs. */
export interface Report {
  readonly exit: ExitCode;
  readonly text: string;
  readonly json: object;
}

/** A report to print, or only an exit code if the command has printed its output itself. */
export type Outcome = Report | ExitCode;

/** A command that needs a context `C`. */
export interface Command<C> {
  /** As it is called: `tenants list`. Empty in a program without commands. */
  readonly name: string;
  readonly summary: string;
  readonly options: readonly DescribedOption[];
  /** Reads the options. Returns the function that runs the command with them. Throws `UsageError`. */
  prepare(args: readonly string[]): (context: C) => Promise<Outcome>;
}

export interface Program<C> {
  /** How it is called: `npm run admin --`. */
  readonly call: string;
  readonly commands: readonly Command<C>[];
  /** Opens the context of a command, after its options are read. Throws `CommandError`. */
  open(): C;
  /** Whether it accepts `--json`: all its commands return a `Report`. */
  readonly json?: boolean;
  /** Printed below the usage of the whole program. */
  readonly notes?: string;
  /** Error classes that are shown without a stack. */
  readonly expected?: readonly (abstract new (
    ...args: never
  ) => Error)[];
}

/** Standard output and standard error of a program. */
export interface Output {
  print(text: string): void;
  printError(text: string): void;
}

export const TERMINAL: Output = {
  print: (text) => void process.stdout.write(`${text}\n`),
  printError: (text) => void process.stderr.write(`${text}\n`),
};

interface Definition<S extends z.ZodMiniObject, C> {
  readonly summary: string;
  readonly options: S;
  run(options: z.output<S>, context: C): Promise<Outcome>;
}

export function defineCommand<S extends z.ZodMiniObject, C>(
  name: string,
  { summary, options, run }: Definition<S, C>,
): Command<C> {
  return {
    name,
    summary,
    options: describeOptions(options),
    prepare(args) {
      const read = readOptions(options, args);
      return (context) => run(read, context);
    },
  };
}

/** A program without commands. */
export function defineProgram<S extends z.ZodMiniObject>(
  call: string,
  { json = false, ...definition }: Definition<S, undefined> & { readonly json?: boolean },
): Program<undefined> {
  return { call, json, commands: [defineCommand('', definition)], open: () => undefined };
}

/** Runs the command in `args` and returns the exit code of the process. `--help` prints the usage and returns 0. */
export async function runProgram<C>(
  program: Program<C>,
  args: readonly string[],
  output: Output = TERMINAL,
): Promise<ExitCode> {
  const isGlobalFlag = (flag: string): boolean =>
    flag === '--help' || (flag === '--json' && program.json === true);
  const { command, rest, candidates, unknown } = findCommand(
    program,
    args.filter((arg) => !isGlobalFlag(arg)),
  );
  const usage = usageOf(program, candidates);
  if (args.includes('--help')) {
    output.print(usage);
    return EXIT.ok;
  }
  if (!command) {
    output.printError(unknown === undefined ? usage : printable(describeUnknown(program, unknown)));
    return EXIT.error;
  }
  try {
    const run = command.prepare(rest);
    const outcome = await run(program.open());
    if (typeof outcome === 'number') return outcome;
    const asJson = program.json === true && args.includes('--json');
    output.print(printable(asJson ? JSON.stringify(outcome.json, null, 2) : outcome.text));
    return outcome.exit;
  } catch (error) {
    // An uncaught error would end the process with 1, which means that the program ran and found a problem.
    output.printError(printable(explain(error, program.expected)));
    if (error instanceof UsageError) output.printError(`\n${usage}`);
    return EXIT.error;
  }
}

/**
 * `candidates`: the commands whose usage to show. `unknown`: what was given in place of a command; `undefined` when it is
 * only incomplete.
 */
function findCommand<C>({ commands }: Program<C>, args: readonly string[]): FoundCommand<C> {
  // The command is everything before the first option: which options exist depends on the command.
  const firstOption = args.findIndex((arg) => arg.startsWith('-'));
  const words = args.slice(0, firstOption === -1 ? args.length : firstOption);
  const command = commands.find(({ name }) => name === words.join(' ') || name === '');
  if (command) {
    const rest = args.slice(command.name === '' ? 0 : words.length);
    return { command, rest, candidates: [command], unknown: undefined };
  }
  const ofNoun = commandsOf(commands, words[0] ?? '');
  const candidates = ofNoun.length > 0 ? ofNoun : commands;
  const isIncomplete = words.length === 0 || (words.length === 1 && ofNoun.length > 0);
  return { command, rest: [], candidates, unknown: isIncomplete ? undefined : words.join(' ') };
}

interface FoundCommand<C> {
  readonly command: Command<C> | undefined;
  readonly rest: readonly string[];
  readonly candidates: readonly Command<C>[];
  readonly unknown: string | undefined;
}

function commandsOf<C>(commands: readonly Command<C>[], noun: string): readonly Command<C>[] {
  return commands.filter(({ name }) => name.startsWith(`${noun} `));
}

/** Two characters swapped count as two edits. */
const LARGEST_TYPO = 2;

function describeUnknown<C>({ call, commands }: Program<C>, unknown: string): string {
  const names = commands.map(({ name }) => name);
  const distances = names.map((name) => editDistance(unknown, name));
  const least = Math.min(...distances);
  if (least <= LARGEST_TYPO)
    return `Unknown command "${unknown}". Did you mean "${names[distances.indexOf(least)]}"?`;
  const ofNoun = commandsOf(commands, unknown.split(' ')[0] ?? '');
  if (ofNoun.length > 0)
    return `Unknown command "${unknown}". Commands: ${ofNoun.map(({ name }) => name).join(', ')}.`;
  const nouns = new Set(names.map((name) => name.split(' ')[0] ?? ''));
  const list = new Intl.ListFormat('en-GB', { type: 'disjunction' }).format(nouns);
  return `Unknown command "${unknown}". Commands begin with ${list}; "${call} --help" lists all of them.`;
}

function explain(error: unknown, expected: Program<unknown>['expected'] = []): string {
  if (error instanceof CommandError) return error.message;
  const isExpected = expected.some((kind) => error instanceof kind);
  return error instanceof Error && !isExpected ? (error.stack ?? error.message) : `${error}`;
}

function usageOf<C>({ call, commands, json, notes }: Program<C>, shown: readonly Command<C>[]): string {
  const [only] = commands;
  if (only?.name === '') return usageOfOne(call, only, json === true);
  const nouns = Map.groupBy(shown, ({ name }) => name.split(' ')[0]);
  return [
    `Usage: ${call} COMMAND${json ? ' [--json]' : ''}`,
    ...[...nouns.values()].map((ofNoun) =>
      ofNoun
        .map(({ name, options, summary }) => {
          const line = [name, ...options.map(({ synopsis }) => synopsis)].join(' ');
          return `  ${line}\n      ${summary}`;
        })
        .join('\n'),
    ),
    ...(notes !== undefined && shown.length === commands.length ? [notes] : []),
  ].join('\n\n');
}

function usageOfOne<C>(call: string, { options, summary }: Command<C>, json: boolean): string {
  const lines = [
    ...options.map(({ synopsis, about = '', defaultText }) => ({
      synopsis,
      about: defaultText === undefined ? about : `${about} (default ${defaultText})`.trim(),
    })),
    ...(json ? [{ synopsis: '[--json]', about: '' }] : []),
  ];
  const width = Math.max(0, ...lines.map(({ synopsis }) => synopsis.length));
  const list = lines.map(({ synopsis, about }) => `  ${synopsis.padEnd(width)}  ${about}`.trimEnd());
  return [`Usage: ${call} [OPTION …]`, summary, list.join('\n')].join('\n\n');
}

/**
 * `text` with control characters escaped, except line breaks: clients choose their host names, and a terminal executes
 * control sequences. JSON keeps its value.
 */
function printable(text: string): string {
  return text.replaceAll(
    /[^\P{Cc}\n]/gu,
    (control) => `\\u${control.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
