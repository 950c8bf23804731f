import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { cpus, release, totalmem, type } from 'node:os';
import { join } from 'node:path';
import { ROOT } from '../bundle/esbuild.ts';
import { asMarkdown, type Report } from './report.ts';

/** What was measured where, and when. */
export interface Result {
  readonly on: string;
  readonly machine: string;
  readonly report: Report;
}

/** The newest result of each part, by its name. */
export type Results = Readonly<Record<string, Result>>;

const JSON_FILE = join(ROOT, 'scripts/bench/results.json');
const PAGE_FILE = join(ROOT, 'scripts/bench/RESULTS.md');

export function readResults(): Results {
  return JSON.parse(readFileSync(JSON_FILE, 'utf8')) as Results;
}

export function readPage(): string {
  return readFileSync(PAGE_FILE, 'utf8');
}

/** Keeps what a part found in place of what it found before; `names` are all parts, in the order of the page. */
export function keepResult(name: string, report: Report, names: readonly string[]): void {
  const result = { on: new Date().toISOString().slice(0, 10), machine: describeMachine(), report };
  const kept: Results = { ...readResults(), [name]: result };
  const inOrder = Object.fromEntries(names.flatMap((each) => (kept[each] ? [[each, kept[each]]] : [])));
  writeFileSync(JSON_FILE, `${JSON.stringify(inOrder, null, 2)}\n`);
  writeFileSync(PAGE_FILE, pageOf(inOrder));
}

/** The page that shows results to people. */
export function pageOf(results: Results): string {
  const parts = Object.entries(results).map(
    ([name, { on, machine, report }]) =>
      `${asMarkdown(report)}\n\nMeasured on ${on} (\`npm run bench -- ${name}\`): ${machine}.`,
  );
  return `${[HEAD, ...parts, ...(results.peer ? [] : [NO_PEER])].join('\n\n')}\n`;
}

const NO_PEER = `## Beside another license server

Not measured yet: nobody had one running beside. \`npm run bench -- peer --url http://127.0.0.1:PORT --kind keygen-relay\`
puts the same load on it and on ours in turns, and adds what it finds here.`;

const HEAD = `# What the bench found

Written by \`npm run bench\`; edits are lost. The same figures are in \`results.json\`.

A figure is the median of its samples, with the least and the most of them beside it: \`2.00 (1.80 to 2.30)\`. What is
compared is taken in turns, a sample of each after the other, and a ratio is the median of the ratios of such pairs. So
ratios hold on other machines, within their noise; times and rates are of the machine that is named. All of a part runs
on that one machine: clients, functions, the REST front that stands in for Upstash, and Redis share its cores. A goal is
*reached*, *beyond* what would be better still, or *missed*.`;

/** The machine that this runs on, as far as figures depend on it. */
export function describeMachine(): string {
  const [cpu] = cpus();
  const gib = Math.round(totalmem() / 2 ** 30);
  const redis = /v=([\d.]+)/.exec(
    spawnSync('redis-server', ['--version'], { encoding: 'utf8' }).stdout ?? '',
  );
  return [
    `${cpus().length} cores (${cpu?.model.trim() || 'of an unnamed model'})`,
    `${gib} GiB`,
    `${type()} ${release().split('-')[0]}`,
    `Node ${process.versions.node}`,
    redis ? `redis-server ${redis[1]}, AOF everysec where it serves clients` : 'no redis-server',
  ].join(', ');
}
