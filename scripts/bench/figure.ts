/** The median of samples, with their range. */
export interface Figure {
  readonly median: number;
  readonly least: number;
  readonly most: number;
  readonly samples: number;
}

/** Throws a RangeError for an empty list. */
export function figureOf(samples: readonly number[]): Figure {
  const sorted = samples.toSorted((a, b) => a - b);
  const half = sorted.length / 2;
  // The middle one, or the mean of the two in the middle.
  const [below, above] = [sorted[Math.ceil(half) - 1], sorted[Math.floor(half)]];
  const [least, most] = [sorted[0], sorted.at(-1)];
  if (below === undefined || above === undefined || least === undefined || most === undefined)
    throw new RangeError('no samples');
  return { median: (below + above) / 2, least, most, samples: sorted.length };
}

/**
 * Ratio of two series of samples taken in turns. Each sample is divided by the one taken next to it, so that a slow
 * spell of the machine affects both.
 */
export function ratioOf(samples: readonly number[], others: readonly number[]): Figure {
  if (samples.length !== others.length) throw new RangeError('samples without a pair');
  return figureOf(samples.map((sample, i) => sample / (others[i] ?? Number.NaN)));
}
