import type { Unit } from '../../shared/domain/entitlement.ts';
import { identityOf } from '../../shared/domain/holder.ts';
import { newSessionId } from '../../shared/domain/ids.ts';
import type { Caller, HandlersOf, Refusal, ReplyOf, RequestOf } from '../../shared/http/contract.ts';
import { viewOfEntitlements } from '../../shared/http/entitlements-view.ts';
import { nextHeartbeatDue, secondsLeft, timestamp } from '../../shared/http/fields.ts';
import { refuseLicense } from '../../shared/http/license-refusal.ts';
import { refuseFields } from '../../shared/http/refuse-fields.ts';
import type { Deps } from '../../shared/ports/deps.ts';
import type { BorrowRequest, BorrowVerdict, Held } from '../../shared/ports/seats.ts';
import type contract from './contract.ts';

async function acquire(
  { body, caller, by, note }: RequestOf<typeof contract, 'acquire'>,
  deps: Deps,
): Promise<ReplyOf<typeof contract, 'acquire'>> {
  const target = targetOf(body, caller);
  if ('problem' in target) return target;
  const { licenseId, userId } = target;
  note({ license_id: licenseId });
  const { fingerprint, process_id: processId, hostname, app_version: appVersion } = body;
  const offlineSinceMs = body.offline_since === undefined ? undefined : Date.parse(body.offline_since);
  const facts = { fingerprint, hostname, appVersion, userId, processId };
  const program = { facts, instanceId: body.instance_id, isSignedIn: caller.kind === 'person' };
  const identity = identityOf(program, licenseId, deps.pseudonyms);
  const request = { licenseId, proof: caller.proof, by, facts, offlineSinceMs, ...identity };
  const days = body.borrow_days;
  const verdict = await (days === undefined ? deps.seats.acquire(request) : borrow(request, days, deps));

  switch (verdict.verdict) {
    case 'GRANTED':
      return { answer: 'granted', body: seatOf(licenseId, verdict, deps) };
    case 'RENEWED':
      return { answer: 'renewed', body: seatOf(licenseId, verdict, deps) };
    case 'JOINED':
      return { answer: 'joined', body: seatOf(licenseId, verdict, deps) };
    case 'FULL': {
      const { active, max, retryAfterSeconds } = verdict;
      return {
        problem: 'SEATS_EXHAUSTED',
        detail: `${active} of ${max} seats are taken; the next may be free in ${retryAfterSeconds} s.`,
        members: { active, max, retry_after: retryAfterSeconds },
        retryAfterSeconds,
      };
    }
    case 'SESSIONS_EXHAUSTED': {
      const { maxSessions } = verdict;
      return {
        problem: 'SESSIONS_EXHAUSTED',
        detail: `This seat already has ${maxSessions} sessions. End one of them first.`,
        members: { max_sessions: maxSessions },
      };
    }
    case 'SESSION_ENDED': {
      const { ended } = verdict;
      return {
        problem: 'SESSION_ENDED',
        detail: `The session of this instance_id was ${ended}. Send a new instance_id to start another one.`,
        members: { ended },
      };
    }
    case 'HOLDER_REQUIRED':
      return {
        problem: 'HOLDER_REQUIRED',
        detail: `This license counts seats by ${verdict.unit}: send ${IDS_OF[verdict.unit]}.`,
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

/** The fields that identify a holder, by the unit of the license. */
const IDS_OF = {
  machine: 'fingerprint',
  user: 'user_id',
  process: 'process_id or instance_id',
} satisfies Record<Unit, string>;

/**
 * Borrows a seat. The loan is recorded before the answer, so that it is restored if Redis loses it. A loan is always a
 * session of its own, with a new id.
 */
async function borrow(
  request: Omit<BorrowRequest, 'days' | 'sessionId'>,
  days: number,
  { seats, records }: Deps,
): Promise<BorrowVerdict> {
  const sessionId = newSessionId(request.licenseId);
  const verdict = await seats.borrow({ ...request, sessionId, days });
  if (isHeld(verdict)) {
    // Imported here because most calls borrow nothing, and it loads the schemas of all records.
    const { recordLoan } = await import('../../shared/use-cases/loans.ts');
    await recordLoan(verdict.session, { records });
  }
  return verdict;
}

function isHeld(verdict: BorrowVerdict): verdict is Extract<BorrowVerdict, Held> {
  return 'session' in verdict;
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

function seatOf(licenseId: string, { session, active, max, atMs, rhythm, told }: Held, deps: Deps) {
  const expiresAt = timestamp(session.expiresAtMs);
  return {
    session_id: session.sessionId,
    session_token: deps.sessionTokens.seal(session, told.version),
    license_id: licenseId,
    seats: { active, max },
    ...(active > max ? { overdraft: true as const } : {}),
    entitlements: viewOfEntitlements(told),
    expires_at: expiresAt,
    ...(session.kind === 'loan' ? { borrowed_until: expiresAt } : {}),
    ttl: secondsLeft(session.expiresAtMs, atMs),
    heartbeat_interval: rhythm.heartbeatSeconds,
    next_heartbeat_due: nextHeartbeatDue(atMs, session, rhythm),
    offline_grace_days: rhythm.offlineGraceDays,
    offline_start_days: rhythm.offlineStartDays,
  };
}

export default { acquire } satisfies HandlersOf<typeof contract>;
