import * as z from 'zod/mini';
import type { Session, SessionFacts } from '../../domain/session.ts';

/** Facts under names of one letter: Redis keeps them once for each session. caller.lua reads the user. */
const PackedFacts = z.pipe(
  z.object({
    f: z.string(),
    h: z.optional(z.string()),
    v: z.optional(z.string()),
    u: z.optional(z.string()),
    p: z.optional(z.string()),
  }),
  z.transform(({ f, h, v, u, p }) => ({
    fingerprint: f,
    ...(h === undefined ? {} : { hostname: h }),
    ...(v === undefined ? {} : { appVersion: v }),
    ...(u === undefined ? {} : { userId: u }),
    ...(p === undefined ? {} : { processId: p }),
  })),
);

/** Facts as the scripts take and keep them. */
export function packFacts({ fingerprint, hostname, appVersion, userId, processId }: SessionFacts): string {
  return JSON.stringify({ f: fingerprint, h: hostname, v: appVersion, u: userId, p: processId });
}

/** The other side of `pack` in leases.lua. */
export function unpackFacts(packed: string): Pick<Session, 'holder' | 'acquiredAtMs' | 'facts'> {
  const match = /^([^|]*)\|(\d+)\|\d+\|(.*)$/s.exec(packed);
  if (!match) throw new Error('session facts that this version does not know');
  const [, holder = '', acquiredAtMs, facts = ''] = match;
  return {
    holder,
    acquiredAtMs: Number(acquiredAtMs),
    facts: z.parse(PackedFacts, JSON.parse(facts)),
  };
}
