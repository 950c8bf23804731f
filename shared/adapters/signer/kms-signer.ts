import { createHash, createPublicKey, type KeyObject, verify } from 'node:crypto';
import { cachedFor } from '../../domain/cached-for.ts';
import { KEYS_LISTED_FOR_MS } from '../../domain/key-rotation.ts';
import { SIGNATURE_ALGORITHM } from '../../domain/license-signature.ts';
import { Unavailable } from '../../errors.ts';
import type { PublicKey, Signer, SigningKey, SignVerdict } from '../../ports/signer.ts';
import { STATUS } from '../grpc/status.ts';
import {
  CorruptResponse,
  checksumOf,
  type KmsCalls,
  type KmsOptions,
  keyIdOf,
  keyOf,
  numberOf,
  openKmsCalls,
  Refused,
  verifyChecksum,
} from './kms-calls.ts';

/**
 * Signs with Cloud KMS and follows its guide to data integrity
 * (https://cloud.google.com/kms/docs/data-integrity-guidelines): checksums in both directions, and the version's name
 * is checked. In addition each signature is verified with the version's public key before it is returned.
 */
export function openKmsSigner(options: KmsOptions): Signer {
  const { keyVersion } = options;
  const calls = openKmsCalls(options);
  const pems = publicPems(calls);
  const published = cachedFor(KEYS_LISTED_FOR_MS, publicKeys, () => Date.now());
  const verifiers = new Map<string, KeyObject>();

  async function publicKeys(): Promise<readonly PublicKey[]> {
    const rank = (name: string): number => (name === keyVersion ? Number.POSITIVE_INFINITY : numberOf(name));
    const names = (await usableVersions(calls, keyOf(keyVersion))).toSorted((a, b) => rank(b) - rank(a));
    return Promise.all(names.map(async (name) => ({ keyId: keyIdOf(name), pem: await pems.of(name) })));
  }

  async function sign(name: string, message: Uint8Array): Promise<SignVerdict> {
    const key = verifiers.get(name) ?? createPublicKey(await pems.of(name));
    verifiers.set(name, key);
    const digest = createHash('sha256').update(message).digest();
    const digestCrc32c = { value: checksumOf(digest) };
    const signature = await calls.ask(async (client, limits) => {
      const [answer] = await client.asymmetricSign(
        { name, digest: { sha256: digest }, digestCrc32c },
        limits,
      );
      const bytes = bytesOf(answer.signature);
      if (!answer.verifiedDigestCrc32c)
        throw new CorruptResponse('KMS did not confirm the checksum of the digest');
      verifyChecksum('a signature', bytes, answer.signatureCrc32c);
      if (answer.name !== name) throw new CorruptResponse('another version of the key signed');
      if (!verify('sha256', message, key, bytes)) throw new CorruptResponse('a signature does not verify');
      return bytes;
    });
    return { verdict: 'SIGNED', signature };
  }

  function keyNamed(name: string): SigningKey {
    return {
      keyId: keyIdOf(name),
      sign: (message) =>
        sign(name, message).catch((error: unknown) => {
          if (error instanceof Refused && error.status === STATUS.RESOURCE_EXHAUSTED)
            return { verdict: 'BUSY' };
          throw error;
        }),
    };
  }

  return {
    current: async () => keyNamed(keyVersion),
    async enabled(keyId) {
      const names = await usableVersions(calls, keyOf(keyVersion));
      const name = names.find((each) => keyIdOf(each) === keyId);
      return name === undefined ? undefined : { ...keyNamed(name), pem: await pems.of(name) };
    },
    publicKeys: published,
    async ping() {
      await pems.ask(keyVersion);
    },
    close: () => calls.close(),
  };
}

/** Public keys never change, so each is fetched once, also for concurrent callers. `ask` always fetches. */
function publicPems(calls: KmsCalls): {
  of(name: string): Promise<string>;
  ask(name: string): Promise<string>;
} {
  const known = new Map<string, Promise<string>>();

  function ask(name: string): Promise<string> {
    return calls.ask(async (client, limits) => {
      const [answer] = await client.getPublicKey({ name }, limits);
      const pem = answer.pem ?? '';
      verifyChecksum('a public key', Buffer.from(pem), answer.pemCrc32c);
      if (answer.name !== name)
        throw new CorruptResponse('the response has the public key of another version');
      if (answer.algorithm !== SIGNATURE_ALGORITHM)
        throw new Unavailable('signing', `${name} is not a key for ${SIGNATURE_ALGORITHM}`);
      return pem;
    });
  }

  function of(name: string): Promise<string> {
    const pem = known.get(name) ?? ask(name);
    known.set(name, pem);
    pem.catch(() => known.delete(name));
    return pem;
  }

  return { ask, of };
}

/** Names of the versions whose signatures are valid. */
function usableVersions(calls: KmsCalls, parent: string): Promise<readonly string[]> {
  return calls.ask(async (client, limits) => {
    const [versions] = await client.listCryptoKeyVersions({ parent, filter: 'state=ENABLED' }, limits);
    return versions.flatMap(({ name, algorithm }) =>
      name && algorithm === SIGNATURE_ALGORITHM ? [name] : [],
    );
  });
}

function bytesOf(bytes: Uint8Array | string | null | undefined): Uint8Array {
  return typeof bytes === 'string' ? Buffer.from(bytes, 'base64') : (bytes ?? new Uint8Array());
}
