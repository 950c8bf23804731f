import { randomInt } from 'node:crypto';
import { defineProgram, EXIT, runProgram, TERMINAL } from '../clients/command-line/program.ts';
import { measureMutants } from './mutants/measure.ts';
import { MUTANT_OPTIONS } from './mutants/options.ts';
import { formatMeasured } from './mutants/report.ts';
import { findMutations, sampleOf } from './mutants/sample.ts';

const program = defineProgram('npm run mutants --', {
  summary: `Measures where the tests are weak. Takes a random sample of small code changes (mutants) in functions/, shared/domain,
shared/http, shared/use-cases and the Lua scripts of the seats, applies one at a time in a temporary copy of the tree, and
runs the related tests of functions/ and shared/: the nearest ones first, and all of them if those pass. A mutant that no
test notices has survived. The same tree and seed give the same sample. A mutant takes from seconds (killed by a near
test) to minutes (survived). Not every survivor is a missing test: some changes have no effect.`,
  options: MUTANT_OPTIONS,
  async run({ sample, seed = randomInt(1_000_000), room, near, timeout }) {
    const mutations = findMutations(room === undefined ? {} : { room });
    const chosen = sampleOf(mutations, sample, seed);
    TERMINAL.print(`${chosen.length} of ${mutations.length} mutants, seed ${seed}`);
    const { print } = TERMINAL;
    const results = await measureMutants(chosen, { near, timeoutMs: timeout * 1_000, print });
    TERMINAL.print(`\n${formatMeasured(results, { sample, seed, room, near })}`);
    return EXIT.ok;
  },
});

process.exitCode = await runProgram(program, process.argv.slice(2));
