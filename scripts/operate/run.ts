import { type ExitCode, type Output, type Program, runProgram } from '../../clients/command-line/program.ts';
import { ConfigError, type Environment } from '../../shared/config.ts';
import { Unavailable } from '../../shared/errors.ts';
import { AUDIT_COMMANDS } from './audit-verify.ts';
import { EVENTS_COMMANDS } from './events.ts';
import { KEYS_COMMANDS } from './keys.ts';
import { type OperateParts, partsOf } from './parts.ts';

/** Runs the command in `args` on the dependencies that `environment` names. Returns the exit code of the process. */
export function runOperate(
  args: readonly string[],
  environment: Environment,
  output?: Output,
  parts: OperateParts = partsOf(environment),
): Promise<ExitCode> {
  const program: Program<OperateParts> = {
    call: 'npm run operate --',
    json: true,
    commands: [...AUDIT_COMMANDS, ...EVENTS_COMMANDS, ...KEYS_COMMANDS],
    notes: `The commands use the records, keys and topics that the environment names, with your Google credentials. If it names none, they use
those of npm start. They exit with 0 if no problem was found, 1 if one was found, 2 if the command could not run.`,
    expected: [ConfigError, Unavailable],
    open: () => parts,
  };
  return runProgram(program, args, output);
}
