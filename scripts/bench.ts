import { benchBillable } from './bench/billable.ts';
import { benchChain } from './bench/chain.ts';
import { benchColdStart } from './bench/cold-start.ts';
import { benchContention } from './bench/contention.ts';
import type { Effort } from './bench/effort.ts';
import { benchHotPath } from './bench/hot-path.ts';
import { benchMemory } from './bench/memory.ts';
import { readOptions, usageOf } from './bench/options.ts';
import { benchPeer } from './bench/peer.ts';
import { asMarkdown, type Report } from './bench/report.ts';
import { keepResult } from './bench/results.ts';
import { benchSize } from './bench/size.ts';
import { benchSweep } from './bench/sweep.ts';

/** Figures that anyone can repeat, each a ratio of things measured in the same run. */

const PARTS = {
  'hot-path': benchHotPath,
  size: benchSize,
  memory: benchMemory,
  sweep: benchSweep,
  contention: benchContention,
  'cold-start': benchColdStart,
  billable: benchBillable,
  chain: benchChain,
} satisfies Record<string, (effort: Effort) => Promise<Report>>;

const UNUSABLE = 2;
const NAMES = Object.keys(PARTS);

const options = readOptions(process.argv.slice(2), NAMES);
if ('because' in options) {
  process.stderr.write(`${options.because}\n\n${usageOf(NAMES)}\n`);
  process.exitCode = UNUSABLE;
} else {
  const { effort, peer } = options;
  const runs: (readonly [string, () => Promise<Report>])[] = peer
    ? [['peer', () => benchPeer(peer.peer, peer.seats, effort)]]
    : Object.entries(PARTS)
        .filter(([name]) => options.parts.includes(name))
        .map(([name, run]) => [name, () => run(effort)]);
  for (const [name, run] of runs) {
    const report = await run();
    process.stdout.write(`\n${asMarkdown(report)}\n`);
    if (effort === 'full') keepResult(name, report, [...NAMES, 'peer']);
  }
}
