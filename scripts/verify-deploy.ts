import { parseArgs } from 'node:util';
import { Trouble } from '../clients/admin/src/command-error.ts';
import { readTarget, type Target } from '../clients/admin/src/target.ts';
import { tell } from './verify-deploy/print-steps.ts';

const USAGE = `Usage: OPERATOR_KEY=… npm run verify-deploy -- --url https://seats.example.com

Runs the main story against a deployed suite, for real: makes a license of two seats in a tenant of its own, takes, holds,
signs and gives back seats, waits up to four minutes for the audit log, and suspends the license. Ends with 0 where every
step went well, 1 where one did not, 2 where it was not asked as it should be.`;

function targetOf(args: string[]): Target | { readonly because: string } {
  try {
    const { values } = parseArgs({ args, options: { url: { type: 'string' } } });
    if (!values.url) return { because: '--url is missing' };
    return readTarget({ SEATLEASE_URL: values.url, OPERATOR_KEY: process.env.OPERATOR_KEY });
  } catch (error) {
    if (error instanceof Trouble || error instanceof TypeError) return { because: error.message };
    throw error;
  }
}

const target = targetOf(process.argv.slice(2));
if ('because' in target) {
  process.stderr.write(`${target.because}\n\n${USAGE}\n`);
  process.exitCode = 2;
} else {
  const isWell = await tell(target, (line) => process.stdout.write(`${line}\n`), {
    auditWithinMs: 4 * 60_000,
  });
  process.exitCode = isWell ? 0 : 1;
}
