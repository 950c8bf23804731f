import * as z from 'zod/mini';
import { accessOf } from '../../shared/domain/authorization.ts';
import { clientBody } from '../../shared/http/client-body.ts';
import { defineFunction } from '../../shared/http/contract.ts';
import { SessionId, SessionToken } from '../../shared/http/fields.ts';

export default defineFunction({
  name: 'release',
  summary: 'Ends sessions and frees seats.',
  memoryMiB: 256,
  concurrency: 80,
  maxInstances: 100,
  timeoutSeconds: 10,
  roles: ['roles/datastore.user'],
  uses: ['records', 'seats', 'sessionTokens'],
  endpoints: {
    release: {
      method: 'POST',
      path: '/api/v1/licenses/release',
      summary: 'End your session.',
      description:
        'The seat is free when its last session ends. The other sessions of the seat continue. Returns 204 even if the session has already ended or is not yours.',
      auth: accessOf('release.release'),
      standing: 'token',
      body: clientBody({
        session_id: SessionId,
        /** The latest token of the session. With it the session stays ended even if Redis has lost its data. */
        session_token: z.optional(SessionToken),
      }),
      answers: {
        ended: { status: 204, description: 'The session no longer holds a seat of your license.' },
      },
      problems: ['CREDENTIALS_INVALID', 'LICENSE_NOT_FOUND', 'RATE_LIMITED'],
    },
    end: {
      method: 'DELETE',
      path: '/api/v1/licenses/sessions/{session_id}',
      summary: 'End a session, or free its seat.',
      description:
        'Releases the session if you have the license key or the session is yours. Operators and tenant admins can end any session of the license, and free a seat with all its sessions.',
      auth: accessOf('release.end'),
      params: z.strictObject({ session_id: SessionId }),
      query: z.strictObject({
        /**
         * `program` (default): ends this session. `seat`: ends all sessions of its seat, which is free then. Only operators
         * and tenant admins can free a seat.
         */
        scope: z.optional(z.enum(['program', 'seat'])),
      }),
      answers: {
        ended: { status: 204, description: 'The session, or all sessions of the seat, have ended.' },
      },
      problems: [
        'FORBIDDEN',
        'SESSION_NOT_FOUND',
        'CREDENTIALS_INVALID',
        'LICENSE_NOT_FOUND',
        'RATE_LIMITED',
      ],
    },
  },
});
