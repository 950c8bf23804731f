import { createPublicKey } from 'node:crypto';
import * as z from 'zod/mini';
import { Unavailable } from '../../errors.ts';
import type { IssuerKeys } from './id-token.ts';

const ANSWER_WITHIN_MS = 3_000;

/**
 * Certificates are asked for no more often than this once there are some: any caller can make up a key id, and a
 * request to the issuer for each would make us its attacker.
 */
const ASK_INTERVAL_MS = 60_000;

const Certificates = z.record(z.string(), z.string().check(z.refine(isPublicKey)));

/**
 * The certificates that an issuer publishes as a JSON object of PEMs by key id, kept for as long as its
 * `Cache-Control` allows. Callers that need them at the same time share one request.
 */
export class IssuerCertificates {
  readonly #url: string;
  #held: { readonly keys: IssuerKeys; readonly goodUntilMs: number } | undefined;
  #asking: Promise<IssuerKeys> | undefined;
  #askAgainAtMs = 0;
  #failure: Unavailable | undefined;

  constructor(url: string) {
    this.#url = url;
  }

  /**
   * The certificates; where none of those at hand is `keyId`'s, the issuer may have changed keys and is asked again.
   * Throws `Unavailable` where it does not answer within about 3 seconds, or with anything else.
   */
  async keysFor(keyId: string): Promise<IssuerKeys> {
    const nowMs = Date.now();
    const keys = this.#held && nowMs < this.#held.goodUntilMs ? this.#held.keys : await this.#ask();
    if (Object.hasOwn(keys, keyId)) return keys;
    if (this.#asking || nowMs >= this.#askAgainAtMs) return this.#ask();
    // The last request failed: whether this key is the issuer's is not known.
    if (this.#failure !== undefined) throw this.#failure;
    return keys;
  }

  #ask(): Promise<IssuerKeys> {
    this.#asking ??= this.#fetch().finally(() => {
      this.#asking = undefined;
    });
    return this.#asking;
  }

  async #fetch(): Promise<IssuerKeys> {
    this.#askAgainAtMs = Date.now() + ASK_INTERVAL_MS;
    try {
      const { keys, maxAgeMs } = await fetchCertificates(this.#url);
      this.#held = { keys, goodUntilMs: Date.now() + Math.max(maxAgeMs, ASK_INTERVAL_MS) };
      this.#failure = undefined;
      return keys;
    } catch (error) {
      this.#failure = new Unavailable('identity', "the issuer's certificates cannot be had", {
        cause: error,
      });
      throw this.#failure;
    }
  }
}

async function fetchCertificates(url: string): Promise<{ keys: IssuerKeys; maxAgeMs: number }> {
  const response = await fetch(url, { signal: AbortSignal.timeout(ANSWER_WITHIN_MS) });
  if (!response.ok) {
    await response.body?.cancel();
    throw new Error(`status ${response.status}`);
  }
  const keys = z.parse(Certificates, await response.json());
  const [, maxAge = '0'] = /\bmax-age=(\d{1,9})/.exec(response.headers.get('cache-control') ?? '') ?? [];
  return { keys, maxAgeMs: Number(maxAge) * 1000 };
}

function isPublicKey(pem: string): boolean {
  try {
    createPublicKey(pem);
    return true;
  } catch {
    return false;
  }
}
