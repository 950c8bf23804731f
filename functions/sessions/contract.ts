import * as z from 'zod/mini';
import { accessOf } from '../../shared/domain/authorization.ts';
import { defineFunction } from '../../shared/http/contract.ts';
import { LicenseId, PAGING, SessionId, Timestamp } from '../../shared/http/fields.ts';
import { SessionHistoryView } from '../../shared/http/history-view.ts';

const OfLicense = z.strictObject({
  license_id: LicenseId,
  ...PAGING,
});

const Session = z.strictObject({
  session_id: SessionId,
  license_id: LicenseId,
  /** `program`: a running program. `loan`: a borrowed seat. */
  kind: z.enum(['program', 'loan']),
  /** Pseudonym of the seat's holder: the machine, user or process. Sessions with the same holder share one seat. */
  holder: z.string(),
  /** When the seat is free: at the latest `expires_at` of its sessions. */
  seat_expires_at: Timestamp,
  fingerprint: z.string(),
  hostname: z.nullable(z.string()),
  user_id: z.nullable(z.string()),
  process_id: z.nullable(z.string()),
  app_version: z.nullable(z.string()),
  acquired_at: Timestamp,
  expires_at: Timestamp,
  /** When a loan ends; null for a program. */
  borrowed_until: z.nullable(Timestamp),
});

const SessionPage = z.strictObject({
  /** `active`: seats in use, however many sessions they have. */
  seats: z.strictObject({ active: z.int(), max: z.int(), overdraft: z.int() }),
  sessions: z.array(Session),
  next_cursor: z.nullable(z.string()),
});

const SessionHistoryPage = z.strictObject({
  sessions: z.array(SessionHistoryView),
  next_cursor: z.nullable(z.string()),
});

export default defineFunction({
  name: 'sessions',
  summary: 'Lists current and past sessions.',
  memoryMiB: 256,
  concurrency: 80,
  maxInstances: 10,
  timeoutSeconds: 30,
  roles: ['roles/datastore.user'],
  uses: ['records', 'seats'],
  endpoints: {
    list: {
      method: 'GET',
      path: '/api/v1/sessions',
      summary: 'List the sessions that hold a seat now.',
      description:
        'Returns the sessions of a license, seat by seat, ordered by when the seats expire. `limit` counts seats: a page has all sessions of each of its seats.',
      auth: accessOf('sessions.list'),
      query: OfLicense,
      answers: {
        sessions: {
          status: 200,
          description: 'One page. A seat that is extended in the meantime may appear twice; none is missed.',
          body: SessionPage,
        },
      },
      problems: ['LICENSE_NOT_FOUND', 'FORBIDDEN', 'INVALID_CURSOR'],
    },
    history: {
      method: 'GET',
      path: '/api/v1/sessions/history',
      summary: 'List past and present sessions.',
      description: 'Returns the sessions of a license, newest first. Changes appear within two minutes.',
      auth: accessOf('sessions.history'),
      query: OfLicense,
      answers: {
        sessions: {
          status: 200,
          description: 'One page of session histories.',
          body: SessionHistoryPage,
        },
      },
      problems: ['LICENSE_NOT_FOUND', 'FORBIDDEN', 'INVALID_CURSOR'],
    },
  },
});
