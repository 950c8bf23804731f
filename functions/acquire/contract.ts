import * as z from 'zod/mini';
import { accessOf } from '../../shared/domain/authorization.ts';
import { LONGEST_OFFLINE_DAYS } from '../../shared/domain/entitlement.ts';
import { COMMON_SECRETS, defineFunction } from '../../shared/http/contract.ts';
import { LicenseId, SessionId, Timestamp, text, wholeNumber } from '../../shared/http/fields.ts';

const Seat = z.strictObject({
  session_id: SessionId,
  /** Shows that the session was yours, even after a loss of Redis: send it with heartbeats. Each heartbeat gives a new one. */
  session_token: z.string(),
  license_id: LicenseId,
  /** Of the license, this one among them. */
  seats: z.strictObject({ active: z.int(), max: z.int() }),
  /** Only there, and true, where the pool holds more than `max`. */
  overdraft: z.optional(z.literal(true)),
  expires_at: Timestamp,
  /** Only there for a borrowed seat, which needs no heartbeat until then. */
  borrowed_until: z.optional(Timestamp),
  /** Seconds from now to `expires_at`: the license's TTL, or what is left of a loan or of the license. */
  ttl: z.int(),
  /** Seconds from one heartbeat to the next. */
  heartbeat_interval: z.int(),
  next_heartbeat_due: Timestamp,
  /** Days that a client may run without reaching the server, with its license signed. */
  offline_grace_days: z.int(),
});

export default defineFunction({
  name: 'acquire',
  summary: 'Takes a seat of a license.',
  memoryMiB: 256,
  concurrency: 80,
  maxInstances: 100,
  timeoutSeconds: 10,
  roles: ['roles/datastore.viewer'],
  secrets: COMMON_SECRETS,
  endpoints: {
    acquire: {
      method: 'POST',
      path: '/api/v1/licenses/acquire',
      summary: 'Take a seat, or get the session again that the same holder already has.',
      auth: accessOf('acquire.acquire'),
      standing: 'token',
      body: z.strictObject({
        /** What tells this machine from others; the same on every start. */
        fingerprint: text(256),
        /** Needed where you are signed in; a license key says it by itself. */
        license_id: z.optional(LicenseId),
        /** Needed with a license key where the license counts seats by user; whoever is signed in is the user. */
        user_id: z.optional(text(256)),
        /** Needed where the license counts seats by process. */
        process_id: z.optional(text(128)),
        hostname: z.optional(text(255)),
        app_version: z.optional(text(64)),
        /** Borrows the seat: it is held that long without a heartbeat. `sign` then gives a license to go offline with. */
        borrow_days: z.optional(wholeNumber(1, LONGEST_OFFLINE_DAYS)),
      }),
      answers: {
        granted: { status: 201, description: 'A seat was free and is yours.', body: Seat },
        renewed: {
          status: 200,
          description: 'You hold a seat already: the same session, extended.',
          body: Seat,
        },
      },
      problems: [
        'SEATS_EXHAUSTED',
        'BORROW_NOT_ALLOWED',
        'BORROW_LIMIT_REACHED',
        'HOLDER_REQUIRED',
        'VALIDATION_FAILED',
        'CREDENTIALS_INVALID',
        'LICENSE_NOT_FOUND',
        'LICENSE_SUSPENDED',
        'LICENSE_EXPIRED',
        'RATE_LIMITED',
      ],
    },
  },
});
