import { createPublicKey, type KeyObject } from 'node:crypto';
import * as z from 'zod/mini';
import { Unavailable } from '../../errors.ts';

const DEFAULT_TIMEOUT_MS = 3_000;

/**
 * The shortest time between two requests to the issuer once its keys are known: anyone can invent a key id, and must
 * not make us send a request for each.
 */
const FETCH_INTERVAL_MS = 60_000;

type Keys = ReadonlyMap<string, KeyObject>;

const KeySet = z.object({ keys: z.array(z.unknown()) });
const RsaKey = z.object({ kid: z.string(), kty: z.literal('RSA'), n: z.string(), e: z.string() });
/** RFC 7518 section 3.3. */
const MIN_MODULUS_BITS = 2048;

/**
 * The RSA keys that an issuer publishes as a JWKS (RFC 7517), cached for as long as its `Cache-Control` allows.
 * Concurrent callers share one request.
 *
 * It replaces jose's `createRemoteJWKSet`, which ignores `Cache-Control`: it drops all keys after a fixed time, so that
 * an outage of the issuer becomes ours. It also repeats a failed request for every token (6.2.18).
 */
export class IssuerKeys {
  readonly #url: string;
  readonly #withinMs: number;
  #cached: { readonly keys: Keys; readonly validUntilMs: number } | undefined;
  #fetching: Promise<Keys> | undefined;
  #nextFetchAtMs = 0;
  #failure: Unavailable | undefined;

  /** `withinMs`: how long the issuer may take to answer. */
  constructor(url: string, withinMs = DEFAULT_TIMEOUT_MS) {
    this.#url = url;
    this.#withinMs = withinMs;
  }

  /**
   * The key, or `undefined` if the issuer has none with this id; an unknown id is first looked up again, as the issuer
   * may have rotated its keys. Throws `Unavailable` if the issuer does not answer within about 3 seconds, or answers
   * without keys.
   */
  async keyFor(keyId: string): Promise<KeyObject | undefined> {
    const nowMs = Date.now();
    const keys =
      this.#cached && nowMs < this.#cached.validUntilMs ? this.#cached.keys : await this.#fetchShared();
    const key = keys.get(keyId);
    if (key) return key;
    if (this.#fetching || nowMs >= this.#nextFetchAtMs) return (await this.#fetchShared()).get(keyId);
    // The last request failed: it is unknown whether the issuer has this key.
    if (this.#failure) throw this.#failure;
    return undefined;
  }

  #fetchShared(): Promise<Keys> {
    this.#fetching ??= this.#fetch().finally(() => {
      this.#fetching = undefined;
    });
    return this.#fetching;
  }

  async #fetch(): Promise<Keys> {
    this.#nextFetchAtMs = Date.now() + FETCH_INTERVAL_MS;
    try {
      const { keys, maxAgeMs } = await fetchKeys(this.#url, this.#withinMs);
      this.#cached = { keys, validUntilMs: Date.now() + Math.max(maxAgeMs, FETCH_INTERVAL_MS) };
      this.#failure = undefined;
      return keys;
    } catch (error) {
      this.#failure = new Unavailable('identity', "the issuer's keys cannot be read", { cause: error });
      throw this.#failure;
    }
  }
}

async function fetchKeys(url: string, withinMs: number): Promise<{ keys: Keys; maxAgeMs: number }> {
  const response = await fetch(url, { signal: AbortSignal.timeout(withinMs) });
  if (!response.ok) {
    await response.body?.cancel();
    throw new Error(`status ${response.status}`);
  }
  const keys = new Map(z.parse(KeySet, await response.json()).keys.flatMap(rsaKey));
  if (keys.size === 0) throw new Error('the response contains no RSA key');
  const [, maxAge = '0'] = /\bmax-age=(\d{1,9})/.exec(response.headers.get('cache-control') ?? '') ?? [];
  return { keys, maxAgeMs: Number(maxAge) * 1000 };
}

/** Empty for other kinds of keys: a client ignores what it does not understand (RFC 7517 section 5). */
function rsaKey(entry: unknown): [keyId: string, key: KeyObject][] {
  const { data: jwk } = z.safeParse(RsaKey, entry);
  if (!jwk) return [];
  const key = createPublicKey({ key: { ...jwk }, format: 'jwk' });
  return (key.asymmetricKeyDetails?.modulusLength ?? 0) < MIN_MODULUS_BITS ? [] : [[jwk.kid, key]];
}
