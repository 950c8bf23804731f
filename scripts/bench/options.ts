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
import { keygenRelay } from './keygen-relay.ts';
import type { Peer } from './peer.ts';

export const KINDS = { 'keygen-relay': keygenRelay } satisfies Record<string, (url: string) => Peer>;
const KIND_NAMES = Object.keys(KINDS) as (keyof typeof KINDS)[];
const PEER = 'peer';
/** Side by side on one machine, or there is nothing to compare; and load is put on nobody else. */
const LOOPBACK = ['127.0.0.1', 'localhost', '[::1]'];

/** The options of a benchmark of `parts`. */
export function benchOptions(parts: readonly string[]) {
  return z
    .object({
      parts: about(
        `${parts.join(', ')}, ${PEER}; all but the peer unless named`,
        operands('PART', [...parts, PEER], (given) => `There is no part ${given}`),
      ),
      quick: about('takes a tenth of the samples and keeps no figures', flag()),
      url: about(
        'address of a peer that you started on this machine, with claims that last for some minutes',
        optional(option('http://127.0.0.1:PORT', z.string())),
      ),
      kind: about('what the peer is', optional(choice(KIND_NAMES))),
      seats: about(
        'seats of the peer; 20,000 and more are also filled and emptied',
        withDefault(wholeNumber(1, 1_000_000), 64),
      ),
    })
    .check(
      z.refine(
        (given) => !given.parts.includes(PEER) || given.parts.length === 1,
        'A peer is measured by itself',
      ),
      z.refine(
        (given) => !given.parts.includes(PEER) || given.kind !== undefined,
        `Say which --kind of peer it is: ${KIND_NAMES.join(', ')}`,
      ),
      z.refine(
        (given) =>
          !given.parts.includes(PEER) || LOOPBACK.includes(URL.parse(given.url ?? '')?.hostname ?? ''),
        'Say at which --url of this machine the peer runs, such as http://127.0.0.1:6349',
      ),
    );
}
