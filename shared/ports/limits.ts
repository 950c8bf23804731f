/** Rate limits, shared by all instances. */
export interface Limits {
  /**
   * Takes one request out of `bucket`, unless the bucket is empty. A bucket holds `requests` and is refilled evenly,
   * with `requests` in `windowSeconds`. It therefore allows at most `requests` at once, at most twice as many within
   * any `windowSeconds`, and that rate in the long run, however many callers there are. If requests cannot be counted,
   * it throws `Unavailable('limits', …)`: it is then unknown whether the limit is exceeded.
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
  /** Seconds until one more request is allowed, at least 1. */
  readonly resetSeconds: number;
}
