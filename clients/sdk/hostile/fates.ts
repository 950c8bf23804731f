import fc from 'fast-check';
import { DISTORTION_NAMES, type DistortionName } from './distortions.ts';

/** What becomes of one request, and of its answer. */
export interface Fate {
  /** When the server gets it, milliseconds after it was sent; `undefined` where it never does. */
  readonly arrivesAfterMs: number | undefined;
  /** It is passed on once more, that many milliseconds after it was sent: a proxy tries again by itself. */
  readonly againAfterMs?: number | undefined;
  /** Milliseconds from the arrival, or from the sending where it never arrives, to the last byte that comes back. */
  readonly answer:
    | { readonly how: 'NEVER' }
    | { readonly how: 'RESET'; readonly afterMs: number }
    | { readonly how: DistortionName; readonly afterMs: number };
}

const within = (leastMs: number, mostMs: number) => fc.integer({ min: leastMs, max: Math.round(mostMs) });
const quickMs = within(1, 100);

export const quick: fc.Arbitrary<Fate> = fc.record({
  arrivesAfterMs: quickMs,
  answer: fc.record({ how: fc.constant('none' as const), afterMs: quickMs }),
});

/** "Done" from nowhere about what was never asked: nobody can tell it from the server's word. */
const isLie = ({ arrivesAfterMs, answer }: Fate): boolean =>
  arrivesAfterMs === undefined && answer.how === 'no content';

/** About half of all requests fare well. No delay is longer than `longestMs`. */
export function fates(longestMs: number): fc.Arbitrary<Fate> {
  const delayMs = fc.oneof(quickMs, within(100, longestMs / 10), within(longestMs / 10, longestMs));
  const arrivesAfterMs = fc.oneof({ arbitrary: quickMs, weight: 3 }, { arbitrary: delayMs, weight: 1 });
  const never = fc.constant({ how: 'NEVER' as const });
  const reset = fc.record({ how: fc.constant('RESET' as const), afterMs: delayMs });
  const slow = fc.record({ how: fc.constant('none' as const), afterMs: delayMs });
  const distorted = fc.record({ how: fc.constantFrom(...DISTORTION_NAMES), afterMs: quickMs });
  return fc
    .oneof(
      { weight: 8, arbitrary: quick },
      {
        weight: 2,
        arbitrary: fc.record({ arrivesAfterMs: fc.constant(undefined), answer: fc.oneof(never, reset) }),
      },
      { weight: 3, arbitrary: fc.record({ arrivesAfterMs, answer: fc.oneof(never, reset, slow) }) },
      {
        weight: 4,
        arbitrary: fc.record({
          arrivesAfterMs: fc.option(arrivesAfterMs, { nil: undefined, freq: 3 }),
          answer: distorted,
        }),
      },
      { weight: 1, arbitrary: fc.record({ arrivesAfterMs, againAfterMs: delayMs, answer: slow }) },
    )
    .filter((fate) => !isLie(fate));
}
