import type { IncomingMessage } from 'node:http';
import { Unavailable } from '../errors.ts';
import type { Deps } from '../ports/deps.ts';
import type { Taken } from '../ports/limits.ts';
import type { Noted } from '../ports/log-line.ts';
import { addressOf, networkOf } from './address.ts';
import type { Caller, LimitContract, Refusal } from './contract.ts';
import { limitField } from './limit-field.ts';

interface Limited {
  /** Sent with every answer, also with refusals. */
  readonly headers: Readonly<Record<string, string>>;
  readonly refusal?: Refusal<'RATE_LIMITED'>;
}

/**
 * Counts a call of `endpoint` (its full name) for its caller. Throws if the limits are unavailable and the call must be
 * counted.
 */
export async function countCall(
  endpoint: string,
  limit: LimitContract,
  caller: Caller,
  request: IncomingMessage,
  deps: Deps,
  note: (fields: Noted) => void,
): Promise<Limited> {
  const who = (limit.by === 'caller' && nameOf(caller)) || networkOf(addressOf(request, deps.forwardedHops));
  try {
    const taken = await deps.limits.take(`${endpoint}:${deps.pseudonymOf('address', who)}`, limit);
    return limitedBy(endpoint, taken, limit);
  } catch (fault) {
    if (limit.uncounted === 'refuse' || !(fault instanceof Unavailable)) throw fault;
    // An outage ends by itself, a limit does not.
    const severity = fault.redisLimit ? 'ERROR' : 'WARNING';
    note({ severity, uncounted: fault.message, ...limitField(fault) });
    return { headers: {} };
  }
}

/** A license key is not verified yet, so it counts by its hash: wrong keys cannot use up the limit of the right key. */
function nameOf(caller: Caller): string | undefined {
  switch (caller.kind) {
    case 'license':
      return caller.proof.kind === 'license-key' ? caller.proof.keyHash : caller.licenseId;
    case 'person':
      return caller.userId;
    case 'operator':
      return caller.token?.tokenId ?? caller.kind;
    case 'anyone':
      return undefined;
    default:
      return caller.kind;
  }
}

/**
 * The headers of draft-ietf-httpapi-ratelimit-headers-11 (https://datatracker.ietf.org/doc/draft-ietf-httpapi-ratelimit-headers/11/,
 * sections 3 and 4). The policy has the name of the endpoint, since each endpoint counts for itself.
 */
function limitedBy(
  endpoint: string,
  { verdict, remaining, resetSeconds }: Taken,
  limit: LimitContract,
): Limited {
  const { requests, windowSeconds } = limit;
  const headers = {
    'ratelimit-policy': `"${endpoint}";q=${requests};w=${windowSeconds}`,
    ratelimit: `"${endpoint}";r=${remaining};t=${resetSeconds}`,
  };
  if (verdict === 'ALLOWED') return { headers };
  const detail = `At most ${requests} of these requests at once, and ${requests} more every ${windowSeconds} s.`;
  return { headers, refusal: { problem: 'RATE_LIMITED', detail, retryAfterSeconds: resetSeconds } };
}
