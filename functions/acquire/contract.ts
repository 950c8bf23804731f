import * as z from 'zod/mini';
import { accessOf } from '../../shared/domain/authorization.ts';
import { LONGEST_OFFLINE_DAYS } from '../../shared/domain/entitlement.ts';
import { clientBody } from '../../shared/http/client-body.ts';
import { defineFunction } from '../../shared/http/contract.ts';
import { EntitlementsView } from '../../shared/http/entitlements-view.ts';
import { LicenseId, SessionId, Timestamp, text, wholeNumber } from '../../shared/http/fields.ts';

const Seat = z.strictObject({
  session_id: SessionId,
  /**
   * Revives the session after its lease has expired or Redis has lost its data. Send it with heartbeats; each returns a
   * new token.
   */
  session_token: z.string(),
  license_id: LicenseId,
  /** Seats of the license that are taken, including this one, and seats in total. */
  seats: z.strictObject({ active: z.int(), max: z.int() }),
  /** Present, and true, only if `active` exceeds `max`. */
  overdraft: z.optional(z.literal(true)),
  entitlements: EntitlementsView,
  expires_at: Timestamp,
  /** Present only for a loan (a borrowed seat), which needs no heartbeat until then. */
  borrowed_until: z.optional(Timestamp),
  /** Seconds until `expires_at`: the license's TTL, or what remains of the loan or of the license. */
  ttl: z.int(),
  /** Seconds between heartbeats. */
  heartbeat_interval: z.int(),
  next_heartbeat_due: Timestamp,
  /** Days that a running program with a signed license can continue without reaching the server. */
  offline_grace_days: z.int(),
  /** Days after its last contact during which a program with a signed license can start offline. 0: it cannot. */
  offline_start_days: z.int(),
});

export default defineFunction({
  name: 'acquire',
  summary: 'Acquires and borrows seats.',
  memoryMiB: 256,
  concurrency: 80,
  maxInstances: 100,
  timeoutSeconds: 10,
  roles: ['roles/datastore.user'],
  uses: ['records', 'seats', 'pseudonyms', 'sessionTokens'],
  endpoints: {
    acquire: {
      method: 'POST',
      path: '/api/v1/licenses/acquire',
      summary: 'Acquire a seat of a license.',
      description:
        'A seat belongs to a holder: a machine, user or process, as the `unit` of the license says. Programs of the same holder share its seat, each with a session of its own. Send the same `instance_id` again to repeat a request: it extends the session and returns it. Pass `borrow_days` to borrow the seat.',
      auth: accessOf('acquire.acquire'),
      standing: 'token',
      body: clientBody({
        /** Identifies the machine. Send the same value on every start. */
        fingerprint: text(256),
        /**
         * Names one start of your program. Choose a new random value whenever the program takes a seat, and send the same
         * value when you repeat the request. Without it, all programs of the machine share one session.
         */
        instance_id: z.optional(text(64)),
        /** Required if you are signed in. With a license key it is optional, and must match the key. */
        license_id: z.optional(LicenseId),
        /** Required with a license key if the license counts seats by user. If you are signed in, you are the user. */
        user_id: z.optional(text(256)),
        /** Required if the license counts seats by process and you send no `instance_id`. */
        process_id: z.optional(text(128)),
        hostname: z.optional(text(255)),
        app_version: z.optional(text(64)),
        /**
         * When this program started without the server, by its own clock: see `offline_start_days`. It is written to the
         * audit log with the new session. A time that cannot be right is not refused: it is recorded as at most 90 days ago,
         * and as now if it is in the future.
         */
        offline_since: z.optional(Timestamp),
        /** Borrows the seat for that many days, without heartbeats. `sign` then returns a license for use offline. */
        borrow_days: z.optional(wholeNumber(1, LONGEST_OFFLINE_DAYS)),
      }),
      answers: {
        granted: { status: 201, description: 'A free seat was granted.', body: Seat },
        renewed: { status: 200, description: 'The existing session was extended.', body: Seat },
        joined: {
          status: 200,
          description: 'The holder already has a seat. A new session was added to it.',
          body: Seat,
        },
      },
      problems: [
        'SEATS_EXHAUSTED',
        'SESSIONS_EXHAUSTED',
        'SESSION_ENDED',
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
