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
  /** Names what is stored for the holder. A digest: it reveals nothing. */
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

/** What one request asks for. */
export interface AcquireRequest {
  /** Names this program's hold on the seat: the same in every retry. */
  readonly instanceId: string;
  readonly borrowDays?: number | undefined;
}

/** Acquires seats for this program. */
export class AcquireCalls {
  readonly #deps: AcquireCallsDeps;
  #previous: Promise<unknown> = Promise.resolve();

  constructor(deps: AcquireCallsDeps) {
    this.#deps = deps;
  }

  /** Sends until there is an answer, at most `tries` times, as long as a caller wants it. */
  async sendUntilAnswered(
    request: AcquireRequest,
    tries: number,
    isWanted: () => boolean,
  ): Promise<Answer<Grant>> {
    for (let n = 0; ; n += 1) {
      const answer = await this.send(TIMEOUT_MS, false, request);
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
  send(timeoutMs: number, background: boolean, request: AcquireRequest): Promise<Answer<Grant>> {
    const answer = this.#previous.then(() => this.#sendNow(timeoutMs, background, request));
    this.#previous = answer.catch(() => undefined);
    return answer;
  }

  #sendNow(timeoutMs: number, background: boolean, request: AcquireRequest): Promise<Answer<Grant>> {
    const { options, platform, server, identity } = this.#deps;
    const { licenseId, userId, appVersion } = options;
    const { processId = platform.processId, hostname = platform.hostname() } = options;
    return server.call('acquire', {
      body: {
        fingerprint: identity.fingerprint,
        instance_id: request.instanceId,
        license_id: licenseId,
        user_id: userId,
        process_id: processId,
        hostname: hostname || undefined,
        app_version: appVersion,
        borrow_days: request.borrowDays,
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
