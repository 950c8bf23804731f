import { licenseOfSession } from '../domain/ids.ts';
import { loanOf } from '../domain/loan.ts';
import type { Session } from '../domain/session.ts';
import { LICENSES, LOANS } from '../ports/collections.ts';
import type { Deps } from '../ports/deps.ts';

/**
 * Records a loan that the seat store has granted or extended, before its client is answered: the seat stays borrowed
 * even if the seat store loses it. A later end is recorded, an earlier one ignored. A loan of a license that the records
 * do not know is not recorded: it could not be restored.
 */
export async function recordLoan(session: Session, { records }: Pick<Deps, 'records'>): Promise<void> {
  const { sessionId, expiresAtMs } = session;
  await records.transact(async (transaction) => {
    const known = await transaction.get(LOANS, sessionId);
    if (known && known.untilMs >= expiresAtMs) return;
    const license = await transaction.get(LICENSES, licenseOfSession(sessionId));
    if (license) transaction.set(LOANS, sessionId, { ...known, ...loanOf(session, license.tenantId) });
  });
}

/** A loan was returned or evicted: nothing restores it any more. */
export async function forgetLoan(sessionId: string, { records }: Pick<Deps, 'records'>): Promise<void> {
  await records.transact(async (transaction) => transaction.delete(LOANS, sessionId));
}
