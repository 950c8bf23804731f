import { Resolver } from 'node:dns/promises';
import { Unavailable } from '../../errors.ts';
import type { Dns } from '../../ports/dns.ts';

const TIMEOUT_MS = 2_000;
const TRIES = 2;

/** The name does not exist, or has no TXT record (https://nodejs.org/api/dns.html#error-codes). */
const NO_RECORD: readonly unknown[] = ['ENOTFOUND', 'ENODATA'];

/** Asks `servers` (`host` or `host:port`), or those of the machine if there are none. It asks anew each time. */
export function openDns(servers: readonly string[], timeout = TIMEOUT_MS): Dns {
  return {
    async texts(name) {
      const resolver = new Resolver({ timeout, tries: TRIES });
      if (servers.length > 0) resolver.setServers(servers);
      try {
        // A text longer than 255 bytes arrives in parts (RFC 1035 section 3.3.14).
        return (await resolver.resolveTxt(name)).map((parts) => parts.join(''));
      } catch (error) {
        const code = error instanceof Error && 'code' in error ? error.code : undefined;
        if (NO_RECORD.includes(code)) return [];
        throw new Unavailable('dns', `the TXT records could not be read: ${String(code)}`, { cause: error });
      }
    },
  };
}
