import type { Ask } from './load.ts';
import type { Peer } from './peer.ts';

const NODE = '/v1/nodes/';

/**
 * Keygen Relay by its public HTTP API (https://keygen.sh/docs/relay/, "Claim license" and "Release license"): a node
 * claims a license with PUT and is answered 201, extends its claim with another PUT and is answered 202, and releases it
 * with DELETE and is answered 204. It is not told who asks: any node may.
 */
export function keygenRelay(url: string): Peer {
  const ask = (verb: Ask['verb'], method: Ask['method'], machine: string, status: number): Ask => ({
    verb,
    method,
    url: new URL(`${NODE}${encodeURIComponent(machine)}`, url).href,
    expected: [status],
  });
  return {
    name: 'Keygen Relay',
    acquire: (machine) => ask('acquire', 'PUT', machine, 201),
    heartbeat: (machine) => ask('heartbeat', 'PUT', machine, 202),
    release: (machine) => ask('release', 'DELETE', machine, 204),
  };
}
