import { createHmac } from 'node:crypto';
import { newSessionId, sessionIdOf } from './ids.ts';
import type { SessionFacts } from './session.ts';

/** Turns a client's identifiers into the ids that its seat and its session have in the seat store. */
export interface Pseudonyms {
  /** The pseudonym that a seat is counted by. `what` keeps machines, users and processes distinct. */
  holder(licenseId: string, what: 'machine' | 'user' | 'process', ...identifiers: readonly string[]): string;
  /** The same identifiers always give the same session id. */
  session(licenseId: string, ...identifiers: readonly string[]): string;
}

/** 72 bits: Redis stores a pseudonym twice per session, and it only has to distinguish the holders of one license. */
const HOLDER_CHARACTERS = 12;
const PSEUDONYM_CHARACTERS = 22;

/**
 * Pseudonyms under `key`: 72 bits of HMAC-SHA256, base64url. In a license with a million holders, the chance that any
 * two have the same pseudonym is 1 in 9 billion, and a user who wants to share a seat can simply send the same
 * fingerprint. Keyed, because fingerprints and user names can be guessed, and a bare hash would reveal them. Per
 * license, so that two customers' data cannot be joined. With a new key every running client counts as another holder
 * for one TTL, so set the key once.
 */
export function pseudonyms(key: string): Pseudonyms {
  const hmacOf = (...words: readonly string[]) => createHmac('sha256', key).update(JSON.stringify(words));
  return {
    holder: (licenseId, what, ...identifiers) =>
      hmacOf(licenseId, what, ...identifiers)
        .digest('base64url')
        .slice(0, HOLDER_CHARACTERS),
    session: (licenseId, ...identifiers) =>
      sessionIdOf(licenseId, hmacOf(licenseId, 'session', ...identifiers).digest()),
  };
}

/** A program that asks for a seat. */
export interface Program {
  readonly facts: SessionFacts;
  /** Names one start of the program; absent for clients that do not name themselves. */
  readonly instanceId?: string | undefined;
  /** Whether `facts.userId` was proved by signing in, not just claimed. */
  readonly isSignedIn: boolean;
}

/**
 * The ids of a program in the seat store. A machine or process of a signed-in user belongs to that user alone, so another
 * user who sends the same fingerprint never gets the session. Without a process id, each instance counts as a
 * process.
 */
export function identityOf(program: Program, licenseId: string, { holder, session }: Pseudonyms) {
  const { facts, instanceId, isSignedIn } = program;
  const { fingerprint, userId, processId } = facts;
  const owner = isSignedIn && userId !== undefined ? [userId] : [];
  const machine = holder(licenseId, 'machine', fingerprint, ...owner);
  const process = processId ?? instanceId;
  return {
    machine,
    holders: {
      machine,
      user: userId === undefined ? undefined : holder(licenseId, 'user', userId),
      process:
        process === undefined ? undefined : holder(licenseId, 'process', fingerprint, process, ...owner),
    },
    ...(instanceId === undefined
      ? { kind: 'machine' as const, sessionId: newSessionId(licenseId) }
      : {
          kind: 'instance' as const,
          sessionId: session(licenseId, machine, userId ?? '', processId ?? '', instanceId),
        }),
  };
}

/** A one-way, repeatable pseudonym for a value that must not be stored. */
export type PseudonymOf = (
  kind: 'account' | 'address' | 'device' | 'email' | 'idempotency' | 'trial',
  text: string,
) => string;

/**
 * Pseudonyms of 132 bits, for values that belong to no license: an account at the sign-in provider, a network address, a
 * code that a user types, what a trial was granted to, the `Idempotency-Key` of a request, an e-mail address. `kind` keeps
 * their pseudonyms distinct from each other and from holders'.
 */
export function pseudonymsOf(key: string): PseudonymOf {
  return (kind, text) =>
    createHmac('sha256', key).update(`${kind} ${text}`).digest('base64url').slice(0, PSEUDONYM_CHARACTERS);
}
