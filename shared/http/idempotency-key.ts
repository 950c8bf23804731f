import type { IncomingMessage } from 'node:http';
import type { Actor } from '../domain/actor.ts';
import { IDEMPOTENCY_MS, idempotencyKey } from '../domain/idempotency.ts';
import { IDEMPOTENCY_KEYS } from '../ports/collections.ts';
import type { Deps } from '../ports/deps.ts';
import type { Records, Transaction } from '../ports/records.ts';
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

/** The same key was used for another request: 422 (section 2.7 of the draft). */
export class IdempotencyKeyReused extends Error {
  override readonly name = 'IdempotencyKeyReused';
}

interface KeyedRequest {
  readonly key: string;
  readonly endpoint: string;
  /** Keys of different actors are independent: a stranger's key finds nothing. */
  readonly actor: Actor;
  /** Parameters and body. */
  readonly input: unknown;
}

/**
 * Records that a handler commits to once for each `Idempotency-Key`. The outcome of its transaction is stored by that
 * same transaction; in a retry, the transaction returns this outcome and writes nothing. Thus no crash can separate the
 * work from the memory of it, and of concurrent requests one creates and the others wait for it (no 409 as in section 2.7
 * of the draft). DBOS does the same for its transactional steps
 * (https://docs.dbos.dev/java/tutorials/step-factory-tutorial).
 *
 * A retry runs the rest of the handler again: the caller's rights are checked anew, and a copy in the seat store, which a
 * crash may have left out, is put again. So a handler answers with what its transaction returns, which must be JSON, and
 * decides about rights before it. An outcome without writes is not stored: what was refused can be tried again. The first
 * transaction decides; later ones must not write.
 */
export function recordsOnce({ key, endpoint, actor, input }: KeyedRequest, deps: Deps): Records {
  const { records, clock, pseudonymOf } = deps;
  const own = idempotencyKey(key, { endpoint, owner: `${actor.kind} ${actor.id}` }, pseudonymOf);
  const asked = own.hash(input);
  let isDecided = false;
  return {
    get: (collection, id) => records.get(collection, id),
    query: (query, equals, page) => records.query(query, equals, page),
    ping: () => records.ping(),
    close: () => records.close(),

    async create() {
      throw new Error(`${endpoint}: writes outside a transaction are not repeatable`);
    },

    async transact<R>(work: (transaction: Transaction) => Promise<R>): Promise<R> {
      if (isDecided) return records.transact((transaction) => work(readOnly(transaction, endpoint)));
      const outcome = await records.transact(async (transaction) => {
        const nowMs = clock.nowMs();
        const known = await transaction.get(IDEMPOTENCY_KEYS, own.keyId);
        if (known && known.expiresAtMs > nowMs) {
          if (known.asked !== asked) throw new IdempotencyKeyReused('used for another request');
          return own.open(known.sealed) as R;
        }
        const writes = countingWrites(transaction);
        const result = await work(writes.transaction);
        if (writes.count() > 0)
          transaction.set(IDEMPOTENCY_KEYS, own.keyId, {
            keyId: own.keyId,
            asked,
            sealed: own.seal(result),
            expiresAtMs: nowMs + IDEMPOTENCY_MS,
          });
        return result;
      });
      isDecided = true;
      return outcome;
    },
  };
}

function countingWrites(transaction: Transaction): { transaction: Transaction; count(): number } {
  let writes = 0;
  return {
    transaction: {
      get: (collection, id) => transaction.get(collection, id),
      set(collection, id, document) {
        writes += 1;
        transaction.set(collection, id, document);
      },
      delete(collection, id) {
        writes += 1;
        transaction.delete(collection, id);
      },
    },
    count: () => writes,
  };
}

function readOnly(transaction: Transaction, endpoint: string): Transaction {
  const refuse = (): never => {
    throw new Error(`${endpoint}: only its first transaction can write`);
  };
  return { get: (collection, id) => transaction.get(collection, id), set: refuse, delete: refuse };
}
