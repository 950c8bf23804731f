/** The middle one, and how far the others lie apart: largest over smallest. */
export function medianOf(samples: readonly number[]): { median: number; spread: number } {
  const sorted = samples.toSorted((a, b) => a - b);
  const median = sorted[Math.floor(sorted.length / 2)];
  const [least, most] = [sorted[0], sorted.at(-1)];
  if (median === undefined || least === undefined || most === undefined) throw new RangeError('no samples');
  return { median, spread: most / least };
}
