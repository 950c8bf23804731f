import * as z from 'zod/mini';
import { hashSecret, newSecretWord } from './ids.ts';
import { randomBytesOf } from './random.ts';
import type { Sealer } from './sealed.ts';

/** The user must finish on the other device within this time (RFC 8628 section 3.2). */
export const DEVICE_SECONDS = 900;
/** The shortest time between two questions of a device. */
export const DEVICE_INTERVAL_SECONDS = 5;
/**
 * How many codes one user can try (RFC 8628 section 5.1): at most 50 while a code is valid, of 20^8. Counted by user, because
 * callers of Hosting share addresses.
 */
export const CODES_TO_TRY = { requests: 20, windowSeconds: 600 };
/** Lets a device ask twice in a row, so that an early question does not slow it down. */
export const DEVICE_PACE = { requests: 2, windowSeconds: 2 * DEVICE_INTERVAL_SECONDS };
/** A device that got no answer to its last question can ask again for this long. */
const RETRY_SECONDS = 60;

/** RFC 8628 section 6.1: no vowels, so that no words arise, and no characters that look alike. 20^8 codes are 34 bits. */
const USER_CODE_ALPHABET = 'BCDFGHJKLMNPQRSTVWXZ';
const USER_CODE_CHARACTERS = 8;

/** A sign-in that a device without a browser has asked for (RFC 8628). It holds neither of its codes. */
export const DeviceSignInSchema = z.object({
  /** A pseudonym of the user code: too few codes exist for a bare hash. */
  deviceSignInId: z.string(),
  /** Hash of the secret part of the device code. */
  secretHash: z.string(),
  clientId: z.string(),
  status: z.enum(['pending', 'allowed', 'denied']),
  /** Who allowed it. */
  userId: z.nullable(z.string()),
  /** The sign-in that the device got. */
  usedFor: z.nullable(z.string()),
  expiresAtMs: z.int(),
});
export type DeviceSignIn = z.infer<typeof DeviceSignInSchema>;

export function newUserCode(): string {
  let code = '';
  while (code.length < USER_CODE_CHARACTERS) {
    // Of 256 bytes, 240 give each of 20 characters equally often.
    for (const byte of randomBytesOf(16)) {
      if (byte < 240 && code.length < USER_CODE_CHARACTERS) code += USER_CODE_ALPHABET[byte % 20];
    }
  }
  return withHyphen(code);
}

/** The code that the user typed, in the form of `newUserCode`; `undefined` if it cannot be one (RFC 8628 section 6.1). */
export function readUserCode(typed: string): string | undefined {
  const letters = typed.toUpperCase().replaceAll(/[^A-Z0-9]/g, '');
  return new RegExp(`^[${USER_CODE_ALPHABET}]{${USER_CODE_CHARACTERS}}$`).test(letters)
    ? withHyphen(letters)
    : undefined;
}

function withHyphen(letters: string): string {
  return `${letters.slice(0, 4)}-${letters.slice(4)}`;
}

/** A new request of a device, and the code that it asks with. */
export function beginDeviceSignIn(
  deviceSignInId: string,
  clientId: string,
  nowMs: number,
): { readonly document: DeviceSignIn; readonly deviceCode: string } {
  const secret = newSecretWord();
  return {
    deviceCode: `${deviceSignInId}.${secret}`,
    document: {
      deviceSignInId,
      secretHash: hashSecret(secret),
      clientId,
      status: 'pending',
      userId: null,
      usedFor: null,
      expiresAtMs: nowMs + DEVICE_SECONDS * 1000,
    },
  };
}

/** The parts of a device code, if it has the form of one. */
export function readDeviceCode(
  code: string,
): { readonly deviceSignInId: string; readonly secretHash: string } | undefined {
  const [, deviceSignInId = '', secret = ''] = /^([\w-]{22})\.([0-9a-z]{32})$/.exec(code) ?? [];
  return secret === '' ? undefined : { deviceSignInId, secretHash: hashSecret(secret) };
}

/**
 * Whether a device that already got a sign-in may have it again: the answer may have been lost. Later, the code counts as
 * stolen, like any code that is used twice (RFC 6749 section 4.1.2).
 */
export function isDeviceRetry(
  signIn: { readonly generation: number; readonly revoked: unknown; readonly createdAtMs: number },
  nowMs: number,
): boolean {
  return (
    signIn.revoked === null && signIn.generation === 1 && nowMs - signIn.createdAtMs < RETRY_SECONDS * 1000
  );
}

/** What the consent page sends back: which user decides about which device. */
const TicketSchema = z.object({
  consent: z.object({ userCode: z.string(), userId: z.string(), expiresAtMs: z.int() }),
});
export type Ticket = z.infer<typeof TicketSchema>['consent'];

export function sealTicket(sealer: Sealer, consent: Ticket): string {
  return sealer.seal(JSON.stringify({ consent }));
}

export function openTicket(sealer: Sealer, ticket: string, nowMs: number): Ticket | undefined {
  const sealed = sealer.open(ticket);
  const read = sealed === undefined ? undefined : z.safeParse(TicketSchema, JSON.parse(sealed)).data;
  return read && nowMs < read.consent.expiresAtMs ? read.consent : undefined;
}
