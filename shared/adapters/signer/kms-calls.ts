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
  /** How to reach another server than Cloud KMS. */
  readonly client?: KmsClientSettings;
  /**
   * How long a call may take, including retries: 5 s if absent. The first call also loads the SDK and finds
   * credentials, which is not included: on a function's small processor that alone can take seconds.
   */
  readonly withinMs?: number | undefined;
  /** The default of `retry` if absent. */
  readonly firstPauseMs?: number | undefined;
}

const DEFAULT_TIMEOUT_MS = 5_000;
const MAX_ATTEMPTS = 3;

/** Statuses worth an immediate retry. An exhausted quota is not: a retry makes it worse. */
const RETRIED: readonly number[] = [
  STATUS.CANCELLED,
  STATUS.UNKNOWN,
  STATUS.ABORTED,
  STATUS.INTERNAL,
  STATUS.UNAVAILABLE,
];

/** Statuses after which the connection may be lost. */
const LOST: readonly number[] = [STATUS.DEADLINE_EXCEEDED, STATUS.UNAVAILABLE];

/** A response that was corrupted in transit, or belongs to another request. */
export class CorruptResponse extends Error {
  override readonly name = 'CorruptResponse';
}

/** KMS failed with some status; callers handle all of them alike. */
export class Refused extends Unavailable {
  readonly status: number;

  constructor(status: number, cause: unknown) {
    super('signing', `Cloud KMS failed with ${statusName(status)}`, { cause });
    this.status = status;
  }
}

export interface KmsCalls {
  /**
   * Calls KMS, at most three times: a corrupt response and temporary failures are retried. Throws `Refused`, or another
   * `Unavailable`. With `isRepeatable` false it calls once, because a second call would repeat the effect.
   */
  ask<R>(
    call: (client: KeyManagementServiceClient, options: AttemptOptions) => Promise<R>,
    isRepeatable?: boolean,
  ): Promise<R>;
  close(): Promise<void>;
}

export function openKmsCalls({
  client: settings,
  withinMs = DEFAULT_TIMEOUT_MS,
  firstPauseMs,
}: KmsOptions): KmsCalls {
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
        const mostAttempts = isRepeatable ? MAX_ATTEMPTS : 1;
        return retry({ deadlineMs, isRetried, mostAttempts, firstPauseMs }, (options) =>
          call(client, options),
        );
      }),
    close: () => connection.close(),
  };
}

async function openClient(settings: KmsClientSettings): Promise<KeyManagementServiceClient> {
  const { KeyManagementServiceClient: Client } = await import('@google-cloud/kms');
  return withCredentials('signing', 'Cloud KMS', new Client({ ...settings, ...OWN_CONNECTION }));
}

function isRetried(error: unknown): boolean {
  return error instanceof CorruptResponse || hasStatus(error, RETRIED);
}

/** An error that is not a failed call, such as a bug of ours, is returned unchanged. */
function asUnavailable(error: unknown): unknown {
  if (error instanceof CorruptResponse) return new Unavailable('signing', error.message, { cause: error });
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
 * Derived from the resource name, so that no request is needed. It is unique: versions of a key are numbered
 * consecutively, and Cloud KMS never reuses the name of a deleted key
 * (https://cloud.google.com/kms/docs/delete-kms-resources).
 */
export function keyIdOf(keyVersion: string): string {
  const hash = createHash('sha256').update(keyVersion).digest('base64url').slice(0, 16);
  return `v${numberOf(keyVersion)}-${hash}`;
}

/** CRC32C (RFC 3720 appendix B.4), unsigned, as KMS sends it. */
export function checksumOf(bytes: Uint8Array): number {
  return crc32c.buf(bytes) >>> 0;
}

/** Throws `CorruptResponse` unless the checksum matches `bytes`. KMS sends it as a 64-bit number. */
export function verifyChecksum(
  what: string,
  bytes: Uint8Array,
  stated: { value?: unknown } | null | undefined,
): void {
  if (String(stated?.value) !== String(checksumOf(bytes))) {
    throw new CorruptResponse(`the checksum of ${what} does not match`);
  }
}
