import { parseArgs } from 'node:util';
import { type Config, ConfigError, type Environment } from '../../shared/config.ts';
import { openRecords, openSigningKeys } from '../../shared/deps.ts';
import { Unavailable } from '../../shared/errors.ts';
import { readLocalConfig } from '../local/secrets.ts';
import { AUDIT_COMMANDS } from './audit.ts';
import { type AdminParts, EXIT, type ExitCode } from './command.ts';
import { KEYS_COMMANDS } from './keys.ts';

const COMMANDS = [...AUDIT_COMMANDS, ...KEYS_COMMANDS];

const USAGE = `Usage: npm run admin -- COMMAND [--json]

${COMMANDS.map(({ name, synopsis, summary }) => `  ${`${name} ${synopsis}`.trim()}\n      ${summary}`).join('\n')}

Works on what the server's environment names. Ends with 0 where all is well, 1 where something was found, 2 where it
could not be done.`;

/** Where a command writes: what it is asked for, and what keeps it from that. */
export interface Output {
  say(text: string): void;
  complain(text: string): void;
}

/** Runs the command that `args` names and gives the exit code of the process. */
export async function runAdmin(
  args: readonly string[],
  environment: Environment,
  output: Output,
  parts: AdminParts = partsOf(environment),
): Promise<ExitCode> {
  const asked = readArguments(args);
  if ('usage' in asked) {
    output.complain(asked.usage);
    return EXIT.trouble;
  }
  try {
    const outcome = await asked.run(parts);
    if ('trouble' in outcome) {
      output.complain(outcome.trouble);
      return EXIT.trouble;
    }
    output.say(asked.asJson ? JSON.stringify(outcome.json, null, 2) : outcome.words);
    return outcome.exit;
  } catch (error) {
    const isExpected = error instanceof ConfigError || error instanceof Unavailable;
    // Left to Node, a fault would end the process with 1, which says that something was found.
    output.complain(error instanceof Error && !isExpected ? (error.stack ?? error.message) : `${error}`);
    return EXIT.trouble;
  }
}

type Asked =
  | {
      readonly run: Exclude<ReturnType<(typeof COMMANDS)[number]['prepare']>, string>;
      readonly asJson: boolean;
    }
  | { readonly usage: string };

function readArguments(args: readonly string[]): Asked {
  // What an option is follows from the command, which is whatever stands before the first of them.
  const words = args.slice(0, firstOption(args));
  const command = COMMANDS.find(({ name }) => name === words.join(' '));
  if (!command) return { usage: USAGE };
  try {
    const { values } = parseArgs({
      args: args.slice(words.length),
      options: { ...command.options, json: { type: 'boolean' } },
    });
    const run = command.prepare(values);
    return typeof run === 'string' ? { usage: `${run}\n\n${USAGE}` } : { run, asJson: values.json === true };
  } catch (error) {
    // What it throws for is the caller's mistake, whichever it is.
    return { usage: `${error instanceof Error ? error.message : error}\n\n${USAGE}` };
  }
}

function firstOption(args: readonly string[]): number {
  const at = args.findIndex((arg) => arg.startsWith('-'));
  return at === -1 ? args.length : at;
}

function partsOf(environment: Environment): AdminParts {
  const using =
    <P extends { close(): Promise<void> }>(open: (config: Config) => Promise<P>) =>
    async <R>(work: (part: P) => Promise<R>): Promise<R> => {
      const part = await open(readLocalConfig(environment));
      try {
        return await work(part);
      } finally {
        await part.close();
      }
    };
  return { withRecords: using(openRecords), withKeys: using(openSigningKeys), nowMs: () => Date.now() };
}
