import type { Figure } from './figure.ts';

/** The results of one part of the bench. */
export interface Report {
  readonly title: string;
  /** What each figure means and how it was taken, in sentences. */
  readonly meaning: string;
  readonly tables: readonly Table[];
  readonly goals: readonly Goal[];
}

export interface Table {
  readonly columns: readonly string[];
  readonly rows: readonly (readonly Cell[])[];
}

export type Cell = string | number | Figure;

/** A target, and the value that was measured. */
export interface Goal {
  readonly what: string;
  readonly reached: number | Figure;
  readonly bound: { readonly atLeast: number } | { readonly atMost: number };
  /** A better value than the bound. */
  readonly stretch?: number;
}

export type Verdict = 'beyond' | 'reached' | 'missed';

export function verdictOf({ reached, bound, stretch }: Goal): Verdict {
  const value = typeof reached === 'number' ? reached : reached.median;
  const isWithin = (limit: number): boolean => ('atLeast' in bound ? value >= limit : value <= limit);
  const limit = 'atLeast' in bound ? bound.atLeast : bound.atMost;
  if (!isWithin(limit)) return 'missed';
  return stretch !== undefined && isWithin(stretch) ? 'beyond' : 'reached';
}

/** A report as Markdown that reads well as plain text too. */
export function asMarkdown({ title, meaning, tables, goals }: Report, level = '##'): string {
  const held = goals.map((goal) => [goal.what, boundOf(goal), goal.reached, verdictOf(goal)]);
  const all = held.length > 0 ? [...tables, { columns: ['Goal', 'Bound', 'Now', ''], rows: held }] : tables;
  return [`${level} ${title}`, meaning, ...all.map(tableOf)].join('\n\n');
}

function boundOf({ bound, stretch }: Goal): string {
  const limit = 'atLeast' in bound ? `≥ ${bound.atLeast}` : `≤ ${bound.atMost}`;
  return stretch === undefined ? limit : `${limit} (better: ${stretch})`;
}

function tableOf({ columns, rows }: Table): string {
  const cells = [columns, ...rows.map((row) => row.map(cellOf))];
  const widths = columns.map((_, i) => Math.max(3, ...cells.map((row) => (row[i] ?? '').length)));
  const line = (row: readonly string[]): string =>
    `| ${widths.map((width, i) => (row[i] ?? '').padEnd(width)).join(' | ')} |`;
  const [head = [], ...body] = cells;
  return [line(head), line(widths.map((width) => '-'.repeat(width))), ...body.map(line)].join('\n');
}

function cellOf(cell: Cell): string {
  if (typeof cell === 'string') return cell;
  if (typeof cell === 'number') return short(cell);
  const { median, least, most } = cell;
  return `${short(median)} (${short(least)} to ${short(most)})`;
}

/** Three digits: more would only show noise. */
function short(value: number): string {
  const digits = Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 2;
  return Number.isInteger(value) ? String(value) : value.toFixed(digits);
}
