import { fieldsOf } from '../parse-answers.ts';
import type { Storage } from '../platform.ts';
import { toHex, utf8 } from './bytes.ts';
import type { WebCryptoKey } from './keys.ts';

/** Stored for a start without the server. */
export interface Stored {
  readonly token: string;
  /** The keys that the server published; `undefined` if the app has its own. */
  readonly keys: { readonly keys: readonly object[] } | undefined;
  readonly licenseId: string;
  /** The session that it was signed for. Later sessions of the holder on this machine use it, too. */
  readonly sessionId: string;
  /** The latest time seen, milliseconds since the epoch: an earlier clock was set back. */
  readonly latestMs: number;
  /** Whether it is a loan. */
  readonly isBorrowed: boolean;
}

/**
 * One license in the platform's storage, with a seal (HMAC) against edits of the file. Its key derives from the license key
 * and the fingerprint: someone who disassembles the program can compute a seal, but cannot forge the token's signature.
 */
export class Store {
  readonly #storage: Storage;
  readonly #name: string;
  readonly #secret: string;

  constructor(storage: Storage, name: string, secret: string) {
    this.#storage = storage;
    this.#name = name;
    this.#secret = secret;
  }

  /** 'broken' if the stored text was changed. */
  async read(): Promise<Stored | 'broken' | undefined> {
    const text = await this.#storage.read(this.#name);
    if (text === undefined) return undefined;
    const { content, seal } = fieldsOf(text) ?? {};
    if (typeof content !== 'string' || typeof seal !== 'string') return 'broken';
    const isOurs = await this.#verify(content, seal).catch(() => false);
    return isOurs ? (JSON.parse(content) as Stored) : 'broken';
  }

  async write(stored: Stored): Promise<void> {
    const content = JSON.stringify(stored);
    const seal = toHex(await crypto.subtle.sign('HMAC', await this.#key(), utf8(content)));
    await this.#storage.write(this.#name, JSON.stringify({ content, seal }));
  }

  async remove(): Promise<void> {
    await this.#storage.remove(this.#name);
  }

  async #verify(content: string, seal: string): Promise<boolean> {
    const bytes = Uint8Array.from(seal.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
    return crypto.subtle.verify('HMAC', await this.#key(), bytes, utf8(content));
  }

  #key(): Promise<WebCryptoKey> {
    return crypto.subtle.importKey(
      'raw',
      utf8(`seatlease offline license ${this.#secret}`),
      { name: 'HMAC', hash: 'SHA-256' },
      false,
      ['sign', 'verify'],
    );
  }
}
