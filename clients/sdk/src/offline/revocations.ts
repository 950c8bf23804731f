import type { SeatleaseError } from '../errors.ts';
import { fieldsOf } from '../parse-answers.ts';
import { LONGEST_TIMEOUT_MS, type Platform } from '../platform.ts';
import { utf8 } from './bytes.ts';
import { Grace, type GraceDeps, type Terms } from './grace.ts';
import type { VerifyingKey } from './keys.ts';
import { fieldsIn, invalid, signerOf } from './token.ts';

const HOUR_MS = 3600_000;
const TRY_AGAIN_AFTER_MS = 10 * 60_000;
const PATH = '/.well-known/license-revocations.json';
/** More tokens than the vendor has keys are not his. */
const MOST_TOKENS = 64;

/** A key is named by its thumbprint (RFC 7638): the key id in a token is what its signer wrote there. */
interface RevokedKey {
  readonly thumbprint: string;
  /** `null`: all that it has signed. Otherwise what was issued then or later. */
  readonly since: string | null;
}

/** What the vendor has revoked, as the list says and as it is stored. */
interface Revoked {
  readonly keys: readonly RevokedKey[];
  readonly licenses: readonly { readonly jti: string }[];
}

interface Remembered extends Revoked {
  /** The latest list of each key, so that an old one does not replace it. */
  readonly sequences: Readonly<Record<string, number>>;
}

type RevocationDeps = GraceDeps & { readonly platform: Pick<Platform, 'clock' | 'transport' | 'storage'> };

/**
 * The vendor's list of revoked keys and licenses, remembered for starts without the server. It is signed with the pinned
 * keys. A list of a key that is not revoked replaces what is remembered. A key that revokes itself is believed about itself
 * only, for good, as RFC 5011 section 2.1 has it: an app with only that key in its build can verify no other list.
 */
export class Revocations {
  readonly #deps: RevocationDeps;
  readonly #base: string;
  #remembered: Promise<Remembered> | undefined;

  constructor(deps: RevocationDeps, base: string) {
    this.#deps = deps;
    this.#base = base;
  }

  /** Throws OFFLINE_LICENSE_INVALID if the license in that payload of a token, which `key` has signed, is revoked. */
  async check(key: VerifyingKey, payload: string): Promise<void> {
    const { keys, licenses } = await this.#read();
    const { jti, license } = fieldsIn(payload);
    const issuedAtMs = Date.parse(Object(license).issued_at);
    const signer = await thumbprintOf(key);
    // A time that cannot be read is not before `since`.
    const isRevoked = ({ thumbprint, since }: RevokedKey): boolean =>
      thumbprint === signer && !(since !== null && issuedAtMs < Date.parse(since));
    if (keys.some(isRevoked) || licenses.some((revoked) => revoked.jti === jti))
      throw invalid('The vendor has revoked it.');
  }

  /** Fetches the list. Returns whether it has changed; throws if there is no answer with a list. */
  async fetch(): Promise<boolean> {
    const { transport } = this.#deps.platform;
    const request = { method: 'GET', url: `${this.#base}${PATH}`, headers: { accept: 'application/json' } };
    const { status, body } = await transport.send(request, {
      timeoutMs: LONGEST_TIMEOUT_MS,
      background: true,
    });
    const { tokens } = fieldsOf(body);
    if (status !== 200 || !Array.isArray(tokens)) throw new Error('no list');
    const before = await this.#read();
    let next = before;
    for (const token of tokens.slice(0, MOST_TOKENS)) next = await this.#join(next, String(token));
    if (JSON.stringify(next) === JSON.stringify(before)) return false;
    this.#remembered = Promise.resolve(next);
    await this.#deps.platform.storage.write(this.#name, JSON.stringify(next)).catch(() => undefined);
    return true;
  }

  async #join(known: Remembered, token: string): Promise<Remembered> {
    const [head = '', payload = '', signature = ''] = token.split('.');
    const { alg, typ } = fieldsIn(head);
    const key = await signerOf(this.#deps.keys ?? [], `${head}.${payload}`, signature);
    const list = readList(fieldsIn(payload));
    if (!key || !list || alg !== 'RS256' || typ !== 'license-revocations+jwt') return known;
    const signer = await thumbprintOf(key);
    const isBySigner = ({ thumbprint }: RevokedKey): boolean => thumbprint === signer;
    const own = list.keys.filter(isBySigner);
    if (own.length > 0) {
      const others = known.keys.filter((each) => !own.some((one) => isSame(one, each)));
      return { ...known, keys: [...others, ...own] };
    }
    const isOld = list.sequence < (known.sequences[signer] ?? 0);
    if (isOld || known.keys.some(isBySigner)) return known;
    const { sequence, keys, licenses } = list;
    return { keys, licenses, sequences: { ...known.sequences, [signer]: sequence } };
  }

