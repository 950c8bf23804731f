import { accessOf, standingOf } from '../../shared/domain/authorization.ts';
import { licenseOfSession } from '../../shared/domain/ids.ts';
import type { Caller, HandlersOf, Refusal, ReplyOf, RequestOf } from '../../shared/http/contract.ts';
import { refuseKey } from '../../shared/http/license-refusal.ts';
import { requestedLicense } from '../../shared/http/own.ts';
import { LICENSES } from '../../shared/ports/collections.ts';
import type { Deps } from '../../shared/ports/deps.ts';
import type contract from './contract.ts';

async function release(
  { body, caller }: RequestOf<typeof contract, 'release'>,
  deps: Deps,
): Promise<ReplyOf<typeof contract, 'release'>> {
  return (await releaseSeat(body, caller, deps)) ?? { answer: 'ended', body: undefined };
}

async function endSession(
  { params, caller }: RequestOf<typeof contract, 'end'>,
  deps: Deps,
): Promise<ReplyOf<typeof contract, 'end'>> {
  const sessionId = params.session_id;
  const licenseId = licenseOfSession(sessionId);
  if (!(await mayEvict(licenseId, caller, deps))) {
    return (await releaseSeat(params, caller, deps)) ?? { answer: 'ended', body: undefined };
  }
  const { verdict } = await deps.seats.release({
    licenseId,
    proof: { kind: 'trusted' },
    sessionId,
    reason: 'evicted',
  });
  if (verdict === 'UNKNOWN_SESSION' || verdict === 'UNKNOWN_LICENSE') return { problem: 'SESSION_NOT_FOUND' };
  return { answer: 'ended', body: undefined };
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
  readonly sent_after_ms?: number | undefined;
}

/** Returns the refusal, if any. Callers who do not hold the session do not learn whether it exists. */
async function releaseSeat(
  { session_id: sessionId, session_token: token, sent_after_ms: sentAfterMs }: ReleaseRequest,
  caller: EndCaller,
  deps: Deps,
): Promise<Refusal<'CREDENTIALS_INVALID' | 'LICENSE_NOT_FOUND' | 'RATE_LIMITED'> | undefined> {
  const { proof } = caller;
  const licenseId = requestedLicense(caller, sessionId);
  // For a session of another license, the call only verifies the key: no session has an empty id.
  const own = licenseOfSession(sessionId) === licenseId ? sessionId : '';
  const { session, sealedAtMs } = deps.sessionTokens.open(own, token) ?? {};
  const ended = await deps.seats.release({
    licenseId,
    proof,
    sessionId: own,
    reason: 'released',
    proven: session,
    sentAtMs: sealedAtMs === undefined || sentAfterMs === undefined ? undefined : sealedAtMs + sentAfterMs,
  });
  switch (ended.verdict) {
    case 'ENDED':
    case 'ALREADY_ENDED':
    case 'OVERTAKEN':
    case 'UNKNOWN_SESSION':
      return undefined;
    default:
      return refuseKey(ended, proof);
  }
}

export default { release, end: endSession } satisfies HandlersOf<typeof contract>;
