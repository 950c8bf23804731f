import { benchChain } from './bench/chain.ts';
import { benchColdStart } from './bench/cold-start.ts';
import { benchSweep } from './bench/sweep.ts';

/** Figures that anyone can repeat, each a ratio of two things measured in the same run. */

const PARTS = { sweep: benchSweep, chain: benchChain, 'cold-start': benchColdStart };

const asked = process.argv.slice(2);
const unknown = asked.filter((name) => !(name in PARTS));
if (unknown.length > 0) {
  process.stderr.write(`Usage: npm run bench -- [${Object.keys(PARTS).join('] [')}]\n`);
  process.exitCode = 2;
} else {
  for (const [name, run] of Object.entries(PARTS)) {
    if (asked.length > 0 && !asked.includes(name)) continue;
    process.stdout.write(`\n${name}\n`);
    for (const line of await run()) process.stdout.write(`  ${line}\n`);
  }
}
