import { parseArgs } from 'node:util';

export const USAGE = `Holds a seat of a license while a program runs.

  seatlease run [options] -- program [arguments]

Options
  --wait             wait for a seat while all seats are taken
  --wait=SECONDS     wait at most so long
  --grace=SECONDS    time between SIGTERM and SIGKILL when the seat is lost (10)
  --fingerprint=ID   identifies this machine (default: its machine id, hashed)
  --user=ID          user of the seat, required if the license counts users
  --process-id=ID    process of the seat, if the license counts processes (default: generated)
  --help, --version

Environment
  SEATLEASE_URL           address of the license server, such as https://licenses.example.com
  SEATLEASE_LICENSE_KEY   license key

The command exits with the program's exit code, or with 128 plus the signal number if a signal ended the program. Without
a seat it does not start the program and exits with
  64         wrong usage
  69         the license server cannot be reached, or fails
  75         all seats are taken: retry later
  77         this license or machine gets no seat
  126, 127   the program cannot be started, or was not found
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

/** Wrong usage. The message names the mistake. */
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
    throw new UsageError(
      command ? `Unknown command "${command}". The only command is "run".` : 'The command "run" is missing.',
    );
  if (others.length > 0) throw new UsageError('Put the program to run after "--".');
  const [program, ...rest] = args.slice(end + 1);
  if (!program) throw new UsageError('The program to run is missing: put it after "--".');
  return {
    does: 'run',
    options: {
      url: required(env, 'SEATLEASE_URL'),
      licenseKey: required(env, 'SEATLEASE_LICENSE_KEY'),
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
      // `parseArgs` has no options with an optional value.
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

function required(env: NodeJS.ProcessEnv, name: string): string {
  const value = env[name];
  if (!value) throw new UsageError(`${name} is not set.`);
  return value;
}

function waitOf(given: string | undefined): RunOptions['wait'] {
  if (given === undefined || given === '') return given === '';
  return { atMostSeconds: secondsOf('--wait', given) };
}

function secondsOf(option: string, given: string): number {
  if (!/^\d{1,7}$/.test(given)) throw new UsageError(`${option} needs whole seconds, not "${given}".`);
  return Number(given);
}
