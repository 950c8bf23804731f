import * as z from 'zod/mini';
import { readTarget } from '../clients/admin/src/target.ts';
import { option } from '../clients/command-line/options.ts';
import { defineProgram, EXIT, runProgram, TERMINAL } from '../clients/command-line/program.ts';
import { printSteps } from './verify-deploy/print-steps.ts';

const program = defineProgram('OPERATOR_KEY=… npm run verify-deploy --', {
  summary: `Runs the main story against a deployed suite: creates a license of two seats in a tenant of its own, acquires, holds, signs and
releases seats, waits up to four minutes for the audit log, and suspends the license. Also sends the sweep a token without a
signature, which Google must refuse; --sweep-url is the function's own URL. Exits with 0 if every step succeeded, 1 if
one failed, 2 if it was called wrongly.`,
  options: z.object({
    url: option('https://seats.example.com', z.string('is missing')),
    'sweep-url': option(
      'https://seatlease-sweep-….run.app',
      z.url({
        protocol: /^https?$/,
        error: 'needs the URL of the sweep, from the output `urls` of the stack',
      }),
    ),
  }),
  async run({ url, 'sweep-url': sweepUrl }) {
    const target = readTarget({ SEATLEASE_URL: url, OPERATOR_KEY: process.env.OPERATOR_KEY });
    const hasPassed = await printSteps(target, TERMINAL.print, { sweepUrl, auditWithinMs: 4 * 60_000 });
    return hasPassed ? EXIT.ok : EXIT.problem;
  },
});

process.exitCode = await runProgram(program, process.argv.slice(2));
