import * as z from 'zod/mini';
import { type Session, SessionFactsSchema } from '../../domain/session.ts';

/** The other side of `pack` in leases.lua. */
export function unpackFacts(packed: string): Pick<Session, 'holder' | 'acquiredAtMs' | 'facts'> {
  const match = /^([^|]*)\|(\d+)\|\d+\|(.*)$/s.exec(packed);
  if (!match) throw new Error('session facts that this version does not know');
  const [, holder = '', acquiredAtMs, facts = ''] = match;
  return {
    holder,
    acquiredAtMs: Number(acquiredAtMs),
    facts: z.parse(SessionFactsSchema, JSON.parse(facts)),
  };
}
