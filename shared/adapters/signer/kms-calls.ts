import { createHash } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { KeyManagementServiceClient } from '@google-cloud/kms';
import crc32c from 'crc-32/crc32c.js';
import * as z from 'zod/mini';
import { Unavailable } from '../../errors.ts';

export interface KmsOptions {
  /** Resource name of the version that signs: `projects/…/cryptoKeyVersions/<number>`. */
  readonly keyVersion: string;
  /** How to reach a server in place of Cloud KMS. */
  readonly client?: ConstructorParameters<typeof KeyManagementServiceClient>[0];
  /** How long a call may take, its repetitions included: 5 s where absent. */
  readonly withinMs?: number | undefined;
}

const USUALLY_WITHIN_MS = 5_000;
const MOST_ATTEMPTS = 3;
const PAUSE_MS = 100;

/** gRPC's status codes by the names that operators look them up by. */
const WORDS: ReadonlyMap<number, string> = new Map([
  [1, 'CANCELLED'],
  [2, 'UNKNOWN'],
  [3, 'INVALID_ARGUMENT'],
  [4, 'DEADLINE_EXCEEDED'],
  [5, 'NOT_FOUND'],
  [7, 'PERMISSION_DENIED'],
  [8, 'RESOURCE_EXHAUSTED'],
  [9, 'FAILED_PRECONDITION'],
  [10, 'ABORTED'],
  [13, 'INTERNAL'],
  [14, 'UNAVAILABLE'],
  [16, 'UNAUTHENTICATED'],
]);

export const RESOURCE_EXHAUSTED = 8;

/** Those that the next moment may mend. An exhausted quota is not one: asking again makes it worse. */
const RETRIED: ReadonlySet<number> = new Set([1, 2, 10, 13, 14]);

const RpcFailure = z.object({ code: z.number(), details: z.optional(z.string()) });

/** An answer that was changed on its way, or is to another question. */
export class Spoiled extends Error {
  override readonly name = 'Spoiled';
}

/** What KMS answered in place of what was asked for. */
export class Refused extends Unavailable {
  readonly code: number;

  constructor(code: number, cause: unknown) {
    super('signing', `Cloud KMS answers ${WORDS.get(code) ?? code}`, { cause });
    this.code = code;
  }
}

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

/** The SDK is loaded and the connection made by the first call: opening costs nothing. */
export function openKmsCalls({ client: settings, withinMs = USUALLY_WITHIN_MS }: KmsOptions): KmsCalls {
  let connection: Promise<KeyManagementServiceClient> | undefined;

  return {
    async ask(call, isRepeatable = true) {
      const deadlineMs = performance.now() + withinMs;
      connection ??= connect(settings);
      const client = await connection;
      for (let attempt = 1; ; attempt += 1) {
        try {
          // The SDK's own repetitions would go on for ten minutes.
          return await call(client, { timeout: Math.max(1, deadlineMs - performance.now()), retry: null });
        } catch (error) {
          const isLast = !isRepeatable || attempt === MOST_ATTEMPTS;
          const pauseMs = PAUSE_MS * attempt;
          const isLate = performance.now() + pauseMs >= deadlineMs;
          if (isLast || isLate || !isWorthRepeating(error)) throw asUnavailable(error);
          await delay(pauseMs);
        }
      }
    },
    async close() {
      if (connection) await (await connection).close();
    },
  };
}

async function connect(settings: KmsOptions['client']): Promise<KeyManagementServiceClient> {
  const { KeyManagementServiceClient: Client } = await import('@google-cloud/kms');
  return new Client(settings);
}

function isWorthRepeating(error: unknown): boolean {
  return error instanceof Spoiled || RETRIED.has(z.safeParse(RpcFailure, error).data?.code ?? -1);
}

function asUnavailable(error: unknown): unknown {
  if (error instanceof Spoiled) return new Unavailable('signing', error.message, { cause: error });
  const { data } = z.safeParse(RpcFailure, error);
  return data ? new Refused(data.code, error) : error;
}

/** The key that a version belongs to. */
export function keyOf(keyVersion: string): string {
  return keyVersion.split('/cryptoKeyVersions/')[0] ?? '';
}

export function numberOf(keyVersion: string): number {
  return Number(keyVersion.split('/').at(-1));
}

/**
 * Follows from the resource name, so that it is known without asking: Cloud KMS never gives a name to a second version
 * (https://cloud.google.com/kms/docs/object-hierarchy, "Resource names").
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
