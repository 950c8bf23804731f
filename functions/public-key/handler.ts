import { jwkOf, SIGNATURE_ALGORITHM } from '../../shared/domain/license-signature.ts';
import { Unavailable } from '../../shared/errors.ts';
import type { HandlersOf, ReplyOf, RequestOf } from '../../shared/http/contract.ts';
import type { Deps } from '../../shared/ports/deps.ts';
import type { PublicKey } from '../../shared/ports/signer.ts';
import type contract from './contract.ts';

async function readPublicKeys(
  _: RequestOf<typeof contract, 'publicKey'>,
  { signer }: Deps,
): Promise<ReplyOf<typeof contract, 'publicKey'>> {
  const keys = await signer.publicKeys();
  const { keyId } = await signer.current();
  const current = keys.find((key) => key.keyId === keyId);
  if (!current) throw new Unavailable('signing', `the signing key ${keyId} is not enabled`);
  return { answer: 'keys', body: { ...describe(current), keys: keys.map(describe) } };
}

async function readJwks(
  _: RequestOf<typeof contract, 'jwks'>,
  { signer }: Deps,
): Promise<ReplyOf<typeof contract, 'jwks'>> {
  const keys = await signer.publicKeys();
  return { answer: 'keys', body: { keys: keys.map(jwkOf) } };
}

function describe({ keyId, pem }: PublicKey) {
  return { public_key: pem, key_id: keyId, algorithm: SIGNATURE_ALGORITHM } as const;
}

export default { publicKey: readPublicKeys, jwks: readJwks } satisfies HandlersOf<typeof contract>;
