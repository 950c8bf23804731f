import { type ExitCode, type Output, type Program, runProgram } from '../../command-line/program.ts';
import { type Api, openApi } from './api.ts';
import { AUDIT_COMMANDS } from './audit.ts';
import { LICENSES_COMMANDS } from './licenses.ts';
import { SESSIONS_COMMANDS } from './sessions.ts';
import { type Environment, readTarget } from './target.ts';
import { TENANTS_COMMANDS } from './tenants.ts';
import { USERS_COMMANDS } from './users.ts';

/** Runs the command that `args` names on the server that `environment` names, and gives the exit code of the process. */
export function runAdmin(
  args: readonly string[],
  environment: Environment,
  output?: Output,
): Promise<ExitCode> {
  const program: Program<Api> = {
    call: 'npm run admin --',
    json: true,
    commands: [
      ...TENANTS_COMMANDS,
      ...USERS_COMMANDS,
      ...LICENSES_COMMANDS,
      ...SESSIONS_COMMANDS,
      ...AUDIT_COMMANDS,
    ],
    notes: `They call the server that SEATLEASE_URL names, with its OPERATOR_KEY. Where that is not set, they call the one that npm start
runs here. They exit with 0 if all is well, 2 if the command could not run.`,
    open: () => openApi(readTarget(environment)),
  };
  return runProgram(program, args, output);
}
