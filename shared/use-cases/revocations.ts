import type { By } from '../domain/actor.ts';
import type { AuditNote } from '../domain/audit-event.ts';
import { cachedFor } from '../domain/cached-for.ts';
import { KEYS_LISTED_FOR_MS } from '../domain/key-rotation.ts';
import { type Entries, listInput, NOTHING_REVOKED, type Revocations } from '../domain/revocations.ts';
import { Unavailable } from '../errors.ts';
import { REVOCATIONS } from '../ports/collections.ts';
import type { Deps } from '../ports/deps.ts';
import type { Records } from '../ports/records.ts';
import type { SigningKey } from '../ports/signer.ts';
import { changeLicense, type LicenseTransaction } from './licenses.ts';
import { recordEvent } from './record-event.ts';

/** The id of the document. */
const ID = 'signatures';

/** How often a change is tried anew when another one was faster. */
const TRIES = 4;

export async function readRevocations(records: Records): Promise<Revocations> {
  return (await records.get(REVOCATIONS, ID)) ?? NOTHING_REVOKED;
}

const recent = new WeakMap<Records, () => Promise<Revocations>>();

/**
 * What is revoked, at most a minute old, like the list of the keys that it belongs to. Throws `Unavailable` if it cannot
 * be read: without it, a revoked key would count as valid.
 */
export function recentRevocations({ records, clock }: Pick<Deps, 'records' | 'clock'>): Promise<Revocations> {
  let read = recent.get(records);
  if (!read) {
    read = cachedFor(
      KEYS_LISTED_FOR_MS,
      () => readRevocations(records),
      () => clock.nowMs(),
    );
    recent.set(records, read);
  }
  return read();
}

type Stores = Pick<Deps, 'records' | 'seats' | 'signer' | 'clock'>;

/** A change of the list: its entries afterwards, and what is recorded and written in the same transaction. */
export interface Change<R> {
  readonly entries: Entries;
  readonly note: Omit<AuditNote, 'by'>;
  write?(transaction: LicenseTransaction): Promise<R | undefined>;
}

/**
 * Changes the list and has it signed, then writes it. What `decide` returns instead of a change, or `write` returns, is
 * the caller's refusal. `BUSY`: Cloud KMS does not sign now, and nothing was changed.
 */
export async function changeRevocations<R>(
  deps: Stores,
  by: By,
  decide: (list: Revocations, nowMs: number) => Change<R> | { readonly refusal: R },
): Promise<{ readonly list: Revocations } | { readonly refusal: R } | 'BUSY'> {
  for (let tries = 0; tries < TRIES; tries += 1) {
    const before = await readRevocations(deps.records);
    const nowMs = deps.clock.nowMs();
    const decided = decide(before, nowMs);
    if ('refusal' in decided) return decided;
    // Outside of the transaction, which may run several times: signatures are billed, and take long.
    const tokens = await signList(decided.entries, before, deps.signer, nowMs);
    if (tokens === 'BUSY') return 'BUSY';
    const list = { ...before, ...decided.entries, tokens };
    const written = await changeLicense(deps, by, async (transaction) => {
      const stored = await transaction.get(REVOCATIONS, ID);
      if ((stored?.sequence ?? 0) !== before.sequence) return 'OVERTAKEN' as const;
      const refusal = await decided.write?.(transaction);
      if (refusal) return { refusal };
      transaction.set(REVOCATIONS, ID, list);
      recordEvent(transaction, { ...decided.note, by }, nowMs);
      return { list };
    });
    if (written !== 'OVERTAKEN') return written;
  }
  throw new Unavailable('records', 'others change the list of revocations at the same time');
}

/** The whole list by the key that signs, and the own entry of each revoked key. One that is disabled keeps its token. */
async function signList(
  entries: Entries,
  before: Revocations,
  signer: Deps['signer'],
  nowMs: number,
): Promise<Revocations['tokens'] | 'BUSY'> {
  const tokens: Revocations['tokens'][number][] = [];
  const signs = await signer.current();
  for (const keyId of [signs.keyId, ...entries.keys.map((key) => key.keyId)]) {
    const kept = before.tokens.find((token) => token.keyId === keyId);
    const key = keyId === signs.keyId ? signs : await signer.enabled(keyId);
    const token = key ? await signToken(key, listInput(entries, keyId, nowMs)) : kept?.token;
    if (token === 'BUSY') return 'BUSY';
    if (token !== undefined) tokens.push({ keyId, token });
  }
  return tokens;
}

async function signToken(key: SigningKey, input: string): Promise<string> {
  const signed = await key.sign(Buffer.from(input));
  return signed.verdict === 'BUSY'
    ? 'BUSY'
    : `${input}.${Buffer.from(signed.signature).toString('base64url')}`;
}
