import { licenseOfSession } from '../../shared/domain/ids.ts';
import type { HandlersOf, ReplyOf, RequestOf } from '../../shared/http/contract.ts';
import { nextHeartbeatDue, secondsLeft, timestamp } from '../../shared/http/fields.ts';
import { refuseLicense } from '../../shared/http/license-refusal.ts';
import { requestedLicense } from '../../shared/http/own.ts';
import type { Deps } from '../../shared/ports/deps.ts';
import type { HeartbeatResult, HeartbeatVerdict } from '../../shared/ports/seats.ts';
import type contract from './contract.ts';

async function heartbeat(
  { body, caller, note }: RequestOf<typeof contract, 'heartbeat'>,
  deps: Deps,
): Promise<ReplyOf<typeof contract, 'heartbeat'>> {
  const requested = 'sessions' in body ? body.sessions : [body];
  // A call extends sessions of one license. For a signed-in user, this is the license of the first session.
  const licenseId = requestedLicense(caller, requested[0]?.session_id ?? '');
  const { proof } = caller;
  // Sessions of other licenses are left out. Without any session left, the call still verifies the key.
  const own = requested.filter(({ session_id }) => licenseOfSession(session_id) === licenseId);
  const verdict = await deps.seats.heartbeat({
    licenseId,
    proof,
    sessions: own.map(({ session_id: sessionId, session_token: token }) => ({
      sessionId,
      proven: deps.sessionTokens.open(sessionId, token)?.session,
    })),
  });
  if (verdict.verdict !== 'OK') return refuseLicense(verdict, proof);

  const revived = verdict.results.filter((result) => result.verdict === 'REVIVED').length;
  if (revived > 0) note({ revived });
  const resultOf = new Map(verdict.results.map((result, i) => [own[i], result]));
  if (!('sessions' in body)) {
    const extended = extendedOf(resultOf.get(body), verdict, deps);
    if (extended) note({ verdict: extended.revived ? 'REVIVED' : 'RENEWED' });
    return extended ? { answer: 'extended', body: extended } : { problem: 'SESSION_NOT_FOUND' };
  }
  const results = requested.map(
    (beat) =>
      extendedOf(resultOf.get(beat), verdict, deps) ?? {
        status: 'session_not_found' as const,
        session_id: beat.session_id,
      },
  );
  return { answer: 'batch', body: { results } };
}

function extendedOf(
  result: HeartbeatResult | undefined,
  { atMs, rhythm }: Extract<HeartbeatVerdict, { verdict: 'OK' }>,
  deps: Deps,
) {
  if (result?.verdict !== 'RENEWED' && result?.verdict !== 'REVIVED') return undefined;
  const { session } = result;
  return {
    status: 'heartbeat_acknowledged' as const,
    session_id: session.sessionId,
    session_token: deps.sessionTokens.seal(session, atMs),
    ttl_extended_to: secondsLeft(session.expiresAtMs, atMs),
    expires_at: timestamp(session.expiresAtMs),
    next_heartbeat_due: nextHeartbeatDue(atMs, session, rhythm),
    ...(result.verdict === 'REVIVED' ? { revived: true as const } : {}),
  };
}

export default { heartbeat } satisfies HandlersOf<typeof contract>;
