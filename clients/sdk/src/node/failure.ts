import { isLoopback } from '../options.ts';

/** Why no answer came, in a few words; system error codes are kept for searching. */
export function describeFailure(error: unknown, url: URL): string {
  const { code, message } = partsOf(error);
  if (code === 'ECONNREFUSED') return `connection refused.${hintFor(url)}`;
  return `${reasonOf(code, message)}.`;
}

function reasonOf(code: string | undefined, message: string): string {
  switch (code) {
    case undefined:
      return message;
    case 'ENOTFOUND':
      return `the host name was not found (DNS, ${code})`;
    case 'EAI_AGAIN':
      return `the host name could not be looked up (DNS, ${code})`;
    case 'ECONNRESET':
    case 'EPIPE':
      return `the connection was closed (${code})`;
    case 'ETIMEDOUT':
      return `timed out while connecting (${code})`;
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
      return `the host cannot be reached (${code})`;
    default:
  }
  if (code.startsWith('HPE_')) return `the answer is not HTTP (${code})`;
  return isTls(code) ? `TLS failed: ${message} (${code})` : `${message} (${code})`;
}

/** Codes of Node's TLS and of OpenSSL's certificate checks (https://nodejs.org/api/tls.html#x509-certificate-error-codes). */
function isTls(code: string): boolean {
  return (
    code === 'EPROTO' ||
    /^ERR_(TLS|SSL)_|CERT|CRL|^(INVALID_CA|PATH_LENGTH_EXCEEDED|INVALID_PURPOSE)$/.test(code)
  );
}

function hintFor({ hostname }: URL): string {
  return isLoopback(hostname) ? ' The local server is not running.' : '';
}

function partsOf(error: unknown): { readonly code: string | undefined; readonly message: string } {
  if (!(error instanceof Error)) return { code: undefined, message: String(error) };
  const code = 'code' in error && typeof error.code === 'string' ? error.code : undefined;
  // OpenSSL's message has the reason after the function: "…:SSL routines:tls_validate_record_header:wrong version number:…".
  const message = /:SSL routines:[^:]*:([^:]+)/.exec(error.message)?.[1] ?? error.message;
  return { code, message: message.replaceAll(/\s+/g, ' ').trim() };
}
