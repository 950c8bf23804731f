import { createHash } from 'node:crypto';
import type { KeyManagementServiceClient } from '@google-cloud/kms';
import crc32c from 'crc-32/crc32c.js';
import { Unavailable } from '../../errors.ts';
import { OWN_CONNECTION, openConnection, withCredentials } from '../grpc/connection.ts';
import { type AttemptOptions, retry } from '../grpc/retry.ts';
import { hasStatus, STATUS, statusName, statusOf } from '../grpc/status.ts';

type KmsClientSettings = ConstructorParameters<typeof KeyManagementServiceClient>[0];

export interface KmsOptions {
  /** Resource name of the version that signs: `projects/…/cryptoKeyVersions/<number>`. */
  readonly keyVersion: string;
  /** How to reach a server in place of Cloud KMS. */
  readonly client?: KmsClientSettings;
  /**
   * How long a call may take, its repetitions included: 5 s where absent. What the first one takes to load the SDK and
   * find credentials comes on top: on the small processor of a function that alone may last seconds.
   */
  readonly withinMs?: number | undefined;
}

const USUALLY_WITHIN_MS = 5_000;
const MOST_ATTEMPTS = 3;

/** Those that the next moment may mend. An exhausted quota is not one: asking again makes it worse. */
const RETRIED: readonly number[] = [
  STATUS.CANCELLED,
  STATUS.UNKNOWN,
  STATUS.ABORTED,
  STATUS.INTERNAL,
  STATUS.UNAVAILABLE,
];

/** Perhaps nobody is at the other end any more. */
const LOST: readonly number[] = [STATUS.DEADLINE_EXCEEDED, STATUS.UNAVAILABLE];

/** An answer that was changed on its way, or is to another question. */
export class Spoiled extends Error {
  override readonly name = 'Spoiled';
}

/** What KMS answered in place of what was asked for: any status, as a caller can do nothing about one of them. */
export class Refused extends Unavailable {
  readonly status: number;

  constructor(status: number, cause: unknown) {
    super('signing', `Cloud KMS answers ${statusName(status)}`, { cause });
    this.status = status;
  }
}

export interface KmsCalls {
  /**
   * Asks, and asks again where the answer is `Spoiled` or the next moment may mend it, three times in all. Throws
   * `Refused`, or another `Unavailable`. `isRepeatable` false: once, as asking twice would do it twice.
   */
  ask<R>(
    call: (client: KeyManagementServiceClient, options: AttemptOptions) => Promise<R>,
    isRepeatable?: boolean,
  ): Promise<R>;
  close(): Promise<void>;
}

export function openKmsCalls({ client: settings, withinMs = USUALLY_WITHIN_MS }: KmsOptions): KmsCalls {
  const connection = openConnection({
    open: () => openClient(settings),
    end: (client) => client.close(),
    isLost: (error) => hasStatus(error, LOST),
    asUnavailable,
  });
  return {
    ask: (call, isRepeatable = true) =>
      connection.use((client) => {
        const deadlineMs = performance.now() + withinMs;
        const mostAttempts = isRepeatable ? MOST_ATTEMPTS : 1;
        return retry({ deadlineMs, isRetried, mostAttempts }, (options) => call(client, options));
      }),
    close: () => connection.close(),
  };
}

async function openClient(settings: KmsClientSettings): Promise<KeyManagementServiceClient> {
  const { KeyManagementServiceClient: Client } = await import('@google-cloud/kms');
  return withCredentials('signing', 'Cloud KMS', new Client({ ...settings, ...OWN_CONNECTION }));
}

function isRetried(error: unknown): boolean {
  return error instanceof Spoiled || hasStatus(error, RETRIED);
}

/** What is no failure of a call, a fault of ours, stays what it is. */
function asUnavailable(error: unknown): unknown {
  if (error instanceof Spoiled) return new Unavailable('signing', error.message, { cause: error });
  const status = statusOf(error);
  return status === undefined ? error : new Refused(status, error);
}

/** The key that a version belongs to. */
export function keyOf(keyVersion: string): string {
  return keyVersion.split('/cryptoKeyVersions/')[0] ?? '';
}

export function numberOf(keyVersion: string): number {
  return Number(keyVersion.split('/').at(-1));
}

/**
 * Follows from the resource name, so that it is known without asking: versions of a key are counted on, and Cloud KMS
 * gives the name of a key that was deleted to no other one (https://cloud.google.com/kms/docs/delete-kms-resources).
 */
export function keyIdOf(keyVersion: string): string {
  const hash = createHash('sha256').update(keyVersion).digest('base64url').slice(0, 16);
  return `v${numberOf(keyVersion)}-${hash}`;
}

/** CRC32C (RFC 3720 appendix B.4), as KMS states it: without a sign. */
export function checksumOf(bytes: Uint8Array): number {
  return crc32c.buf(bytes) >>> 0;
}

/** Throws `Spoiled` unless `bytes` are those that the checksum was made of. KMS sends it as a 64-bit number. */
export function checkSum(
  what: string,
  bytes: Uint8Array,
  stated: { value?: unknown } | null | undefined,
): void {
  if (String(stated?.value) !== String(checksumOf(bytes))) {
    throw new Spoiled(`the checksum of ${what} is another one`);
  }
}
