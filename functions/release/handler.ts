import type { By } from '../../shared/domain/actor.ts';
import { accessOf, standingOf } from '../../shared/domain/authorization.ts';
import { licenseOfSession } from '../../shared/domain/ids.ts';
import type { Caller, HandlersOf, Refusal, ReplyOf, RequestOf } from '../../shared/http/contract.ts';
import { refuseKey } from '../../shared/http/license-refusal.ts';
import { requestedLicense } from '../../shared/http/own.ts';
import { LICENSES } from '../../shared/ports/collections.ts';
import type { Deps } from '../../shared/ports/deps.ts';
import { forgetLoan } from '../../shared/use-cases/loans.ts';
import { recordEviction } from '../../shared/use-cases/sessions.ts';
import type contract from './contract.ts';

async function release(
  { body, caller, by }: RequestOf<typeof contract, 'release'>,
  deps: Deps,
): Promise<ReplyOf<typeof contract, 'release'>> {
  return (await releaseSession(body, caller, by, deps)) ?? { answer: 'ended', body: undefined };
}

async function endSession(
  { params, query, caller, by }: RequestOf<typeof contract, 'end'>,
  deps: Deps,
): Promise<ReplyOf<typeof contract, 'end'>> {
  const { session_id: sessionId } = params;
  const licenseId = licenseOfSession(sessionId);
  if (await mayEvict(licenseId, caller, deps)) {
    const scope = query.scope === 'seat' ? 'seat' : 'session';
    const evicted = await deps.seats.evict({ licenseId, sessionId, scope, by });
    if (evicted.verdict !== 'EVICTED') return { problem: 'SESSION_NOT_FOUND' };
    // Recorded before the answer: even if Redis loses its data now, no token revives what an admin has ended.
    await recordEviction(licenseId, evicted, by, deps);
    return { answer: 'ended', body: undefined };
  }
  if (query.scope === 'seat')
    return { problem: 'FORBIDDEN', detail: 'Only operators and tenant admins can free a seat.' };
  return (await releaseSession(params, caller, by, deps)) ?? { answer: 'ended', body: undefined };
}

type EndCaller = Extract<Caller, { kind: 'license' | 'operator' | 'person' }>;

async function mayEvict(licenseId: string, caller: EndCaller, { records }: Deps): Promise<boolean> {
  if (caller.kind !== 'person') return caller.kind === 'operator';
  const license = await records.get(LICENSES, licenseId);
  const role = license && caller.tenants[license.tenantId];
  return standingOf(accessOf('release.evict'), role) === 'ALLOWED';
}

interface ReleaseRequest {
  readonly session_id: string;
  readonly session_token?: string | undefined;
}

/** Returns the refusal, if any. Callers who do not hold the session do not learn whether it exists. */
async function releaseSession(
  { session_id: sessionId, session_token: token }: ReleaseRequest,
  caller: EndCaller,
  by: By,
  deps: Deps,
): Promise<Refusal<'CREDENTIALS_INVALID' | 'LICENSE_NOT_FOUND' | 'RATE_LIMITED'> | undefined> {
  const { proof } = caller;
  const licenseId = requestedLicense(caller, sessionId);
  // For a session of another license, the call only verifies the key: no session has an empty id.
  const own = licenseOfSession(sessionId) === licenseId ? sessionId : '';
  const proven = deps.sessionTokens.open(own, token)?.session;
  const ended = await deps.seats.release({ licenseId, proof, by, sessionId: own, proven });
  switch (ended.verdict) {
    case 'ENDED':
      if (ended.kind === 'loan') await forgetLoan(sessionId, deps);
      return undefined;
    case 'ALREADY_ENDED':
      // An earlier try may have ended the loan and not reached the records.
      if (proven?.kind === 'loan') await forgetLoan(sessionId, deps);
      return undefined;
    case 'UNKNOWN_SESSION':
      return undefined;
    default:
      return refuseKey(ended, proof);
  }
}

export default { release, end: endSession } satisfies HandlersOf<typeof contract>;
