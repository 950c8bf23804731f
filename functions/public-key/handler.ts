import { jwkOf, SIGNATURE_ALGORITHM } from '../../shared/domain/license-signature.ts';
import { isWhollyRevoked, type Revocations } from '../../shared/domain/revocations.ts';
import { Unavailable } from '../../shared/errors.ts';
import type { HandlersOf, ReplyOf, RequestOf } from '../../shared/http/contract.ts';
import { timestamp } from '../../shared/http/fields.ts';
import type { Deps } from '../../shared/ports/deps.ts';
import type { PublicKey } from '../../shared/ports/signer.ts';
import { recentRevocations } from '../../shared/use-cases/revocations.ts';
import type contract from './contract.ts';

async function readPublicKeys(
  _: RequestOf<typeof contract, 'publicKey'>,
  deps: Deps,
): Promise<ReplyOf<typeof contract, 'publicKey'>> {
  const { keys, list } = await validKeys(deps);
  const { keyId } = await deps.signer.current();
  const current = keys.find((key) => key.keyId === keyId);
  if (!current) throw new Unavailable('signing', `the signing key ${keyId} is not enabled, or is revoked`);
  const listed = keys.map((key) => ({ ...describe(key), ...revokedSince(key, list) }));
  return { answer: 'keys', body: { ...describe(current), keys: listed } };
}

async function readJwks(
  _: RequestOf<typeof contract, 'jwks'>,
  deps: Deps,
): Promise<ReplyOf<typeof contract, 'jwks'>> {
  const { keys } = await validKeys(deps);
  return { answer: 'keys', body: { keys: keys.map(jwkOf) } };
}

async function readRevocations(
  _: RequestOf<typeof contract, 'revocations'>,
  deps: Deps,
): Promise<ReplyOf<typeof contract, 'revocations'>> {
  const { tokens } = await recentRevocations(deps);
  return { answer: 'revocations', body: { tokens: tokens.map(({ token }) => token) } };
}

/** The keys that have valid signatures. */
async function validKeys(deps: Deps): Promise<{ keys: PublicKey[]; list: Revocations }> {
  const [enabled, list] = await Promise.all([deps.signer.publicKeys(), recentRevocations(deps)]);
  return { keys: enabled.filter(({ keyId }) => !isWhollyRevoked(list, keyId)), list };
}

function revokedSince({ keyId }: PublicKey, list: Revocations): { revoked_since?: string } {
  const { sinceMs = null } = list.keys.find((key) => key.keyId === keyId) ?? {};
  return sinceMs === null ? {} : { revoked_since: timestamp(sinceMs) };
}

function describe({ keyId, pem }: PublicKey) {
  return { public_key: pem, key_id: keyId, algorithm: SIGNATURE_ALGORITHM } as const;
}

export default {
  publicKey: readPublicKeys,
  jwks: readJwks,
  revocations: readRevocations,
} satisfies HandlersOf<typeof contract>;
