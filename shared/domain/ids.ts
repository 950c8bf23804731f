import { createHash } from 'node:crypto';
import { randomBytesOf } from './random.ts';

/**
 * Identifiers. Each contains its shard (two digits), and a session id contains its license, so that every Redis key can
 * be derived from an id alone, without a lookup. The random parts are lower-case Crockford base32: 5 bits a character,
 * no two characters that look alike, safe in URLs, file names and spreadsheets.
 */
const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz';
const WORD = `[${ALPHABET}]`;

const LICENSE_CHARACTERS = 16;
const SESSION_CHARACTERS = 16;
const SECRET_CHARACTERS = 32;
const EVENT_CHARACTERS = 26;
const SIGNATURE_CHARACTERS = 26;
const CHECKSUM_CHARACTERS = 7;

export const TENANT_ID = new RegExp(`^ten_\\d\\d_${WORD}{16}$`);
export const LICENSE_ID = new RegExp(`^lic_\\d\\d_${WORD}{16}$`);
export const SESSION_ID = new RegExp(`^ses_\\d\\d_${WORD}{16}_${WORD}{16}$`);
export const EVENT_ID = new RegExp(`^evt_\\d\\d_${WORD}{26}$`);
/** Of an event at Stripe. It is also the id of a document, so it is bounded. */
export const STRIPE_EVENT_ID = /^evt_\w{1,200}$/;
export const USER_ID = new RegExp(`^usr_${WORD}{16}$`);

/** Whether an id of an actor or a subject is a user's: operators can be users, tokens, or the bootstrap key. */
export function isUserId(id: string | null): id is string {
  return id !== null && USER_ID.test(id);
}
export const SIGN_IN_ID = new RegExp(`^sin_${WORD}{16}$`);
export const INVITATION_ID = new RegExp(`^inv_${WORD}{16}$`);
export const ERASURE_ID = new RegExp(`^era_${WORD}{16}$`);
export const OPERATOR_TOKEN_ID = new RegExp(`^opt_${WORD}{16}$`);
const LICENSE_KEY = new RegExp(`^slk_(\\d\\d_${WORD}{16})_${WORD}{32}$`);
const OPERATOR_TOKEN = new RegExp(`^(slo_(${WORD}{16})_${WORD}{32})(${WORD}{7})$`);

/**
 * A new tenant id. `shards` (1 to 100) is fixed at the first deploy: it determines where a tenant's keys are stored.
 */
export function newTenantId(shards: number): string {
  const name = randomWord(LICENSE_CHARACTERS);
  const shard = createHash('sha256').update(name).digest().readUInt32BE(0) % shards;
  return `ten_${String(shard).padStart(2, '0')}_${name}`;
}

/** A new license id, in its tenant's shard. */
export function newLicenseId(tenantId: string): string {
  return `lic_${shardOf(tenantId)}_${randomWord(LICENSE_CHARACTERS)}`;
}

/** A new session id: 80 random bits within its license. */
export function newSessionId(licenseId: string): string {
  return `ses_${licenseId.slice(4)}_${randomWord(SESSION_CHARACTERS)}`;
}

/** The session id with these 16 bytes: the same bytes give the same id. */
export function sessionIdOf(licenseId: string, bytes: Uint8Array): string {
  return `ses_${licenseId.slice(4)}_${wordOf(bytes.subarray(0, SESSION_CHARACTERS))}`;
}

/** A new id that belongs to no shard: of a user, a sign-in, an invitation, an erasure or an operator token. */
export function newPersonalId(kind: 'usr' | 'sin' | 'inv' | 'era' | 'opt'): string {
  return `${kind}_${randomWord(16)}`;
}

/** A new `jti` of a signed license. */
export function newSignatureId(): string {
  return `sig_${randomWord(SIGNATURE_CHARACTERS)}`;
}

/** 160 random bits, for secrets. */
export function newSecretWord(): string {
  return randomWord(SECRET_CHARACTERS);
}

/** A new license key: the license's id and 160 random bits. Returned once; only its `hashSecret` is stored. */
export function newLicenseKey(licenseId: string): string {
  return `slk_${licenseId.slice(4)}_${randomWord(SECRET_CHARACTERS)}`;
}

/**
 * A new operator token: its id, 160 random bits and a checksum. Returned once; only its `hashSecret` is stored. Scanners
 * for leaked secrets know a token by its prefix and checksum, without asking us
 * (https://github.blog/2021-04-05-behind-githubs-new-authentication-token-formats/), and a mistyped one costs no lookup.
 */
export function newOperatorToken(tokenId: string): string {
  const body = `slo_${tokenId.slice(4)}_${randomWord(SECRET_CHARACTERS)}`;
  return body + checksumOf(body);
}

/** The id of an operator token, or `undefined` if the text does not have the form of one, or its checksum is wrong. */
export function idOfOperatorToken(token: string): string | undefined {
  const [, body = '', word, checksum] = OPERATOR_TOKEN.exec(token) ?? [];
  return word !== undefined && checksum === checksumOf(body) ? `opt_${word}` : undefined;
}

/**
 * The id of the event with this `content`: 130 bits of its SHA-256. A duplicate of an event, even from a Redis restored
 * from an older copy, has the same id and so is recorded once.
 */
export function eventIdOf(licenseId: string, content: string): string {
  const hash = createHash('sha256').update(content).digest();
  return `evt_${shardOf(licenseId)}_${wordOf(hash.subarray(0, EVENT_CHARACTERS))}`;
}

/** The license that a session belongs to. */
export function licenseOfSession(sessionId: string): string {
  return `lic_${sessionId.slice(4, 4 + 3 + LICENSE_CHARACTERS)}`;
}

/** The license of a key, or `undefined` if the text does not have the form of a key. */
export function licenseOfKey(key: string): string | undefined {
  const match = LICENSE_KEY.exec(key);
  return match ? `lic_${match[1]}` : undefined;
}

/**
 * How license keys and other generated secrets are stored: SHA-256, base64url. A slow password hash adds nothing: a
 * secret is 160 random bits, not chosen by a user (OWASP Password Storage Cheat Sheet: slow hashes make up for
 * guessable secrets).
 */
export function hashSecret(secret: string): string {
  return createHash('sha256').update(secret).digest('base64url');
}

/** The two digits of every shard. */
export function allShards(shards: number): string[] {
  return Array.from({ length: shards }, (_, n) => String(n).padStart(2, '0'));
}

/** The two digits of an id's shard, for any kind of id that has one. */
export function shardOf(id: string): string {
  return id.slice(4, 6);
}

/** 35 bits of the SHA-256. */
function checksumOf(text: string): string {
  return wordOf(createHash('sha256').update(text).digest().subarray(0, CHECKSUM_CHARACTERS));
}

function randomWord(characters: number): string {
  return wordOf(randomBytesOf(characters));
}

function wordOf(bytes: Uint8Array): string {
  let word = '';
  // 256 is a multiple of 32, so the remainder keeps every character equally likely.
  for (const byte of bytes) word += ALPHABET[byte % ALPHABET.length];
  return word;
}