  #read(): Promise<Remembered> {
    this.#remembered ??= this.#deps.platform.storage.read(this.#name).then(
      (text) => {
        const { sequences, ...list } = fieldsOf(text ?? '');
        return { sequences: Object(sequences), ...(readList({ sequence: 0, ...list }) ?? NOTHING) };
      },
      () => ({ sequences: {}, ...NOTHING }),
    );
    return this.#remembered;
  }

  get #name(): string {
    return `revocations ${this.#base}`;
  }
}

/** The grace of programs that can fetch the list: at their start, and then once an hour. */
export class RevocableGrace extends Grace {
  readonly #deps: RevocationDeps;
  readonly #revocations: Revocations;
  /** What was verified, by its payload. */
  readonly #verified: Map<string, VerifyingKey>;
  #nextFetchAtMs = 0;
  #forgotten = 0;

  constructor(deps: RevocationDeps, base: string) {
    const revocations = new Revocations(deps, base);
    const verified = new Map<string, VerifyingKey>();
    const check = async (key: VerifyingKey, payload: string): Promise<void> => {
      await revocations.check(key, payload);
      verified.set(payload, key);
    };
    super({ ...deps, expected: { ...deps.expected, check } });
    this.#deps = deps;
    this.#revocations = revocations;
    this.#verified = verified;
  }

  override signIfDue(
    sessionId: string,
    terms: Terms,
    background?: boolean,
  ): Promise<SeatleaseError | undefined> {
    const signed = super.signIfDue(sessionId, terms, background);
    if (this.#deps.keys && this.#deps.stopwatch.read() >= this.#nextFetchAtMs)
      void this.#refresh(sessionId, terms).catch(() => undefined);
    return signed;
  }

  protected override forget(): void {
    this.#forgotten += 1;
    this.#verified.clear();
    super.forget();
  }

  /** If the license in use is revoked, it is no longer used, and another one is signed at once. The seat stays. */
  async #refresh(sessionId: string, terms: Terms): Promise<void> {
    const { stopwatch } = this.#deps;
    const forgotten = this.#forgotten;
    this.#nextFetchAtMs = stopwatch.read() + TRY_AGAIN_AFTER_MS;
    const isChanged = await this.#revocations.fetch();
    this.#nextFetchAtMs = stopwatch.read() + HOUR_MS * (1 - 0.1 * Math.random());
    const revoked = isChanged && (await this.#whyRevoked());
    // The seat was released meanwhile.
    if (!revoked || forgotten !== this.#forgotten) return;
    this.forget();
    if (await super.signIfDue(sessionId, terms)) this.#deps.atRisk(revoked);
  }

  async #whyRevoked(): Promise<SeatleaseError | undefined> {
    for (const [payload, key] of this.#verified) {
      const revoked = await this.#revocations.check(key, payload).catch((error: SeatleaseError) => error);
      if (revoked) return revoked;
    }
    return undefined;
  }
}

const NOTHING: Revoked = { keys: [], licenses: [] };

function isSame(one: RevokedKey, other: RevokedKey): boolean {
  return one.thumbprint === other.thumbprint && one.since === other.since;
}

/** `undefined` if it is no list. */
function readList({ sequence, keys, licenses }: Readonly<Record<string, unknown>>) {
  if (!Number.isSafeInteger(sequence) || !Array.isArray(keys) || !Array.isArray(licenses)) return undefined;
  return {
    sequence: Number(sequence),
    keys: keys.map((key): RevokedKey => {
      const { thumbprint, since } = Object(key);
      return { thumbprint: String(thumbprint), since: since == null ? null : String(since) };
    }),
    licenses: licenses.map((license) => ({ jti: String(Object(license).jti) })),
  };
}

/** RFC 7638 section 3.1. */
async function thumbprintOf(key: VerifyingKey): Promise<string> {
  const { e, n } = await crypto.subtle.exportKey('jwk', key);
  const hash = await crypto.subtle.digest('SHA-256', utf8(JSON.stringify({ e, kty: 'RSA', n })));
  return Buffer.from(hash).toString('base64url');
}
