import * as z from 'zod/mini';
import {
  about,
  choice,
  flag,
  operands,
  option,
  optional,
  wholeNumber,
  withDefault,
} from '../../clients/command-line/options.ts';
import { REDIS_ENGINES } from '../redis-option.ts';
import { keygenRelay } from './keygen-relay.ts';
import type { Peer } from './peer.ts';

export const KINDS = { 'keygen-relay': keygenRelay } satisfies Record<string, (url: string) => Peer>;
const KIND_NAMES = Object.keys(KINDS) as (keyof typeof KINDS)[];
const PEER = 'peer';
/** Results compare only on the same machine, and the load must not hit a server of others. */
const LOOPBACK = ['127.0.0.1', 'localhost', '[::1]'];

/** The options of a benchmark of `parts`. */
export function benchOptions(parts: readonly string[]) {
  return z
    .object({
      parts: about(
        `${parts.join(', ')}, ${PEER}; default: all but ${PEER}`,
        operands('PART', [...parts, PEER], (given) => `Unknown part: ${given}`),
      ),
      quick: about('takes a tenth of the samples and saves nothing', flag()),
      redis: about(
        'how functions reach Redis in hot-path, sweep, contention and peer; saves only upstash',
        withDefault(choice(REDIS_ENGINES), 'upstash'),
      ),
      url: about(
        'URL of the peer that you started on this machine; its leases must last some minutes',
        optional(option('http://127.0.0.1:PORT', z.string())),
      ),
      kind: about('product of the peer', optional(choice(KIND_NAMES))),
      seats: about(
        'seats of the peer; with 20,000 or more, 20,000 are also filled and emptied',
        withDefault(wholeNumber(1, 1_000_000), 64),
      ),
    })
    .check(
      z.refine(
        (given) => !given.parts.includes(PEER) || given.parts.length === 1,
        'The peer cannot be combined with other parts',
      ),
      z.refine(
        (given) => !given.parts.includes(PEER) || given.kind !== undefined,
        `Pass the --kind of the peer: ${KIND_NAMES.join(', ')}`,
      ),
      z.refine(
        (given) =>
          !given.parts.includes(PEER) || LOOPBACK.includes(URL.parse(given.url ?? '')?.hostname ?? ''),
        'Pass the --url of the peer on this machine, such as http://127.0.0.1:6349',
      ),
    );
}
