import { hashLicenseKey, licenseOfKey } from '../domain/ids.ts';
import type { Deps } from '../ports/deps.ts';
import type { Caller, Refusal } from './contract.ts';

/** Longer than any credential that we give out; more is not worth hashing. */
const LONGEST_HEADER_CHARACTERS = 4096;

/**
 * The caller that an `Authorization` header names (RFC 9110 section 11.6.2), or why it is refused. A license key is
 * only taken apart here: the seat scripts prove it in the same step as the work. Every other credential is proven now.
 */
export function authenticate(
  header: string | undefined,
  accepted: readonly Caller['kind'][],
  deps: Deps,
): Caller | Refusal<'AUTHENTICATION_REQUIRED' | 'CREDENTIALS_INVALID' | 'FORBIDDEN'> {
  const optional = accepted.includes('anyone');
  if (optional && (header === undefined || accepted.length === 1)) return { kind: 'anyone' };
  const caller = readCaller(header, deps);
  if ('problem' in caller) return caller;
  if (!accepted.some((kind) => kind === caller.kind)) {
    return { problem: 'FORBIDDEN', detail: `This endpoint takes ${describeSchemes(accepted)}.` };
  }
  return caller;
}

function readCaller(
  header: string | undefined,
  deps: Deps,
): Caller | Refusal<'AUTHENTICATION_REQUIRED' | 'CREDENTIALS_INVALID'> {
  if (header === undefined || header.length > LONGEST_HEADER_CHARACTERS)
    return { problem: 'AUTHENTICATION_REQUIRED' };
  const [, scheme = '', secret = ''] = /^(\S+) +(\S+)$/.exec(header) ?? [];
  switch (scheme.toLowerCase()) {
    case 'license': {
      const licenseId = licenseOfKey(secret);
      if (!licenseId) return { problem: 'CREDENTIALS_INVALID', because: 'not of the form of a license key' };
      return { kind: 'license', licenseId, proof: { kind: 'license-key', keyHash: hashLicenseKey(secret) } };
    }
    case 'operator':
      if (!deps.isOperatorKey(secret))
        return { problem: 'CREDENTIALS_INVALID', because: 'wrong operator key' };
      return { kind: 'operator', proof: { kind: 'trusted' } };
    default:
      return { problem: 'AUTHENTICATION_REQUIRED' };
  }
}

const SCHEMES = { license: 'License', operator: 'Operator' } as const;

/** The `WWW-Authenticate` value of a 401 (RFC 9110 section 11.6.1). */
export function challenge(accepted: readonly Caller['kind'][]): string {
  return schemesOf(accepted)
    .map((scheme) => `${scheme} realm="seatlease"`)
    .join(', ');
}

function describeSchemes(accepted: readonly Caller['kind'][]): string {
  return schemesOf(accepted)
    .map((scheme) => `"${scheme} <key>"`)
    .join(' or ');
}

function schemesOf(accepted: readonly Caller['kind'][]): string[] {
  return accepted.flatMap((kind) => (kind === 'anyone' ? [] : [SCHEMES[kind]]));
}
