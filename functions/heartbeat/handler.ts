import type { By } from '../../shared/domain/actor.ts';
import { licenseOfSession } from '../../shared/domain/ids.ts';
import type { Session } from '../../shared/domain/session.ts';
import type { Opened } from '../../shared/domain/session-token.ts';
import type { Ended } from '../../shared/errors.ts';
import type { HandlersOf, ReplyOf, RequestOf } from '../../shared/http/contract.ts';
import { viewOfEntitlements } from '../../shared/http/entitlements-view.ts';
import { nextHeartbeatDue, secondsLeft, timestamp } from '../../shared/http/fields.ts';
import { refuseLicense } from '../../shared/http/license-refusal.ts';
import { requestedLicense } from '../../shared/http/own.ts';
import type { Deps } from '../../shared/ports/deps.ts';
import type {
  HeartbeatRequest,
  HeartbeatResult,
  LicenseRefusal,
  ReviveResult,
  ReviveVerdict,
  Rhythm,
  Told,
} from '../../shared/ports/seats.ts';
import type contract from './contract.ts';

async function heartbeat(
  { body, caller, by, note }: RequestOf<typeof contract, 'heartbeat'>,
  deps: Deps,
): Promise<ReplyOf<typeof contract, 'heartbeat'>> {
  const requested = 'sessions' in body ? body.sessions : [body];
  // A call extends sessions of one license. For a signed-in user, this is the license of the first session.
  const licenseId = requestedLicense(caller, requested[0]?.session_id ?? '');
  const { proof } = caller;
  // Sessions of other licenses are left out. Without any session left, the call still verifies the key.
  const own = requested.filter(({ session_id }) => licenseOfSession(session_id) === licenseId);
  const tokens = own.map((beat) => deps.sessionTokens.open(beat.session_id, beat.session_token));
  const sessions = own.map((beat, i) => ({ sessionId: beat.session_id, proven: tokens[i]?.session }));
  const extended = await extend({ licenseId, proof, by, sessions, toldVersion: toldTo(tokens) }, deps);
  if (extended.verdict !== 'OK') return refuseLicense(extended, proof);

  const revived = extended.results.filter(({ verdict }) => verdict === 'REVIVED').length;
  if (revived > 0) note({ revived });
  const resultOf = new Map(own.map((beat, i) => [beat, extended.results[i]]));
  const changed = extended.told && { entitlements: viewOfEntitlements(extended.told) };
  if ('sessions' in body) {
    const results = requested.map((beat) => {
      const outcome = outcomeOf(resultOf.get(beat));
      return 'ended' in outcome
        ? { status: 'session_not_found' as const, session_id: beat.session_id, ended: outcome.ended }
        : describe(outcome, extended, deps);
    });
    return { answer: 'batch', body: { results, ...changed } };
  }
  const outcome = outcomeOf(resultOf.get(body));
  if ('ended' in outcome) return { problem: 'SESSION_NOT_FOUND', members: { ended: outcome.ended } };
  note({ verdict: outcome.isRevived ? 'REVIVED' : 'RENEWED' });
  return { answer: 'extended', body: { ...describe(outcome, extended, deps), ...changed } };
}

/** The license version that the client knows; 0 if its tokens disagree or one is missing: it then gets the entitlements. */
function toldTo(tokens: readonly (Opened | undefined)[]): number {
  const [first = 0, ...others] = new Set(tokens.map((token) => token?.toldVersion ?? 0));
  return others.length === 0 ? first : 0;
}

interface Extended {
  readonly verdict: 'OK';
  readonly atMs: number;
  readonly rhythm: Rhythm;
  /** The license version whose terms the client knows after this response. */
  readonly version: number;
  /** Present if the client knows another version. */
  readonly told?: Told | undefined;
  readonly results: readonly (HeartbeatResult | ReviveResult)[];
}

