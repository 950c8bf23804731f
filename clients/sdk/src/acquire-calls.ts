import { backoffMs, sleep } from './backoff.ts';
import { digest } from './offline/bytes.ts';
import type { SeatleaseOptions } from './options.ts';
import { type Grant, readGrant } from './parse-answers.ts';
import type { Platform } from './platform.ts';
import type { Answer, Server } from './server.ts';

const TIMEOUT_MS = 10_000;
const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 8_000;

/** Identifies the holder of the seat. */
export interface Identity {
  readonly fingerprint: string;
  /** Names the holder among programs of the machine and in storage. A digest: it reveals nothing. */
  readonly name: string;
}

export async function identify(
  { url, licenseKey, licenseId, userId, fingerprint }: SeatleaseOptions,
  platform: Platform,
): Promise<Identity> {
  const machine = fingerprint ?? (await platform.fingerprint());
  const name = await digest(String(url), licenseKey ?? '', licenseId ?? '', userId ?? '', machine);
  return { fingerprint: machine, name: `seat-${name.slice(0, 32)}` };
}

export interface AcquireCallsDeps {
  readonly options: SeatleaseOptions;
  readonly platform: Platform;
  readonly server: Server;
  readonly identity: Identity;
}

/** Acquires seats for this program. */
export class AcquireCalls {
  readonly #deps: AcquireCallsDeps;
  readonly #processId: string;
  #sendsProcess = false;
  #previous: Promise<unknown> = Promise.resolve();

  constructor(deps: AcquireCallsDeps) {
    this.#deps = deps;
    this.#processId = deps.options.processId ?? deps.platform.processId;
  }

  /** Programs with the same holder share a seat. */
  get holder(): string {
    const { name } = this.#deps.identity;
    return this.#sendsProcess ? `${name}-${this.#processId}` : name;
  }

  /**
   * Whether to send the request again, now with the process id: the server requires it and it was not sent. It is not sent
   * earlier, because programs of one machine share a seat unless the license counts processes, and only the server knows
   * that.
   */
  addProcessIfRequired(answer: Answer<Grant>): boolean {
    const isWanted = answer.kind === 'refused' && answer.error.code === 'HOLDER_REQUIRED';
    if (!isWanted || this.#sendsProcess) return false;
    this.#sendsProcess = true;
    return true;
  }

  /** Sends until there is an answer, at most `tries` times, as long as a caller wants it. */
  async sendUntilAnswered(
    borrowDays: number | undefined,
    tries: number,
    isWanted: () => boolean,
  ): Promise<Answer<Grant>> {
    for (let n = 0; ; n += 1) {
      const answer = await this.send(TIMEOUT_MS, false, borrowDays);
      if (answer.kind !== 'none' || n + 1 >= tries || !isWanted()) return answer;
      const { retryAfterSeconds = 0 } = answer.error;
      const pauseMs = backoffMs(n, FIRST_PAUSE_MS, LONGEST_PAUSE_MS);
      await sleep(
        this.#deps.platform.clock,
        Math.max(pauseMs, Math.min(retryAfterSeconds * 1000, LONGEST_PAUSE_MS)),
      );
    }
  }

  /** Sends one request at a time: a seat that started offline sends its own. */
  send(timeoutMs: number, background: boolean, borrowDays?: number): Promise<Answer<Grant>> {
    const answer = this.#previous.then(() => this.#sendNow(timeoutMs, background, borrowDays));
    this.#previous = answer.catch(() => undefined);
    return answer;
  }

  #sendNow(timeoutMs: number, background: boolean, borrowDays: number | undefined): Promise<Answer<Grant>> {
    const { options, platform, server, identity } = this.#deps;
    const { licenseId, userId, appVersion, hostname = platform.hostname() } = options;
    return server.call('acquire', {
      body: {
        fingerprint: identity.fingerprint,
        license_id: licenseId,
        user_id: userId,
        process_id: this.#sendsProcess ? this.#processId : undefined,
        hostname: hostname || undefined,
        app_version: appVersion,
        borrow_days: borrowDays,
      },
      timeoutMs,
      background,
      read: (body) => {
        const grant = readGrant(body);
        return grant && isForRequest(grant, options) ? grant : undefined;
      },
    });
  }
}

/** Ids and keys contain the id of their license: a grant with another license's id does not answer this request. */
function isForRequest({ licenseId, sessionId }: Grant, options: SeatleaseOptions): boolean {
  const name = licenseId.replace(/^lic_/, '');
  return (
    sessionId.startsWith(`ses_${name}_`) &&
    (options.licenseId ?? licenseId) === licenseId &&
    (options.licenseKey ?? `slk_${name}_`).startsWith(`slk_${name}_`)
  );
}
