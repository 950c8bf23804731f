import type { IncomingMessage } from 'node:http';
import type { Refusal } from './contract.ts';
import { refuseFields } from './refuse-fields.ts';

/**
 * `Idempotency-Key` (draft-ietf-httpapi-idempotency-key-header-07): 1 to 255 visible ASCII characters, else refused.
 */
export function readIdempotencyKey({
  headers,
}: Pick<IncomingMessage, 'headers'>): string | undefined | Refusal<'VALIDATION_FAILED'> {
  const key = headers['idempotency-key'];
  if (key === undefined || (typeof key === 'string' && /^[!-~]{1,255}$/.test(key))) return key;
  const detail = 'must have 1 to 255 visible ASCII characters';
  return refuseFields('VALIDATION_FAILED', [{ at: 'Idempotency-Key', detail }]);
}