/** Extends sessions, and revives those that hold no seat. */
async function extend(
  request: HeartbeatRequest & { readonly by: By },
  deps: Deps,
): Promise<Extended | LicenseRefusal> {
  const beat = await deps.seats.heartbeat(request);
  if (beat.verdict !== 'OK') return beat;
  const missing = request.sessions.filter((_, i) => beat.results[i]?.verdict === 'MISSING');
  if (missing.length === 0) return beat;

  const revived = await revive({ ...request, sessions: missing }, deps);
  if (revived.verdict !== 'OK') return revived;
  const { atMs, rhythm, told } = revived;
  return {
    ...{ verdict: 'OK', atMs, rhythm, version: told.version },
    told: told.version === request.toldVersion ? undefined : told,
    results: replaced(beat.results, 'MISSING', revived.results),
  };
}

/**
 * Revives sessions. The records decide about those that Redis has forgotten: it may have lost that they ended, and who
 * was removed from the tenant.
 */
async function revive(
  { licenseId, proof, by, sessions }: Omit<HeartbeatRequest, 'toldVersion'> & { readonly by: By },
  { seats, records }: Deps,
): Promise<ReviveVerdict> {
  const ask = (some: typeof sessions, isCleared: boolean) =>
    seats.revive({ licenseId, proof, by, sessions: some.map((session) => ({ ...session, isCleared })) });
  const known = await ask(sessions, false);
  if (known.verdict !== 'OK') return known;
  const forgotten = sessions.filter((_, i) => known.results[i]?.verdict === 'FORGOTTEN');
  if (forgotten.length === 0) return known;

  // Imported here because most calls revive nothing, and it loads the schemas of all records.
  const { clearedForRevival } = await import('../../shared/use-cases/sessions.ts');
  const recorded = await Promise.all(
    forgotten.map(({ sessionId }) => clearedForRevival(sessionId, proof, { records })),
  );
  if (recorded.includes('NOT_A_MEMBER')) return { verdict: 'NOT_YOURS' };
  const cleared = forgotten.filter((_, i) => recorded[i] === 'CLEARED');
  const again = cleared.length > 0 ? await ask(cleared, true) : { ...known, results: [] };
  if (again.verdict !== 'OK') return again;
  const results = forgotten.map(({ sessionId }, i): ReviveResult => {
    const ended = recorded[i];
    return ended === 'released' || ended === 'evicted'
      ? { verdict: 'ENDED', sessionId, ended }
      : { verdict: 'FORGOTTEN', sessionId };
  });
  const decided = replaced(results, 'FORGOTTEN', again.results);
  return { ...again, results: replaced(known.results, 'FORGOTTEN', decided) };
}

/** `results` with those of one verdict replaced by `others`, in their order. */
function replaced<A extends { readonly verdict: string }, B>(
  results: readonly A[],
  verdict: A['verdict'],
  others: readonly B[],
): (A | B)[] {
  const next = others.values();
  return results.map((result) => (result.verdict === verdict ? (next.next().value ?? result) : result));
}

type Outcome = { readonly session: Session; readonly isRevived: boolean } | { readonly ended: Ended };

function outcomeOf(result: Extended['results'][number] | undefined): Outcome {
  switch (result?.verdict) {
    case 'RENEWED':
    case 'REVIVED':
      return { session: result.session, isRevived: result.verdict === 'REVIVED' };
    case 'ENDED':
      return { ended: result.ended };
    case 'NO_ROOM':
      return { ended: 'expired' };
    default:
      return { ended: 'unknown' };
  }
}

function describe(
  { session, isRevived }: Extract<Outcome, { session: Session }>,
  { atMs, rhythm, version }: Extended,
  deps: Deps,
) {
  return {
    status: 'heartbeat_acknowledged' as const,
    session_id: session.sessionId,
    session_token: deps.sessionTokens.seal(session, version),
    ttl_extended_to: secondsLeft(session.expiresAtMs, atMs),
    expires_at: timestamp(session.expiresAtMs),
    next_heartbeat_due: nextHeartbeatDue(atMs, session, rhythm),
    ...(isRevived ? { revived: true as const } : {}),
  };
}

export default { heartbeat } satisfies HandlersOf<typeof contract>;
