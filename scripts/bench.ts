import { defineProgram, EXIT, runProgram } from '../clients/command-line/program.ts';
import { benchBillable } from './bench/billable.ts';
import { benchChain } from './bench/chain.ts';
import { benchColdStart } from './bench/cold-start.ts';
import { benchContention } from './bench/contention.ts';
import type { Effort } from './bench/effort.ts';
import { benchHostile } from './bench/hostile.ts';
import { benchHotPath } from './bench/hot-path.ts';
import { benchMemory } from './bench/memory.ts';
import { benchOptions, KINDS } from './bench/options.ts';
import { benchPeer } from './bench/peer.ts';
import { asMarkdown, type Report } from './bench/report.ts';
import { saveResult } from './bench/results.ts';
import { benchSize } from './bench/size.ts';
import { benchSweep } from './bench/sweep.ts';
import type { Engine } from './redis-option.ts';

/** Benchmarks that anyone can repeat. Values that are compared are measured in the same run. */

const PARTS = {
  'hot-path': benchHotPath,
  size: benchSize,
  memory: benchMemory,
  sweep: benchSweep,
  contention: benchContention,
  'cold-start': benchColdStart,
  billable: benchBillable,
  chain: benchChain,
  hostile: benchHostile,
} satisfies Record<string, (effort: Effort, engine: Engine) => Promise<Report>>;

const NAMES = Object.keys(PARTS);

const program = defineProgram('npm run bench --', {
  summary: `Runs the named benchmarks, prints the results and saves them in scripts/bench/results.json and RESULTS.md. To compare with
another license server that you have started: npm run bench -- peer --url http://127.0.0.1:PORT --kind keygen-relay`,
  options: benchOptions(NAMES),
  async run({ parts, quick, redis, kind, url, seats }) {
    const effort: Effort = quick ? 'quick' : 'full';
    const runs: (readonly [string, () => Promise<Report>])[] =
      kind && url && parts.includes('peer')
        ? [['peer', () => benchPeer(KINDS[kind](url), seats, effort, redis)]]
        : Object.entries(PARTS)
            .filter(([name]) => parts.length === 0 || parts.includes(name))
            .map(([name, run]) => [name, () => run(effort, redis)]);
    for (const [name, run] of runs) {
      const report = await run();
      process.stdout.write(`\n${asMarkdown(report)}\n`);
      if (effort === 'full' && redis === 'upstash') saveResult(name, report, [...NAMES, 'peer']);
    }
    return EXIT.ok;
  },
});

process.exitCode = await runProgram(program, process.argv.slice(2));
