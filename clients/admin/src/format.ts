/** The head of a column, and its cell for a row; `null` shows as a dash. */
export type Column<R> = readonly [head: string, show: (row: R) => string | number | null];

/** Lines of aligned columns, each as wide as its widest cell. */
export function table<R>(columns: readonly Column<R>[], rows: readonly R[]): string[] {
  const lines = [
    columns.map(([head]) => head),
    ...rows.map((row) => columns.map(([, show]) => String(show(row) ?? '-').replaceAll(/\s+/g, ' '))),
  ];
  const widths = columns.map((_, at) => Math.max(...lines.map((cells) => [...(cells[at] ?? '')].length)));
  return lines.map((cells) =>
    cells
      .map((cell, at) => padded(cell, widths[at] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}

/** Lines of names and values, aligned. */
export function facts(named: readonly (readonly [name: string, value: string | number])[]): string[] {
  const width = Math.max(...named.map(([name]) => name.length));
  return named.map(([name, value]) => `  ${name.padEnd(width)}  ${value}`);
}

export function indented(lines: readonly string[]): string[] {
  return lines.map((line) => `  ${line}`);
}

function padded(cell: string, width: number): string {
  return cell + ' '.repeat(width - [...cell].length);
}
