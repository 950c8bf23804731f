import { createHash } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { KeyManagementServiceClient } from '@google-cloud/kms';
import crc32c from 'crc-32/crc32c.js';
import { type KmsClientSettings, openKmsConnection } from './kms-connection.ts';
import { asUnavailable, isWorthRepeating, Spoiled } from './kms-failures.ts';

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
const PAUSE_MS = 100;

export interface KmsCalls {
  /**
   * Asks, and asks again where the answer is `Spoiled` or the next moment may mend it, three times in all. Throws
   * `Refused`, or another `Unavailable`. `isRepeatable` false: once, as asking twice would do it twice.
   */
  ask<R>(
    call: (client: KeyManagementServiceClient, limits: { timeout: number; retry: null }) => Promise<R>,
    isRepeatable?: boolean,
  ): Promise<R>;
  close(): Promise<void>;
}

export function openKmsCalls({ client: settings, withinMs = USUALLY_WITHIN_MS }: KmsOptions): KmsCalls {
  const connection = openKmsConnection(settings);
  return {
    async ask(call, isRepeatable = true) {
      const mostAttempts = isRepeatable ? MOST_ATTEMPTS : 1;
      try {
        return await connection.use((client) =>
          repeat(mostAttempts, performance.now() + withinMs, (timeout) =>
            call(client, { timeout, retry: null }),
          ),
        );
      } catch (error) {
        throw asUnavailable(error);
      }
    },
    close: () => connection.close(),
  };
}

/** In place of the SDK's own repetitions, which would go on for ten minutes. */
async function repeat<R>(
  mostAttempts: number,
  deadlineMs: number,
  call: (timeoutMs: number) => Promise<R>,
): Promise<R> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await call(Math.max(1, deadlineMs - performance.now()));
    } catch (error) {
      const pauseMs = PAUSE_MS * attempt;
      const isLast = attempt === mostAttempts || performance.now() + pauseMs >= deadlineMs;
      if (isLast || !isWorthRepeating(error)) throw error;
      await delay(pauseMs);
    }
  }
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
