import { oneAtATime } from '../backoff.ts';
import { fieldsOf } from '../parse-answers.ts';
import type { Storage } from '../platform.ts';
import { toHex, utf8 } from './bytes.ts';
import type { NotedTime } from './server-time.ts';
import { invalid } from './token.ts';

/** A signed license, as it is stored for a start without the server. */
export interface StoredLicense {
  readonly token: string;
  readonly licenseId: string;
  /** The session that it was signed for. Later sessions of the holder on this machine use it, too. */
  readonly sessionId: string;
  readonly isBorrowed: boolean;
  /** Read from the token: decides which of two is newer, and whether a loan has ended. */
  readonly issuedAtMs: number;
  readonly offlineUntilMs: number;
}

export interface Stored {
  readonly license: StoredLicense;
  readonly time: NotedTime;
  /** `offline_start_days` of the license. */
  readonly startDays: number;
  /** Whether the last program has released its seat. */
  readonly isReleased: boolean;
  /** When a program started without the server, by the server's clock, until the server knows it. */
  readonly offlineSinceMs?: number | undefined;
}

/** Another format has another version: what this release cannot read is signed anew. */
const VERSION = 1;

/**
 * What all programs of the holder on this machine share, in the platform's storage, with a seal (HMAC) against edits of the
 * file. Its key derives from the license key and the fingerprint: someone who disassembles the program can compute a seal,
 * but cannot forge the token's signature.
 */
export class Store {
  readonly #storage: Storage;
  readonly #name: string;
  readonly #secret: string;
  readonly #inTurn = oneAtATime();

  constructor(storage: Storage, name: string, secret: string) {
    this.#storage = storage;
    this.#name = name;
    this.#secret = secret;
  }

  /** Throws OFFLINE_LICENSE_INVALID if the stored text was changed. */
  async read(): Promise<Stored | undefined> {
    return this.#parse(await this.#text());
  }

  async #parse(text: string | undefined): Promise<Stored | undefined> {
    if (text === undefined) return undefined;
    const { v, content, seal } = fieldsOf(text);
    if (v !== VERSION || typeof content !== 'string' || seal !== (await this.#seal(content)))
      throw invalid('It was changed, or is of another version.');
    return JSON.parse(content) as Stored;
  }

  /**
   * Replaces what is stored by what `change` makes of it; `undefined` removes it. What was changed by others counts as nothing.
   * Changes of this program run one after the other. Another program may write in between: the later one wins, and storing
   * again every few minutes settles it. Returns whether it was stored; never throws.
   */
  update(change: (stored: Stored | undefined) => Stored | undefined): Promise<boolean> {
    return this.#inTurn(async () => {
      const before = await this.#text();
      const stored = await this.#parse(before).catch(() => undefined);
      const next = change(stored);
      if (next && next === stored) return true;
      const content = JSON.stringify(next);
      const text = next && JSON.stringify({ v: VERSION, content, seal: await this.#seal(content) });
      await (text ? this.#storage.write(this.#name, text) : this.#storage.remove(this.#name));
      const after = await this.#text();
      // Another program may have replaced it already.
      return after === text || after !== before;
    }).catch(() => false);
  }

  #text(): Promise<string | undefined> {
    return this.#storage.read(this.#name).catch(() => undefined);
  }

  async #seal(content: string): Promise<string> {
    const secret = utf8(`seatlease offline license ${this.#secret}`);
    const algorithm = { name: 'HMAC', hash: 'SHA-256' };
    const key = await crypto.subtle.importKey('raw', secret, algorithm, false, ['sign']);
    return toHex(await crypto.subtle.sign('HMAC', key, utf8(content)));
  }
}

/** What one program stores. */
export interface Mine extends Stored {
  /** Whether the server has granted it a seat since it started: then the machine holds a seat, whatever others have noted. */
  readonly isGranted: boolean;
  /** The `offlineSinceMs` that the server knows by now. */
  readonly reportedMs: number | undefined;
}

/**
 * Joins what this program stores with what another one has stored. The newer license stays, and a loan that has not ended
 * stays in any case. The time of the later contact stays. The release of one program is no release while another one holds
 * a seat.
 */
export function join({ isGranted, reportedMs, ...mine }: Mine, theirs: Stored, nowMs: number): Stored {
  const isLent = ({ isBorrowed, offlineUntilMs }: StoredLicense): boolean =>
    isBorrowed && offlineUntilMs > nowMs;
  const isTheirs =
    isLent(theirs.license) === isLent(mine.license)
      ? theirs.license.issuedAtMs > mine.license.issuedAtMs
      : isLent(theirs.license);
  const { contactMs, latestWallMs } = mine.time;
  const isLater =
    theirs.time.contactMs > contactMs ||
    (theirs.time.contactMs === contactMs && theirs.time.latestWallMs > latestWallMs);
  const reported = theirs.offlineSinceMs === reportedMs ? undefined : theirs.offlineSinceMs;
  return {
    license: isTheirs ? theirs.license : mine.license,
    time: isLater ? theirs.time : mine.time,
    startDays: isLater ? theirs.startDays : mine.startDays,
    isReleased: !isGranted && theirs.isReleased,
    offlineSinceMs: mine.offlineSinceMs ?? reported,
  };
}
