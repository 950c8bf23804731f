import type { Ask } from './load.ts';
import type { Peer } from './peer.ts';

const NODE = '/v1/nodes/';

/**
 * The public HTTP API of Keygen Relay (https://keygen.sh/docs/relay/, "Claim license" and "Release license"): a node
 * claims a license with PUT (201), extends its claim with another PUT (202) and releases it with DELETE (204). There
 * are no credentials: any node may call it.
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
