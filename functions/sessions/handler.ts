import * as z from 'zod/mini';
import type { Standing } from '../../shared/domain/authorization.ts';
import { sealCursor } from '../../shared/domain/cursor.ts';
import type { Session } from '../../shared/domain/session.ts';
import type { HandlersOf, ReplyOf, RequestOf } from '../../shared/http/contract.ts';
import { DEFAULT_PAGE_LIMIT, timestamp } from '../../shared/http/fields.ts';
import { viewOfHistory } from '../../shared/http/history-view.ts';
import { own } from '../../shared/http/own.ts';
import { readPage, requestedPosition } from '../../shared/http/page.ts';
import { noteUnreadable } from '../../shared/http/unreadable.ts';
import { LICENSES } from '../../shared/ports/collections.ts';
import type { Deps } from '../../shared/ports/deps.ts';
import { SESSIONS_OF_LICENSE } from '../../shared/ports/queries.ts';
import { whyUnreadable } from '../../shared/ports/seat-maintenance.ts';
import type { Seat } from '../../shared/ports/seats.ts';
import type contract from './contract.ts';

const Position = z.strictObject({ holder: z.string(), expiresAtMs: z.int() });

async function listSessions(
  { query, caller, standing, note }: RequestOf<typeof contract, 'list'>,
  deps: Deps,
): Promise<ReplyOf<typeof contract, 'list'>> {
  const limit = query.limit ?? DEFAULT_PAGE_LIMIT;
  const start = requestedPosition(Position, query);
  if ('problem' in start) return start;

  // Operators can read every license, so the records are not read.
  const license = caller.kind === 'operator' ? undefined : await readOwn(query.license_id, standing, deps);
  if (license && 'problem' in license) return license;
  const verdict = await deps.seats.listSeats(query.license_id, { limit, after: start.position });
  if (verdict.verdict !== 'OK') return { problem: 'LICENSE_NOT_FOUND' };

  const { active, max, overdraft, seats, unreadable = [], next } = verdict;
  noteUnreadable(note, unreadable.map(whyUnreadable));
  return {
    answer: 'sessions',
    body: {
      seats: { active, max, overdraft },
      sessions: seats.flatMap((seat) =>
        seat.sessions.map((session) => describeSession(query.license_id, seat, session)),
      ),
      next_cursor: next ? sealCursor(next) : null,
    },
  };
}

async function listHistory(
  { query, standing, note }: RequestOf<typeof contract, 'history'>,
  deps: Deps,
): Promise<ReplyOf<typeof contract, 'history'>> {
  const license = await readOwn(query.license_id, standing, deps);
  if ('problem' in license) return license;
  const { licenseId } = license;
  const page = await readPage(deps.records, SESSIONS_OF_LICENSE, { licenseId }, { query, note });
  if ('problem' in page) return page;
  return {
    answer: 'sessions',
    body: { sessions: page.documents.map(viewOfHistory), next_cursor: page.next_cursor },
  };
}

async function readOwn(licenseId: string, standing: (tenantId: string) => Standing, { records }: Deps) {
  return own(await records.get(LICENSES, licenseId), standing, 'LICENSE_NOT_FOUND');
}

function describeSession(
  licenseId: string,
  seat: Seat,
  { sessionId, kind, acquiredAtMs, expiresAtMs, facts }: Session,
) {
  const isLoan = kind === 'loan';
  return {
    session_id: sessionId,
    license_id: licenseId,
    kind: isLoan ? ('loan' as const) : ('program' as const),
    holder: seat.holder,
    seat_expires_at: timestamp(seat.expiresAtMs),
    fingerprint: facts.fingerprint,
    hostname: facts.hostname ?? null,
    user_id: facts.userId ?? null,
    process_id: facts.processId ?? null,
    app_version: facts.appVersion ?? null,
    acquired_at: timestamp(acquiredAtMs),
    expires_at: timestamp(expiresAtMs),
    borrowed_until: isLoan ? timestamp(expiresAtMs) : null,
  };
}

export default { list: listSessions, history: listHistory } satisfies HandlersOf<typeof contract>;
