import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { cpus, release, totalmem, type } from 'node:os';
import { join } from 'node:path';
import { ROOT } from '../bundle/esbuild.ts';
import { asMarkdown, type Report } from './report.ts';

/** A report, with the date and machine of the measurement. */
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

/** Saves a part's result in place of its previous one. `names` are all parts, in the order of the page. */
export function saveResult(name: string, report: Report, names: readonly string[]): void {
  const result = { on: new Date().toISOString().slice(0, 10), machine: describeMachine(), report };
  const merged: Results = { ...readResults(), [name]: result };
  const inOrder = Object.fromEntries(names.flatMap((each) => (merged[each] ? [[each, merged[each]]] : [])));
  writeFileSync(JSON_FILE, `${JSON.stringify(inOrder, null, 2)}\n`);
  writeFileSync(PAGE_FILE, pageOf(inOrder));
}

/** The content of RESULTS.md. */
export function pageOf(results: Results): string {
  const parts = Object.entries(results).map(
    ([name, { on, machine, report }]) =>
      `${asMarkdown(report)}\n\nMeasured on ${on} (\`npm run bench -- ${name}\`): ${machine}.`,
  );
  return `${[HEAD, ...parts, ...(results.peer ? [] : [NO_PEER])].join('\n\n')}\n`;
}

const NO_PEER = `## Compared with another license server

Not measured yet. \`npm run bench -- peer --url http://127.0.0.1:PORT --kind keygen-relay\` puts the same load on a
running peer and on our server in turns, and adds the results here.`;

const HEAD = `# Benchmark results

Written by \`npm run bench\`; edits are lost. The same figures are in \`results.json\`.

A figure is the median of its samples, with the smallest and the largest sample: \`2.00 (1.80 to 2.30)\`. Compared
values are measured in turns, one sample of each after the other; a ratio is the median of the ratios of such pairs.
Ratios therefore hold on other machines, within their noise; times and rates are those of the named machine. Everything
in a part runs on that one machine: clients, functions, the REST server in place of Upstash, and Redis share its cores.
A goal is *reached*, *missed*, or *beyond*, if the better value is reached as well.`;

/** Describes this machine as far as results depend on it. */
export function describeMachine(): string {
  const [cpu] = cpus();
  const gib = Math.round(totalmem() / 2 ** 30);
  const redis = /v=([\d.]+)/.exec(
    spawnSync('redis-server', ['--version'], { encoding: 'utf8' }).stdout ?? '',
  );
  return [
    `${cpus().length} cores (${cpu?.model.trim() || 'unknown CPU model'})`,
    `${gib} GiB`,
    `${type()} ${release().split('-')[0]}`,
    `Node ${process.versions.node}`,
    redis ? `redis-server ${redis[1]}, AOF everysec where it serves clients` : 'no redis-server',
  ].join(', ');
}
