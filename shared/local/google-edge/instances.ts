/**
 * The instances of one function. A request that finds none free waits, and is refused if none gets free in time:
 * https://cloud.google.com/run/docs/about-instance-autoscaling (10 seconds), and 429 in
 * https://cloud.google.com/run/docs/troubleshooting.
 */
export class Instances {
  readonly #capacity: number;
  readonly #waitMs: number;
  readonly #waiting: ((isAdmitted: boolean) => void)[] = [];
  #busy = 0;

  /** `capacity`: requests at a time, by all instances together. */
  constructor(capacity: number, waitMs: number) {
    this.#capacity = capacity;
    this.#waitMs = waitMs;
  }

  /** Whether a place was free or got free; the caller must `leave` it. Returns at once if one is free. */
  enter(): true | Promise<boolean> {
    if (this.#busy < this.#capacity) {
      this.#busy += 1;
      return true;
    }
    return new Promise((resolve) => {
      const admit = (isAdmitted: boolean): void => {
        clearTimeout(timer);
        resolve(isAdmitted);
      };
      const timer = setTimeout(() => {
        this.#waiting.splice(this.#waiting.indexOf(admit), 1);
        admit(false);
      }, this.#waitMs);
      this.#waiting.push(admit);
    });
  }

  leave(): void {
    const next = this.#waiting.shift();
    if (next) next(true);
    else this.#busy -= 1;
  }
}
