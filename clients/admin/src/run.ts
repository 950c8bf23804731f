import { parseArgs } from 'node:util';
import { readLocalConfig } from '../../../scripts/dev/secrets.ts';
import { KEYS_COMMANDS } from '../../../scripts/operate/keys.ts';
import { type Config, ConfigError, type Environment } from '../../../shared/config.ts';
import { Unavailable } from '../../../shared/errors.ts';
import { openRecords, openSigningKeys } from '../../../shared/local/wiring.ts';
import { openApi } from './api.ts';
import { AUDIT_COMMANDS } from './audit.ts';
import { type AdminParts, type Command, EXIT, type ExitCode } from './command.ts';
import { Trouble } from './command-error.ts';
import { printable } from './format.ts';
import { LICENSES_COMMANDS } from './licenses.ts';
import { SESSIONS_COMMANDS } from './sessions.ts';
import { readTarget } from './target.ts';
import { TENANTS_COMMANDS } from './tenants.ts';
import { usageOf, wholeUsage } from './usage.ts';
import { USERS_COMMANDS } from './users.ts';

const COMMANDS: readonly Command[] = [
  ...TENANTS_COMMANDS,
  ...USERS_COMMANDS,
  ...LICENSES_COMMANDS,
  ...SESSIONS_COMMANDS,
  ...AUDIT_COMMANDS,
  ...KEYS_COMMANDS,
];

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
    output.say(printable(asked.asJson ? JSON.stringify(outcome.json, null, 2) : outcome.words));
    return outcome.exit;
  } catch (error) {
    // Left to Node, a fault would end the process with 1, which says that something was found.
    output.complain(printable(explain(error)));
    return EXIT.trouble;
  }
}

function explain(error: unknown): string {
  if (error instanceof Trouble) return error.message;
  const isExpected = error instanceof ConfigError || error instanceof Unavailable;
  return error instanceof Error && !isExpected ? (error.stack ?? error.message) : `${error}`;
}

type Asked =
  | {
      readonly run: Exclude<ReturnType<Command['prepare']>, string>;
      readonly asJson: boolean;
    }
  | { readonly usage: string };

function readArguments(args: readonly string[]): Asked {
  // What an option is follows from the command, which is whatever stands before the first of them.
  const words = args.slice(0, firstOption(args));
  const command = COMMANDS.find(({ name }) => name === words.join(' '));
  if (!command) {
    const ofNoun = COMMANDS.filter(({ name }) => name.startsWith(`${words[0]} `));
    return { usage: ofNoun.length > 0 ? usageOf(ofNoun) : wholeUsage(COMMANDS) };
  }
  const usageWith = (trouble: string) => ({ usage: `${trouble}\n\n${usageOf([command])}` });
  try {
    const { values } = parseArgs({
      args: args.slice(words.length),
      options: { ...command.options, json: { type: 'boolean' } },
    });
    const run = command.prepare(values);
    return typeof run === 'string' ? usageWith(run) : { run, asJson: values.json === true };
  } catch (error) {
    // What it throws for is the caller's mistake, whichever it is.
    return usageWith(error instanceof Error ? error.message : `${error}`);
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
  return {
    withRecords: using(openRecords),
    withKeys: using(openSigningKeys),
    api: () => openApi(readTarget(environment)),
    nowMs: () => Date.now(),
  };
}
