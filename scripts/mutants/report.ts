import type { Result } from './mutation.ts';
import { MUTATED_ROOMS } from './options.ts';
import { roomOf } from './sample.ts';

export interface Repeat {
  readonly sample: number;
  readonly seed: number;
  readonly room?: string | undefined;
  readonly near: boolean;
}

/** One mutant and its fate. */
export function lineOf({ mutation, fate, by }: Result): string {
  const { file, line, operator, before, after } = mutation;
  const killer = by === undefined ? '' : ` (${by})`;
  return `${fate.padEnd(9)} ${file}:${line} ${operator}: ${before} → ${after}${killer}`;
}

/** The table by room, the mutants that were not killed, and how to repeat the run. */
export function formatMeasured(results: readonly Result[], { sample, seed, room, near }: Repeat): string {
  const count = (some: readonly Result[], fate: Result['fate']): number =>
    some.filter((result) => result.fate === fate).length;
  const rowOf = (name: string, some: readonly Result[]): string[] => [
    name,
    ...[some.length, count(some, 'killed'), count(some, 'survived'), count(some, 'timed out')].map(String),
  ];
  const rooms = MUTATED_ROOMS.map((name) => ({
    name,
    some: results.filter(({ mutation }) => roomOf(mutation.file) === name),
  })).filter(({ some }) => some.length > 0);
  const rows = [
    ['room', 'mutants', 'killed', 'survived', 'timed out'],
    ...rooms.map(({ name, some }) => rowOf(name, some)),
    rowOf('all', results),
  ];
  const left = results.filter(({ fate }) => fate !== 'killed').map(lineOf);
  const more = `${room ? ` --room ${room}` : ''}${near ? ' --near' : ''}`;
  const command = `npm run mutants -- --sample ${sample} --seed ${seed}${more}`;
  return [...inColumns(rows), ...(left.length > 0 ? ['', ...left] : []), '', `To repeat: ${command}`].join(
    '\n',
  );
}

function inColumns(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, i) => Math.max(...rows.map((row) => row[i]?.length ?? 0)));
  return rows.map((row) =>
    row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0))).join('  '),
  );
}
