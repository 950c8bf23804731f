import { type ExitCode, type Output, type Program, runProgram } from '../../command-line/program.ts';
import { type Api, openApi } from './api.ts';
import { AUDIT_COMMANDS } from './audit.ts';
import { HOLDS_COMMANDS } from './holds.ts';
import { LICENSES_COMMANDS } from './licenses.ts';
import { OPERATOR_TOKENS_COMMANDS } from './operator-tokens.ts';
import { REVOCATIONS_COMMANDS } from './revocations.ts';
import { SESSIONS_COMMANDS } from './sessions.ts';
import { STRIPE_EVENTS_COMMANDS } from './stripe-events.ts';
import { SUBSCRIPTIONS_COMMANDS } from './subscriptions.ts';
import { type Environment, readTarget } from './target.ts';
import { TENANTS_COMMANDS } from './tenants.ts';
import { USAGE_COMMANDS } from './usage.ts';
import { USERS_COMMANDS } from './users.ts';

/** Runs the command in `args` on the server in `environment`. Returns the exit code of the process. */
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
      ...SUBSCRIPTIONS_COMMANDS,
      ...HOLDS_COMMANDS,
      ...SESSIONS_COMMANDS,
      ...AUDIT_COMMANDS,
      ...USAGE_COMMANDS,
      ...REVOCATIONS_COMMANDS,
      ...OPERATOR_TOKENS_COMMANDS,
      ...STRIPE_EVENTS_COMMANDS,
    ],
    notes: `Environment
  SEATLEASE_URL   address of the server (default: the one that "npm start" runs here, with its own key)
  OPERATOR_KEY    operator token or operator key of that server

Exit codes: 0 done, 2 the command failed or was called wrongly.`,
    open: () => openApi(readTarget(environment)),
  };
  return runProgram(program, args, output);
}
