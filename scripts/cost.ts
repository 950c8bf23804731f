import { estimate, leversOf } from './cost/estimate.ts';
import { readOptions, USAGE } from './cost/options.ts';
import { inWords } from './cost/report.ts';

const UNUSABLE = 2;

const options = readOptions(process.argv.slice(2));
if ('because' in options) {
  process.stderr.write(`${options.because}\n\n${USAGE}\n`);
  process.exitCode = UNUSABLE;
} else {
  try {
    const month = estimate(options.scenario);
    const said = options.json
      ? JSON.stringify({ ...month, levers: leversOf(month) }, null, 2)
      : inWords(month);
    process.stdout.write(`${said}\n`);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    process.stderr.write(`${error.message}\n`);
    process.exitCode = UNUSABLE;
  }
}
