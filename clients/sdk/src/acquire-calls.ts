import { oneAtATime } from './backoff.ts';
import { digest } from './offline/bytes.ts';
import type { Grace } from './offline/grace.ts';
import type { SeatleaseOptions } from './options.ts';
import { type Grant, readGrant } from './parse-answers.ts';
import type { Platform } from './platform.ts';
import type { Answer, Server } from './server.ts';

/** Identifies the holder of the seat. */
export interface Identity {
  readonly fingerprint: string;
  /** Names what is stored for the holder. A digest: it reveals nothing. */
  readonly name: string;
}

export async function identify(
  { licenseKey, licenseId, userId, fingerprint }: SeatleaseOptions,
  platform: Platform,
): Promise<Identity> {
  const machine = fingerprint ?? (await platform.fingerprint());
  // Without the address: what is stored outlives a move of the server, and other spellings of its address.
  const name = await digest(licenseKey ?? String(licenseId), userId ?? '', machine);
  return { fingerprint: machine, name: `seat-${name.slice(0, 32)}` };
}

export interface AcquireDeps {
  readonly options: SeatleaseOptions;
  readonly platform: Platform;
  readonly server: Server;
  readonly fingerprint: string;
  readonly grace: Grace;
}

/** What one request asks for. */
export interface AcquireRequest {
  /** Names this program's hold on the seat: the same in every retry. */
  readonly instanceId: string;
  readonly borrowDays?: number | undefined;
  readonly timeoutMs: number;
  readonly background: boolean;
  readonly signal?: AbortSignal | undefined;
}

export type SendAcquire = (request: AcquireRequest) => Promise<Answer<Grant>>;

/** Sends requests for seats of this program, one at a time: a seat that started offline sends its own. */
export function acquireCalls({ options, platform, server, fingerprint, grace }: AcquireDeps): SendAcquire {
  const inTurn = oneAtATime();
  const { licenseId, userId, appVersion } = options;
  const { processId = platform.processId, hostname = platform.hostname() } = options;

  async function send({ instanceId, borrowDays, ...sending }: AcquireRequest) {
    const offlineSince = await grace.offlineSince();
    const answer = await server.call('acquire', {
      body: {
        fingerprint,
        instance_id: instanceId,
        license_id: licenseId,
        user_id: userId,
        process_id: processId,
        hostname: hostname || undefined,
        app_version: appVersion,
        borrow_days: borrowDays,
        offline_since: offlineSince?.toISOString(),
      },
      ...sending,
      read: (body) => {
        const grant = readGrant(body);
        return grant && isForRequest(grant, options) ? grant : undefined;
      },
    });
    if (!answer.error) {
      if (offlineSince) grace.reported();
      grace.observe(answer.sentAtMs, answer.body.serverMs);
    }
    return answer;
  }

  return (request) => inTurn(() => send(request));
}

/** Ids and keys contain the id of their license: a proxy may mix up answers, also of servers that send no X-Request-Id. */
function isForRequest({ licenseId, sessionId }: Grant, options: SeatleaseOptions): boolean {
  const name = licenseId.slice('lic_'.length);
  return (
    sessionId.startsWith(`ses_${name}_`) &&
    (options.licenseId ?? licenseId) === licenseId &&
    (options.licenseKey ?? `slk_${name}_`).startsWith(`slk_${name}_`)
  );
}
