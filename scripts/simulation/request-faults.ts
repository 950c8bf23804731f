import fc from 'fast-check';
import { DISTORTION_NAMES, type DistortionName } from './distortions.ts';

/** What happens to one request and its response. */
export interface Fate {
  /** Milliseconds from sending to its arrival at the server; `undefined` if it never arrives. */
  readonly arrivesAfterMs: number | undefined;
  /** Milliseconds from sending until it is forwarded a second time, as by a proxy that retries. */
  readonly againAfterMs?: number | undefined;
  /**
   * `afterMs`: milliseconds from the arrival, or from sending if it never arrives, to the last byte of the response.
   */
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

/** A 204 for a request that never reached the server: a client cannot distinguish it from the server's response. */
const isLie = ({ arrivesAfterMs, answer }: Fate): boolean =>
  arrivesAfterMs === undefined && answer.how === 'no content';

/** Any fate of one request. No delay exceeds `longestMs`. */
function anyFate(longestMs: number): fc.Arbitrary<Fate> {
  const delayMs = fc.oneof(quickMs, within(100, longestMs / 10), within(longestMs / 10, longestMs));
  const arrivesAfterMs = fc.oneof({ arbitrary: quickMs, weight: 3 }, { arbitrary: delayMs, weight: 1 });
  const slow = fc.record({ how: fc.constant('none' as const), afterMs: delayMs });
  const distorted = fc.record({ how: fc.constantFrom(...DISTORTION_NAMES), afterMs: quickMs });
  return fc
    .oneof(
      { weight: 2, arbitrary: quick },
      { weight: 2, arbitrary: fc.record({ arrivesAfterMs, answer: slow }) },
      { weight: 1, arbitrary: fc.record({ arrivesAfterMs, againAfterMs: delayMs, answer: slow }) },
      { weight: 4, arbitrary: fc.record({ arrivesAfterMs, answer: distorted }) },
      { weight: 1, arbitrary: fc.record({ arrivesAfterMs: fc.constant(undefined), answer: distorted }) },
    )
    .filter((fate) => !isLie(fate));
}

/** No response arrives, whether or not the request does. */
function unanswered(longestMs: number): fc.Arbitrary<Fate> {
  const arrivesAfterMs = fc.option(fc.oneof(quickMs, within(100, longestMs)), { nil: undefined });
  const reset = fc.record({ how: fc.constant('RESET' as const), afterMs: quickMs });
  return fc.record({ arrivesAfterMs, answer: fc.oneof(fc.constant({ how: 'NEVER' as const }), reset) });
}

/** Spells of fates in random order: without faults, with all kinds of faults, and without any response. */
export function faultSequence(longestMs: number): fc.Arbitrary<Fate[]> {
  const spell = (fate: fc.Arbitrary<Fate>, longest: number): fc.Arbitrary<Fate[]> =>
    fc.array(fate, { minLength: 1, maxLength: longest, size: 'max' });
  const spells = fc.oneof(
    { weight: 2, arbitrary: spell(quick, 6) },
    { weight: 2, arbitrary: spell(anyFate(longestMs), 8) },
    { weight: 1, arbitrary: spell(unanswered(longestMs), 10) },
  );
  return fc.array(spells, { minLength: 4, maxLength: 12, size: 'max' }).map((all) => all.flat());
}
