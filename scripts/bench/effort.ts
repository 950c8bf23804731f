/** `quick` takes so few samples that it only shows that the benchmark runs. */
export type Effort = 'full' | 'quick';

/** A number of repeats or samples: `full`, or for a quick run a tenth of it and at least 2. */
export function howMany(effort: Effort, full: number): number {
  return effort === 'full' ? full : Math.max(2, Math.round(full / 10));
}
