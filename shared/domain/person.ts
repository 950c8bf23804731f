import * as z from 'zod/mini';
import { identityOf, type Pseudonyms } from './holder.ts';
import type { SessionFacts } from './session.ts';

/**
 * What belongs to a person. The export and the erasure both find it by this rule, so what one shows, the other erases.
 *
 * A person is an account. An e-mail address is not: organisations give addresses of people who left to others. What is
 * found by an address counts only if it began while the account had the address, as far as sign-ins show.
 */

const PeriodSchema = z.object({
  fromMs: z.int(),
  /** `null` if it has not ended. */
  untilMs: z.nullable(z.int()),
});
export type Period = z.infer<typeof PeriodSchema>;

/** A time in which an account had an e-mail address: from the first sign-in with it to the first one that shows its loss. */
export const AddressPeriodSchema = z.extend(PeriodSchema, {
  /** Lower case. */
  email: z.string(),
});
export type AddressPeriod = z.infer<typeof AddressPeriodSchema>;

export function isWithin(atMs: number, { fromMs, untilMs }: Period): boolean {
  return atMs >= fromMs && (untilMs === null || atMs < untilMs);
}

/** A period as bounds of a query whose order is the time. */
export function boundsOf({ fromMs, untilMs }: Period): { least: number; below: number | undefined } {
  return { least: fromMs, below: untilMs ?? undefined };
}

/** The addresses after the account signed in with `email`; unchanged if it had this address already. */
export function withAddress(
  known: readonly AddressPeriod[],
  email: string,
  nowMs: number,
): readonly AddressPeriod[] {
  return hasAddress(known, email)
    ? known
    : [...withoutAddress(known, nowMs), { email, fromMs: nowMs, untilMs: null }];
}

/** Whether the account has the address now, as far as sign-ins show. */
export function hasAddress(known: readonly AddressPeriod[], email: string): boolean {
  return known.some((period) => period.untilMs === null && period.email === email);
}

/** The addresses after the account lost its current one, because it got another, or because another account got it. */
export function withoutAddress(known: readonly AddressPeriod[], nowMs: number): AddressPeriod[] {
  return known.map((period) => (period.untilMs === null ? { ...period, untilMs: nowMs } : period));
}

export interface Person {
  readonly userId: string;
  /** Empty once the user document is deleted. */
  readonly addresses: readonly AddressPeriod[];
}

/** A pseudonym that only some sessions of a license have from the person: those that began in the period. */
export const HolderWithinSchema = z.extend(PeriodSchema, { holder: z.string() });
export type HolderWithin = z.infer<typeof HolderWithinSchema>;

/** A session as the seat store knows it, or a loan. */
export interface HeldSession {
  readonly holder: string;
  readonly acquiredAtMs: number;
  readonly facts: SessionFacts;
}

/** What a person's data in one license is found by. */
export interface Belongings {
  /** Pseudonyms of the user alone: everything that has one of them is theirs. */
  readonly holders: readonly string[];
  /** Pseudonyms of the user's addresses. */
  readonly holdersWithin: readonly HolderWithin[];
  /** Whether the session is the person's. Its seat may have sessions of others. */
  owns(session: HeldSession): boolean;
  /**
   * Whether everything with the session's holder is the person's: it is the user, or a machine or process of the
   * signed-in user. A machine of a license key can have programs of others, and an address can have had another owner.
   */
  ownsHolder(session: HeldSession): boolean;
}

export function belongingsOf(person: Person, licenseId: string, pseudonyms: Pseudonyms): Belongings {
  const { userId, addresses } = person;
  const holders = [pseudonyms.holder(licenseId, 'user', userId)];
  const holdersWithin = addresses.map(({ email, fromMs, untilMs }) => ({
    holder: pseudonyms.holder(licenseId, 'user', email),
    fromMs,
    untilMs,
  }));

  function ownsHolder({ holder, facts }: HeldSession): boolean {
    if (holders.includes(holder)) return true;
    if (facts.userId !== userId) return false;
    const { machine, holders: own } = identityOf({ facts, isSignedIn: true }, licenseId, pseudonyms);
    return holder === machine || holder === own.process;
  }

  return {
    holders,
    holdersWithin,
    ownsHolder,
    owns(session) {
      const { holder, facts, acquiredAtMs } = session;
      if (facts.userId === userId || ownsHolder(session)) return true;
      const name = facts.userId?.toLowerCase();
      return (
        addresses.some((period) => period.email === name && isWithin(acquiredAtMs, period)) ||
        holdersWithin.some((period) => period.holder === holder && isWithin(acquiredAtMs, period))
      );
    },
  };
}
