import * as z from 'zod/mini';
import { accessOf } from '../../shared/domain/authorization.ts';
import { ABSENT, clientBody } from '../../shared/http/client-body.ts';
import { defineFunction } from '../../shared/http/contract.ts';
import { EntitlementsView } from '../../shared/http/entitlements-view.ts';
import { SessionId, SessionToken, Timestamp } from '../../shared/http/fields.ts';

/** Most sessions that one call can extend. */
export const MAX_SESSIONS = 100;

const Beat = {
  session_id: SessionId,
  /**
   * The latest token of the session. It revives the session after its lease has expired or Redis has lost its data. If you
   * are signed in, `ended` is `unknown` without it.
   */
  session_token: z.optional(SessionToken),
};

const Extended = {
  status: z.literal('heartbeat_acknowledged'),
  session_id: SessionId,
  /** Replaces the previous token. */
  session_token: z.string(),
  /** Seconds until `expires_at`: the license's TTL, or what remains of the loan or of the license. */
  ttl_extended_to: z.int(),
  expires_at: Timestamp,
  next_heartbeat_due: Timestamp,
  /** Present, and true, only if the session had lost its seat and got a seat again. */
  revived: z.optional(z.literal(true)),
};

const ExtendedSession = z.strictObject({
  ...Extended,
  /** Present only if they have changed since the token was issued, or if you sent no token. */
  entitlements: z.optional(EntitlementsView),
});

const ExtendedSessions = z.strictObject({
  results: z.array(
    z.union([
      z.strictObject(Extended),
      z.strictObject({
        status: z.literal('session_not_found'),
        session_id: SessionId,
        /** Why it has ended. Treat other values like `unknown`. Acquire again after `expired` and `unknown`. */
        ended: z.enum(['released', 'evicted', 'expired', 'unknown']),
      }),
    ]),
  ),
  /** Present only if they have changed since a token was issued, or if a token is missing. */
  entitlements: z.optional(EntitlementsView),
});

export default defineFunction({
  name: 'heartbeat',
  summary: 'Extends the leases of sessions.',
  memoryMiB: 256,
  concurrency: 80,
  maxInstances: 100,
  timeoutSeconds: 10,
  roles: ['roles/datastore.viewer'],
  uses: ['records', 'seats', 'sessionTokens'],
  measures: [
    {
      field: 'revived',
      kind: 'counter',
      name: 'seatlease.heartbeat.revived',
      unit: '{session}',
      description: 'Sessions that had lost their seat and got a seat again.',
    },
  ],
  endpoints: {
    heartbeat: {
      method: 'PUT',
      path: '/api/v1/licenses/heartbeat',
      summary: 'Extend the lease of one or more sessions.',
      description: `Send \`session_id\` for one session, or \`sessions\` for up to ${MAX_SESSIONS} sessions of one license.`,
      auth: accessOf('heartbeat.heartbeat'),
      standing: 'token',
      body: z.union(
        [
          clientBody({ ...Beat, sessions: ABSENT }),
          clientBody({
            session_id: ABSENT,
            sessions: z.array(clientBody(Beat)).check(z.minLength(1), z.maxLength(MAX_SESSIONS)),
          }),
        ],
        `Send session_id, or sessions as a list of 1 to ${MAX_SESSIONS} {session_id}. session_token is optional.`,
      ),
      answers: {
        extended: { status: 200, description: 'The lease was extended.', body: ExtendedSession },
        batch: {
          status: 200,
          description: 'One result for each session, in the order of the request.',
          body: ExtendedSessions,
        },
      },
      problems: [
        'SESSION_NOT_FOUND',
        'CREDENTIALS_INVALID',
        'LICENSE_NOT_FOUND',
        'LICENSE_SUSPENDED',
        'LICENSE_EXPIRED',
        'RATE_LIMITED',
      ],
    },
  },
});
