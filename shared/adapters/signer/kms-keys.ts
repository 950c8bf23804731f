import type { protos } from '@google-cloud/kms';
import type { KeyVersion, SigningKeys } from '../../ports/signing-keys.ts';
import { CorruptResponse, type KmsOptions, keyIdOf, keyOf, numberOf, openKmsCalls } from './kms-calls.ts';

type Version = protos.google.cloud.kms.v1.ICryptoKeyVersion;

const STATES: Readonly<Record<string, KeyVersion['state']>> = {
  PENDING_GENERATION: 'pending',
  PENDING_IMPORT: 'pending',
  ENABLED: 'enabled',
  DISABLED: 'disabled',
};

/** The versions of a Cloud KMS key, for an operator with `roles/cloudkms.admin` on it. */
export function openKmsKeys(options: KmsOptions): SigningKeys {
  const { keyVersion } = options;
  const calls = openKmsCalls(options);
  const parent = keyOf(keyVersion);

  function read({ name, state, createTime, generateTime }: Version): KeyVersion {
    if (!name) throw new CorruptResponse('the response has a version without a name');
    return {
      name,
      number: numberOf(name),
      keyId: keyIdOf(name),
      state: STATES[String(state)] ?? 'gone',
      // It is published, and caches begin to store it, once its key material exists.
      createdAtMs: Number((generateTime ?? createTime)?.seconds ?? 0) * 1000,
      isCurrent: name === keyVersion,
    };
  }

  return {
    versions: () =>
      calls.ask(async (client, limits) => {
        const [versions] = await client.listCryptoKeyVersions({ parent }, limits);
        return versions.map(read).sort((a, b) => a.number - b.number);
      }),
    create: () =>
      calls.ask(async (client, limits) => {
        const [created] = await client.createCryptoKeyVersion({ parent, cryptoKeyVersion: {} }, limits);
        return read(created);
      }, false),
    disable: (name) =>
      calls.ask(async (client, limits) => {
        await client.updateCryptoKeyVersion(
          { cryptoKeyVersion: { name, state: 'DISABLED' }, updateMask: { paths: ['state'] } },
          limits,
        );
      }),
    close: () => calls.close(),
  };
}
