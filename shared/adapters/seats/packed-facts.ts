import * as z from 'zod/mini';
import type { Session, SessionFacts } from '../../domain/session.ts';

const word = z.optional(z.nullable(z.string()));

/** Facts without their names, as Redis keeps them once for each session. caller.lua reads the user. */
const PackedFacts = z.pipe(
  z.tuple([z.string(), word, word, word, word]),
  z.transform(([fingerprint, hostname, appVersion, userId, processId]) => ({
    fingerprint,
    ...(hostname == null ? {} : { hostname }),
    ...(appVersion == null ? {} : { appVersion }),
    ...(userId == null ? {} : { userId }),
    ...(processId == null ? {} : { processId }),
  })),
);

/** Facts as the scripts take and keep them. */
export function packFacts({ fingerprint, hostname, appVersion, userId, processId }: SessionFacts): string {
  const words = [fingerprint, hostname, appVersion, userId, processId];
  return JSON.stringify(words.slice(0, words.findLastIndex((each) => each !== undefined) + 1));
}

/** The other side of `pack` in leases.lua. */
export function unpackFacts(packed: string): Pick<Session, 'holder' | 'acquiredAtMs' | 'facts'> {
  const match = /^([^|]*)\|(\d+)\|\d+\|\d+\|(.*)$/s.exec(packed);
  if (!match) throw new Error('session facts that this version does not know');
  const [, holder = '', acquiredAtMs, facts = ''] = match;
  return {
    holder,
    acquiredAtMs: Number(acquiredAtMs),
    facts: z.parse(PackedFacts, JSON.parse(facts)),
  };
}
