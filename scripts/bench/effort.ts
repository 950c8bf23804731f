/** How much is measured: all of it, or so little that one only sees that it runs. */
export type Effort = 'full' | 'quick';

/** How often something is repeated, or how much of it there is: `full`, or a tenth of it and at least twice. */
export function howMany(effort: Effort, full: number): number {
  return effort === 'full' ? full : Math.max(2, Math.round(full / 10));
}
