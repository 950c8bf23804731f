import { jwkOf, SIGNATURE_ALGORITHM } from '../../shared/domain/license-signature.ts';
import { Unavailable } from '../../shared/errors.ts';
import type { HandlersOf } from '../../shared/http/contract.ts';
import type { PublicKey } from '../../shared/ports/signer.ts';
import type contract from './contract.ts';

export default {
  async publicKey(_, { signer }) {
    const keys = await signer.publicKeys();
    const { keyId } = await signer.current();
    const current = keys.find((key) => key.keyId === keyId);
    if (!current) throw new Unavailable('signing', `the key that signs, ${keyId}, is not in use`);
    return { answer: 'keys', body: { ...describe(current), keys: keys.map(describe) } };
  },

  async jwks(_, { signer }) {
    const keys = await signer.publicKeys();
    return { answer: 'keys', body: { keys: keys.map(jwkOf) } };
  },
} satisfies HandlersOf<typeof contract>;

function describe({ keyId, pem }: PublicKey) {
  return { public_key: pem, key_id: keyId, algorithm: SIGNATURE_ALGORITHM } as const;
}
