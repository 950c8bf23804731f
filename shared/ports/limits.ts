/** Counts how often somebody does something, over all instances. */
export interface Limits {
  /**
   * Counts one more of `bucket`, unless it is full. A bucket has room for `requests`, and what was used of it comes back
   * evenly, `requests` in `windowSeconds`: so never more than `requests` at once, nor more than twice as many within any
   * `windowSeconds`, nor more than that rate in the long run, however many ask at once. Throws `Unavailable('limits', …)`
   * where it cannot be counted; then nothing is known.
   */
  take(bucket: string, size: BucketSize): Promise<Taken>;
}

/** Whole numbers, at least 1. */
export interface BucketSize {
  readonly requests: number;
  readonly windowSeconds: number;
}

export interface Taken {
  readonly verdict: 'ALLOWED' | 'LIMITED';
  readonly remaining: number;
  /** Seconds until there is room for one more, at least 1. */
  readonly resetSeconds: number;
}
