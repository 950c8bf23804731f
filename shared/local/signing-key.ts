import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPair,
  type KeyObject,
  sign,
} from 'node:crypto';
import { readdirSync, renameSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Unavailable } from '../errors.ts';
import type { LogLine } from '../ports/log-line.ts';
import type { PublicKey, Signer, SigningKey } from '../ports/signer.ts';
import type { KeyVersion, SigningKeys } from '../ports/signing-keys.ts';
import { codeOf, readIfExists, writeOnce } from './private-files.ts';

const MODULUS_BITS = 4096;
/** PEM parsers ignore text before the first boundary (RFC 7468 section 2). */
const WARNING = 'NOT FOR PRODUCTION: created by the local server of Seatlease and stored unencrypted.\n';

export interface LocalKeysOptions {
  /** Contains a file `<number>.pem` for each version, or `<number>.disabled.pem` for a disabled one. */
  readonly folder: string;
  /** The version that signs. */
  readonly version: number;
}

interface LocalKey {
  readonly keyId: string;
  readonly pem: string;
  readonly privateKey: KeyObject;
}

/** A signer for a developer's machine. At the first use it passes a warning to `log`. */
export function openLocalSigner(options: LocalKeysOptions & { log(line: LogLine): void }): Signer {
  const { folder, version, log } = options;
  const read = keyReader();
  let hasWarned = false;

  function warn(): void {
    if (hasWarned) return;
    hasWarned = true;
    log({ severity: 'WARNING', message: `NOT FOR PRODUCTION: licenses are signed with a key in ${folder}` });
  }

  async function current(): Promise<LocalKey> {
    warn();
    await createFirst(folder);
    const key = read(fileOf(folder, version));
    if (key) return key;
    throw new Unavailable('signing', `${folder} has no enabled key ${version}`);
  }

  function signingKey({ keyId, pem, privateKey }: LocalKey): SigningKey & PublicKey {
    return {
      keyId,
      pem,
      sign: async (message) => ({ verdict: 'SIGNED', signature: sign('sha256', message, privateKey) }),
    };
  }

  return {
    current: async () => signingKey(await current()),
    async enabled(keyId) {
      const keys = listFiles(folder).flatMap(({ file, isEnabled }) => (isEnabled ? (read(file) ?? []) : []));
      const found = keys.find((key) => key.keyId === keyId);
      return found && signingKey(found);
    },
    async publicKeys() {
      warn();
      await createFirst(folder);
      return listFiles(folder)
        .filter(({ isEnabled }) => isEnabled)
        .sort((a, b) => rank(b.number) - rank(a.number))
        .flatMap(({ file }): PublicKey[] => {
          const key = read(file);
          return key ? [{ keyId: key.keyId, pem: key.pem }] : [];
        });
    },
    async ping() {
      await current();
    },
    async close() {},
  };

  /** Sorts the current key first, then the newest. */
  function rank(number: number): number {
    return number === version ? Number.POSITIVE_INFINITY : number;
  }
}

/** Manages the same keys for operators. To undo `disable`, rename the file. */
export function openLocalKeys({ folder, version }: LocalKeysOptions): SigningKeys {
  const read = keyReader();

  async function versions(): Promise<KeyVersion[]> {
    await createFirst(folder);
    return listFiles(folder)
      .sort((a, b) => a.number - b.number)
      .flatMap(({ file, number, isEnabled }): KeyVersion[] => {
        const key = read(file);
        if (!key) return [];
        return [
          {
            name: String(number),
            number,
            keyId: key.keyId,
            state: isEnabled ? 'enabled' : 'disabled',
            createdAtMs: Math.floor(statSync(file).mtimeMs),
            isCurrent: number === version,
          },
        ];
      });
  }

  return {
    versions,
    async create() {
      const number = Math.max(...(await versions()).map((each) => each.number)) + 1;
      putLocalKey(folder, number, await newKey());
      const created = (await versions()).find((each) => each.number === number);
      if (!created) throw new Unavailable('signing', `the new key ${number} was removed from ${folder}`);
      return created;
    },
    async disable(name) {
      const file = fileOf(folder, Number(name));
      try {
        renameSync(file, disabledFileOf(folder, Number(name)));
      } catch (error) {
        if (codeOf(error) !== 'ENOENT') throw error;
        const isKnown = (await versions()).some((each) => each.name === name);
        if (!isKnown) throw new Unavailable('signing', `${folder} has no key ${name}`);
      }
    },
    async close() {},
  };
}

/** Stores `pem` as the key with that number, unless it exists. */
export function putLocalKey(folder: string, number: number, pem: string): void {
  writeOnce(fileOf(folder, number), `${WARNING}${pem}`);
}

/** Creates version 1 if there is no key yet. Generating it takes a second or two, outside the main thread. */
async function createFirst(folder: string): Promise<void> {
  if (listFiles(folder).length === 0) putLocalKey(folder, 1, await newKey());
}

async function newKey(): Promise<string> {
  const { privateKey } = await promisify(generateKeyPair)('rsa', { modulusLength: MODULUS_BITS });
  return privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
}

function listFiles(folder: string): { number: number; file: string; isEnabled: boolean }[] {
  return namesIn(folder).flatMap((name) => {
    const match = /^([1-9]\d*)(\.disabled)?\.pem$/.exec(name);
    return match
      ? [{ number: Number(match[1]), file: join(folder, name), isEnabled: match[2] === undefined }]
      : [];
  });
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return [];
    throw error;
  }
}

function fileOf(folder: string, number: number): string {
  return join(folder, `${number}.pem`);
}

function disabledFileOf(folder: string, number: number): string {
  return join(folder, `${number}.disabled.pem`);
}

/**
 * Reads keys and parses each only once, because parsing takes as long as signing. `undefined` if the file is missing.
 */
function keyReader(): (file: string) => LocalKey | undefined {
  const parsed = new Map<string, LocalKey>();
  return (file) => {
    const text = readIfExists(file);
    if (text === undefined) return undefined;
    const known = `${file}\n${text}`;
    const key = parsed.get(known) ?? parseKey(file, text);
    parsed.set(known, key);
    return key;
  };
}

function parseKey(file: string, text: string): LocalKey {
  const privateKey = rsaKeyOf(text);
  if (!privateKey)
    throw new Unavailable('signing', `${file} does not contain an RSA-4096 private key as PEM`);
  const pem = createPublicKey(privateKey).export({ type: 'spki', format: 'pem' }).toString();
  const number = /(\d+)(\.disabled)?\.pem$/.exec(file)?.[1] ?? '';
  const hash = createHash('sha256').update(pem).digest('base64url').slice(0, 16);
  return { keyId: `not-for-production-${number}-${hash}`, pem, privateKey };
}

/** Drops the parser's error, because its message can quote the file. */
function rsaKeyOf(text: string): KeyObject | undefined {
  try {
    const key = createPrivateKey(text);
    const isOurs =
      key.asymmetricKeyType === 'rsa' && key.asymmetricKeyDetails?.modulusLength === MODULUS_BITS;
    return isOurs ? key : undefined;
  } catch {
    return undefined;
  }
}
