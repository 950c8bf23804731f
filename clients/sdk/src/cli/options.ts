import { parseArgs } from 'node:util';

export const USAGE = `Holds a seat of a license while a program runs.

  seatlease run [options] -- program [arguments]

Options
  --wait             wait for a seat while all are taken
  --wait=SECONDS     the same, for so long
  --grace=SECONDS    how long the program gets to end once its seat is lost: SIGTERM, then SIGKILL (10)
  --fingerprint=ID   what tells this machine from others; found out unless given
  --user=ID          whose seat it is, where the license counts users
  --process-id=ID    which process it is, where the license counts processes; made up unless given
  --help, --version

Environment
  SEATLEASE_URL           of the license server, such as https://licenses.example.com
  SEATLEASE_LICENSE_KEY   who asks

It ends as the program does: with its exit code, or with 128 and the number of the signal that ended it. Without a seat
the program is not started, and the exit code is
  64   it was called wrongly
  69   the license server cannot be reached, or cannot serve
  75   all seats are taken: try again later
  77   this license or machine is not allowed a seat
  126, 127   the program cannot be started, or is not there
`;

export interface RunOptions {
  readonly url: string;
  readonly licenseKey: string;
  readonly wait: boolean | { readonly atMostSeconds: number };
  readonly graceSeconds: number;
  readonly fingerprint: string | undefined;
  readonly userId: string | undefined;
  readonly processId: string | undefined;
  readonly program: string;
  readonly args: readonly string[];
}

export type Command =
  | { readonly does: 'help' }
  | { readonly does: 'version' }
  | { readonly does: 'run'; readonly options: RunOptions };

/** Called in a way that is none. The message says how. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** Throws `UsageError`. */
export function readCommand(args: readonly string[], env: NodeJS.ProcessEnv): Command {
  const end = args.includes('--') ? args.indexOf('--') : args.length;
  const { values, positionals } = parse(args.slice(0, end));
  if (values.help) return { does: 'help' };
  if (values.version) return { does: 'version' };
  const [command, ...others] = positionals;
  if (command !== 'run')
    throw new UsageError(command ? `There is no command ${command}.` : 'There is no command.');
  if (others.length > 0) throw new UsageError('What to run stands behind "--".');
  const [program, ...rest] = args.slice(end + 1);
  if (!program) throw new UsageError('There is no program behind "--".');
  return {
    does: 'run',
    options: {
      url: needed(env, 'SEATLEASE_URL'),
      licenseKey: needed(env, 'SEATLEASE_LICENSE_KEY'),
      wait: waitOf(values.wait),
      graceSeconds: secondsOf('--grace', values.grace),
      fingerprint: values.fingerprint,
      userId: values.user,
      processId: values['process-id'],
      program,
      args: rest,
    },
  };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      // Its value may be left out, which `parseArgs` knows of no option.
      args: args.map((arg) => (arg === '--wait' ? '--wait=' : arg)),
      allowPositionals: true,
      options: {
        wait: { type: 'string' },
        grace: { type: 'string', default: '10' },
        fingerprint: { type: 'string' },
        user: { type: 'string' },
        'process-id': { type: 'string' },
        help: { type: 'boolean', short: 'h' },
        version: { type: 'boolean' },
      },
    });
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

function needed(env: NodeJS.ProcessEnv, name: string): string {
  const value = env[name];
  if (!value) throw new UsageError(`${name} is not set.`);
  return value;
}

function waitOf(given: string | undefined): RunOptions['wait'] {
  if (given === undefined || given === '') return given === '';
  return { atMostSeconds: secondsOf('--wait', given) };
}

function secondsOf(option: string, given: string): number {
  if (!/^\d{1,7}$/.test(given)) throw new UsageError(`${option} takes whole seconds, not "${given}".`);
  return Number(given);
}
