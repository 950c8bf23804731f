import * as z from 'zod/mini';
import { readTarget } from '../clients/admin/src/target.ts';
import { defineProgram, EXIT, runProgram, TERMINAL } from '../clients/command-line/program.ts';
import { MANIFEST } from '../functions/manifest.ts';
import { urlOf } from '../infra/names.ts';
import { readSettings, StackError } from '../infra/read-settings.ts';
import { configuredIn } from '../infra/stack-file.ts';
import { STACK } from './stack-option.ts';
import { printSteps } from './verify-deploy/print-steps.ts';

const program = defineProgram('OPERATOR_KEY=… npm run verify-deploy --', {
  summary: `Runs the main story against a deployed stack: creates a license of two seats in a tenant of its own, acquires, holds, signs and
releases seats, waits up to four minutes for the audit log, and suspends the license. Also sends each internal function, at its own URL,
a token without a signature, which Google must refuse. Exits with 0 if every step succeeded, 1 if one failed, 2 if it was called wrongly.`,
  options: z.object({ stack: STACK }),
  async run({ stack }) {
    const settings = readSettings(configuredIn(stack), MANIFEST);
    const { OPERATOR_KEY } = process.env;
    const target = readTarget({ SEATLEASE_URL: settings.publicUrl, OPERATOR_KEY });
    const options = { urlOf: (name: string) => urlOf(name, settings), auditWithinMs: 4 * 60_000 };
    return (await printSteps(target, TERMINAL.print, options)) ? EXIT.ok : EXIT.problem;
  },
});

process.exitCode = await runProgram({ ...program, expected: [StackError] }, process.argv.slice(2));
