import type { By } from '../domain/actor.ts';
import { eventOf } from '../domain/event.ts';
import { licenseOfSession } from '../domain/ids.ts';
import type { Session } from '../domain/session.ts';
import { addToHistory, finalEndOf } from '../domain/session-history.ts';
import { membershipId } from '../domain/users.ts';
import { LICENSES, LOANS, MEMBERSHIPS, SESSION_HISTORIES } from '../ports/collections.ts';
import type { Deps } from '../ports/deps.ts';
import type { Proof } from '../ports/seats.ts';

/**
 * Records the ends of sessions that an administrator evicted, before the administrator is answered: even if the seat
 * store is lost before it has published them, no token revives these sessions, and no loan is restored. Their events
 * follow and change nothing. Sessions of a license that the records do not know are not recorded.
 */
export async function recordEviction(
  licenseId: string,
  { atMs, sessions }: { readonly atMs: number; readonly sessions: readonly Session[] },
  by: By,
  { records }: Pick<Deps, 'records'>,
): Promise<void> {
  if (sessions.length === 0) return;
  await records.transact(async (transaction) => {
    const [license, ...histories] = await Promise.all([
      transaction.get(LICENSES, licenseId),
      ...sessions.map(({ sessionId }) => transaction.get(SESSION_HISTORIES, sessionId)),
    ]);
    for (const [i, { sessionId, kind, holder, acquiredAtMs, expiresAtMs }] of sessions.entries()) {
      const tenantId = license?.tenantId ?? histories[i]?.tenantId;
      if (tenantId === undefined) continue;
      const loan = kind === 'loan' ? { borrowedUntilMs: expiresAtMs } : {};
      const end = eventOf({
        type: 'session.evicted',
        tenantId,
        licenseId,
        sessionId,
        atMs,
        position: `${atMs}-0`,
        ...by,
        detail: { holder, acquiredAtMs, ...loan },
      });
      const history = addToHistory(histories[i], end);
      if (history) transaction.set(SESSION_HISTORIES, sessionId, history);
      if (kind === 'loan') transaction.delete(LOANS, sessionId);
    }
  });
}

/**
 * Whether a session that the seat store has forgotten can have its seat again: not if the records say that it was
 * released or evicted, and not if a signed-in user has left the license's tenant, whatever their access token names.
 */
export async function clearedForRevival(
  sessionId: string,
  proof: Proof,
  { records }: Pick<Deps, 'records'>,
): Promise<'CLEARED' | 'released' | 'evicted' | 'NOT_A_MEMBER'> {
  const history = await records.get(SESSION_HISTORIES, sessionId);
  const ended = history && finalEndOf(history);
  if (ended) return ended;
  if (proof.kind !== 'user') return 'CLEARED';
  const tenantId =
    history?.tenantId ?? (await records.get(LICENSES, licenseOfSession(sessionId)))?.tenantId ?? '';
  const membership = await records.get(MEMBERSHIPS, membershipId(tenantId, proof.userId));
  return membership ? 'CLEARED' : 'NOT_A_MEMBER';
}
