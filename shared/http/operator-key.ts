import type { IncomingMessage } from 'node:http';
import { Unavailable } from '../errors.ts';
import type { Deps } from '../ports/deps.ts';
import type { Noted } from '../ports/log-line.ts';
import { addressOf, networkOf } from './address.ts';
import type { Refusal } from './contract.ts';
import { limitField } from './limit-field.ts';

/**
 * How many wrong operator keys one network address may send: so many at once, and as many again in each window. A person
 * who mistypes gets far with ten; a program that guesses does not with one a minute.
 */
export const WRONG_KEYS = { requests: 10, windowSeconds: 600 } as const;
const SECONDS_A_KEY = WRONG_KEYS.windowSeconds / WRONG_KEYS.requests;

/** Addresses that an instance remembers, the newest: a bound on its memory. */
const REMEMBERED_ADDRESSES = 10_000;

type KeyRefusal = Refusal<'CREDENTIALS_INVALID' | 'RATE_LIMITED'>;

/** Checks an operator key that a request presents. `undefined`: it is the right one. */
export type CheckOperatorKey = (presented: string) => Promise<KeyRefusal | undefined>;

export interface OperatorKeys {
  checkFor(request: IncomingMessage, deps: Deps, note: (fields: Noted) => void): CheckOperatorKey;
}

/**
 * Slows the guessing of the operator key, which may be weak: we only see its hash. After `WRONG_KEYS`, keys from that
 * address are refused before they are compared, the right one too: if it were not, waiting would cost a guesser nothing.
 * From other addresses the key works on.
 *
 * Only wrong keys are counted in Redis, so the right key costs no command there. Each instance remembers for how long the
 * count refuses an address; it compares at most one key more for each time that it has to learn it: while it counts a
 * wrong key, other keys from the address wait, else a guesser would send many at once. While the limits
 * are unavailable, an instance compares one wrong key a minute from one address: guessing gets no faster, and the right
 * key works without them.
 *
 * Behind Hosting, callers share the address of Google's front end, so anyone can have the key refused there. Operator
 * tokens and license keys are therefore not counted: 160 random bits cannot be guessed, and a right one always works.
 * So do operators who sign in, and the key at a function's own address on run.app.
 */
export function openOperatorKeys(): OperatorKeys {
  const refusedUntilMs = new Map<string, number>();
  const counting = new Map<string, Promise<unknown>>();
  const refuse = (network: string, untilMs: number): void => {
    refusedUntilMs.delete(network);
    refusedUntilMs.set(network, untilMs);
    const [oldest = ''] = refusedUntilMs.keys();
    if (refusedUntilMs.size > REMEMBERED_ADDRESSES) refusedUntilMs.delete(oldest);
  };

  return {
    checkFor: (request, deps, note) => async (presented) => {
      const { isOperatorKey, clock } = deps;
      if (!isOperatorKey)
        return { problem: 'CREDENTIALS_INVALID', because: 'the operator key is switched off' };
      const network = networkOf(addressOf(request, deps.forwardedHops));
      for (let other = counting.get(network); other; other = counting.get(network)) await other;
      const nowMs = clock.nowMs();
      const untilMs = refusedUntilMs.get(network) ?? 0;
      if (nowMs < untilMs) return tooMany(Math.ceil((untilMs - nowMs) / 1_000));
      if (isOperatorKey(presented)) return undefined;

      const counted = Promise.withResolvers<void>();
      counting.set(network, counted.promise);
      let outcome: Awaited<ReturnType<typeof countWrongKey>>;
      try {
        outcome = await countWrongKey(network, deps, note);
        if (outcome.remaining === 0) refuse(network, nowMs + outcome.resetSeconds * 1_000);
      } finally {
        counting.delete(network);
        counted.resolve();
      }
      const { verdict, resetSeconds } = outcome;
      return verdict === 'LIMITED'
        ? tooMany(resetSeconds)
        : { problem: 'CREDENTIALS_INVALID', because: 'wrong operator key' };
    },
  };
}

async function countWrongKey(network: string, { limits, pseudonymOf }: Deps, note: (fields: Noted) => void) {
  try {
    return await limits.take(`operator-key:${pseudonymOf('address', network)}`, WRONG_KEYS);
  } catch (fault) {
    if (!(fault instanceof Unavailable)) throw fault;
    note({ severity: 'WARNING', uncounted: fault.message, ...limitField(fault) });
    return { verdict: 'ALLOWED', remaining: 0, resetSeconds: SECONDS_A_KEY } as const;
  }
}

function tooMany(retryAfterSeconds: number): KeyRefusal {
  return {
    problem: 'RATE_LIMITED',
    detail: 'Too many wrong operator keys were sent from this network address.',
    retryAfterSeconds,
  };
}
