import type { Unavailable } from '../errors.ts';
import type { Noted } from '../ports/log-line.ts';

/** The log field with the limit that Redis has reached; empty if the dependency is unavailable for another reason. */
export function limitField({ redisLimit }: Unavailable): Pick<Noted, 'redis_limit'> {
  return redisLimit === undefined ? {} : { redis_limit: redisLimit };
}
