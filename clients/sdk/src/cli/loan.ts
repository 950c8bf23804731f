import type { SeatleaseError } from '../errors.ts';
import { UNAVAILABLE } from './exit-codes.ts';
import { describeNoSeat, fieldsOf } from './no-seat.ts';
import type { Report } from './output.ts';
import type { Settings } from './settings.ts';

/** Borrows a seat, or extends the loan of this machine. */
export async function borrow(days: number, settings: Settings): Promise<Report> {
  const seatlease = await settings.open();
  let risk: SeatleaseError | undefined;
  seatlease.on('graceAtRisk', ({ error }) => {
    risk = error;
  });
  const { sessionId, licenseId, borrowedUntil, offlineUntil } = await seatlease.acquire({ borrowDays: days });
  const until = borrowedUntil?.toISOString();
  const usableUntil = offlineUntil?.toISOString();
  const text = `Borrowed a seat of ${licenseId} until ${until}. "seatlease return" returns it early.`;
  const json = {
    session_id: sessionId,
    license_id: licenseId,
    borrowed_until: until,
    offline_until: usableUntil ?? null,
  };
  // Extended, but not signed anew.
  if (!risk) return { text, json };
  return {
    text: `${text}\nWithout the server it can be used until ${usableUntil} only: ${describeNoSeat(risk, settings.origin)}`,
    json: { ...json, problem: { ...fieldsOf(risk), message: risk.message } },
    exitCode: UNAVAILABLE,
  };
}

export async function returnLoan(settings: Settings): Promise<Report> {
  const seatlease = await settings.open({ withKeys: false });
  const loan = await seatlease.returnLoan();
  if (!loan) return { text: 'Nothing is borrowed on this machine.', json: { returned: null } };
  const { sessionId, licenseId } = loan;
  return {
    text: `Returned the seat of ${licenseId}.`,
    json: { returned: { session_id: sessionId, license_id: licenseId } },
  };
}
