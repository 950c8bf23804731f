import { newSessionId } from '../../shared/domain/ids.ts';
import type { Caller, HandlersOf, Refusal, ReplyOf, RequestOf } from '../../shared/http/contract.ts';
import { nextHeartbeatDue, secondsLeft, timestamp } from '../../shared/http/fields.ts';
import { refuseLicense } from '../../shared/http/license-refusal.ts';
import { refuseFields } from '../../shared/http/refuse-fields.ts';
import type { Deps } from '../../shared/ports/deps.ts';
import type { AcquireVerdict } from '../../shared/ports/seats.ts';
import type contract from './contract.ts';

async function acquire(
  { body, caller, note }: RequestOf<typeof contract, 'acquire'>,
  deps: Deps,
): Promise<ReplyOf<typeof contract, 'acquire'>> {
  const target = targetOf(body, caller);
  if ('problem' in target) return target;
  const { licenseId, userId } = target;
  note({ license_id: licenseId });
  const { fingerprint, process_id: processId, hostname, app_version: appVersion } = body;
  const verdict = await deps.seats.acquire({
    licenseId,
    proof: caller.proof,
    proposedSessionId: newSessionId(licenseId),
    holders: {
      machine: deps.pseudonyms(licenseId, 'machine', fingerprint),
      user: userId && deps.pseudonyms(licenseId, 'user', userId),
      process: processId && deps.pseudonyms(licenseId, 'process', fingerprint, processId),
    },
    facts: { fingerprint, hostname, appVersion, userId, processId },
    borrowDays: body.borrow_days,
  });

  switch (verdict.verdict) {
    case 'GRANTED':
      return { answer: 'granted', body: seatOf(licenseId, verdict, deps) };
    case 'RENEWED':
      return { answer: 'renewed', body: seatOf(licenseId, verdict, deps) };
    case 'FULL': {
      const { active, max, retryAfterSeconds } = verdict;
      return {
        problem: 'SEATS_EXHAUSTED',
        detail: `${active} of ${max} seats are taken; the next may be free in ${retryAfterSeconds} s.`,
        members: { active, max, retry_after: retryAfterSeconds },
        retryAfterSeconds,
      };
    }
    case 'HOLDER_REQUIRED':
      return {
        problem: 'HOLDER_REQUIRED',
        detail: `This license counts seats by ${verdict.unit}: send ${verdict.unit}_id.`,
      };
    case 'BORROW_TOO_LONG': {
      const { maxDays } = verdict;
      return {
        problem: 'BORROW_NOT_ALLOWED',
        detail:
          maxDays === 0
            ? 'Seats of this license cannot be borrowed.'
            : `Seats can be borrowed for at most ${maxDays} days.`,
        members: { max_days: maxDays },
      };
    }
    case 'BORROW_LIMIT': {
      const { borrowed, borrowable } = verdict;
      return {
        problem: 'BORROW_LIMIT_REACHED',
        detail: `${borrowed} of ${borrowable} borrowable seats are borrowed. The others can only be used online.`,
        members: { borrowed, borrowable },
      };
    }
    default:
      return refuseLicense(verdict, caller.proof);
  }
}

/** With a license key, the key determines the license. A signed-in user must pass the license id. */
function targetOf(
  body: { license_id?: string | undefined; user_id?: string | undefined },
  caller: Extract<Caller, { kind: 'license' | 'person' }>,
):
  | { readonly licenseId: string; readonly userId: string | undefined }
  | Refusal<'LICENSE_NOT_FOUND' | 'VALIDATION_FAILED'> {
  const { license_id: requestedId, user_id: userId } = body;
  if (caller.kind === 'license') {
    const { licenseId } = caller;
    return requestedId === undefined || requestedId === licenseId
      ? { licenseId, userId }
      : { problem: 'LICENSE_NOT_FOUND' };
  }
  if (requestedId === undefined) return refuseField('/license_id', 'Pass the id of the license.');
  if (userId !== undefined && userId !== caller.userId)
    return refuseField('/user_id', 'You are signed in: omit user_id, or pass your own.');
  return { licenseId: requestedId, userId: caller.userId };
}

function refuseField(at: string, detail: string): Refusal<'VALIDATION_FAILED'> {
  return refuseFields('VALIDATION_FAILED', [{ at, detail }]);
}

type GrantedVerdict = Extract<AcquireVerdict, { verdict: 'GRANTED' | 'RENEWED' }>;

function seatOf(licenseId: string, { session, active, max, atMs, rhythm }: GrantedVerdict, deps: Deps) {
  return {
    session_id: session.sessionId,
    session_token: deps.sessionTokens.seal(session, atMs),
    license_id: licenseId,
    seats: { active, max },
    ...(active > max ? { overdraft: true as const } : {}),
    expires_at: timestamp(session.expiresAtMs),
    ...(session.borrowedUntilMs === undefined ? {} : { borrowed_until: timestamp(session.borrowedUntilMs) }),
    ttl: secondsLeft(session.expiresAtMs, atMs),
    heartbeat_interval: rhythm.heartbeatSeconds,
    next_heartbeat_due: nextHeartbeatDue(atMs, session, rhythm),
    offline_grace_days: rhythm.offlineGraceDays,
  };
}

export default { acquire } satisfies HandlersOf<typeof contract>;
