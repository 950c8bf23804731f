import { CommandError } from '../clients/command-line/errors.ts';
import { defineProgram, EXIT, runProgram } from '../clients/command-line/program.ts';
import { estimate, leversOf } from './cost/estimate.ts';
import { COST_OPTIONS } from './cost/options.ts';
import { formatEstimate } from './cost/report.ts';
import type { Scenario } from './cost/usage.ts';

const program = defineProgram('npm run cost --', {
  summary: `Estimates what a suite costs a month, from counted operations and published prices (functions/testing/operation-counts.ts and scripts/cost/prices.ts).`,
  options: COST_OPTIONS,
  json: true,
  async run(scenario) {
    const month = estimateOf(scenario);
    return { exit: EXIT.ok, text: formatEstimate(month), json: { ...month, levers: leversOf(month) } };
  },
});

function estimateOf(scenario: Scenario) {
  try {
    return estimate(scenario);
  } catch (error) {
    throw error instanceof RangeError ? new CommandError(error.message) : error;
  }
}

process.exitCode = await runProgram(program, process.argv.slice(2));
