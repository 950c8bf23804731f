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
import type { PublicKey, Signer } from '../ports/signer.ts';
import type { KeyVersion, SigningKeys } from '../ports/signing-keys.ts';
import { codeOf, readIfExists, writeOnce } from './private-files.ts';

const MODULUS_BITS = 4096;
/** Text before the first boundary of a PEM file is for people (RFC 7468 section 2). */
const WARNING = 'NOT FOR PRODUCTION: made by the local server of Seatlease, and kept in a plain file.\n';

export interface LocalKeysOptions {
  /** Has a file `<number>.pem` for each version, and `<number>.disabled.pem` for one that is out of use. */
  readonly folder: string;
  /** The version that signs. */
  readonly version: number;
}

interface LocalKey {
  readonly keyId: string;
  readonly pem: string;
  readonly privateKey: KeyObject;
}

/** A signer for a developer's machine. `say` is told once, at the first use, what its signatures are not for. */
export function openLocalSigner(options: LocalKeysOptions & { say(line: LogLine): void }): Signer {
  const { folder, version, say } = options;
  const read = keyReader();
  let hasWarned = false;

  function warn(): void {
    if (hasWarned) return;
    hasWarned = true;
    say({ severity: 'WARNING', message: `NOT FOR PRODUCTION: licenses are signed with a key in ${folder}` });
  }

  async function current(): Promise<LocalKey> {
    warn();
    await makeFirst(folder);
    const key = read(fileOf(folder, version));
    if (key) return key;
    throw new Unavailable('signing', `there is no key ${version} in use in ${folder}`);
  }

  return {
    async current() {
      const { keyId, privateKey } = await current();
      return {
        keyId,
        sign: async (message) => ({ verdict: 'SIGNED', signature: sign('sha256', message, privateKey) }),
      };
    },
    async publicKeys() {
      warn();
      await makeFirst(folder);
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

  /** The current one first, then the newest. */
  function rank(number: number): number {
    return number === version ? Number.POSITIVE_INFINITY : number;
  }
}

/** The same keys as an operator sees them. Disabling is for good as far as this goes: rename the file to undo it. */
export function openLocalKeys({ folder, version }: LocalKeysOptions): SigningKeys {
  const read = keyReader();

  async function versions(): Promise<KeyVersion[]> {
    await makeFirst(folder);
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
      const made = (await versions()).find((each) => each.number === number);
      if (!made) throw new Unavailable('signing', `the key ${number} is gone again from ${folder}`);
      return made;
    },
    async disable(name) {
      const file = fileOf(folder, Number(name));
      try {
        renameSync(file, disabledFileOf(folder, Number(name)));
      } catch (error) {
        if (codeOf(error) !== 'ENOENT') throw error;
        const isKnown = (await versions()).some((each) => each.name === name);
        if (!isKnown) throw new Unavailable('signing', `there is no key ${name} in ${folder}`);
      }
    },
    async close() {},
  };
}

/** Makes `pem` the key of that number, unless there is one. */
export function putLocalKey(folder: string, number: number, pem: string): void {
  writeOnce(fileOf(folder, number), `${WARNING}${pem}`);
}

/** Version 1, by whoever needs a key first. Away from the main thread: it takes a second or two. */
async function makeFirst(folder: string): Promise<void> {
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

/** Reads keys, each parsed once, which takes as long as a signature. `undefined` for a file that is not there. */
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
  if (!privateKey) throw new Unavailable('signing', `${file} does not hold an RSA-4096 private key as PEM`);
  const pem = createPublicKey(privateKey).export({ type: 'spki', format: 'pem' }).toString();
  const number = /(\d+)(\.disabled)?\.pem$/.exec(file)?.[1] ?? '';
  const hash = createHash('sha256').update(pem).digest('base64url').slice(0, 16);
  return { keyId: `not-for-production-${number}-${hash}`, pem, privateKey };
}

/** The parser's own words about what is no key may quote what it read. */
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
