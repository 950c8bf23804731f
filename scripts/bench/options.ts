import { parseArgs } from 'node:util';
import type { Effort } from './effort.ts';
import { keygenRelay } from './keygen-relay.ts';
import type { Peer } from './peer.ts';

export function usageOf(parts: readonly string[]): string {
  return `Usage: npm run bench -- [--quick] [PART …]
       npm run bench -- peer --url http://127.0.0.1:PORT --kind keygen-relay [--seats N] [--quick]

Parts: ${parts.join(', ')}.
Measures all of them but the peer where none is named, prints what it found, and keeps it in scripts/bench/results.json and
RESULTS.md.

  --quick  a tenth of the samples, to see that it runs; keeps nothing
  --url    where a peer runs on this machine, which you have started, with claims that last for some minutes
  --kind   what it is: ${Object.keys(KINDS).join(', ')}
  --seats  how many seats it has (${USUAL_SEATS}); with 20,000 and more those are filled and emptied too`;
}

const KINDS: Readonly<Record<string, (url: string) => Peer>> = { 'keygen-relay': keygenRelay };
const USUAL_SEATS = 64;
/** Side by side on one machine, or there is nothing to compare; and load is put on nobody else. */
const LOOPBACK = ['127.0.0.1', 'localhost', '[::1]'];

export interface BenchOptions {
  readonly effort: Effort;
  readonly parts: readonly string[];
  readonly peer: { readonly peer: Peer; readonly seats: number } | undefined;
}

export function readOptions(
  args: readonly string[],
  parts: readonly string[],
): BenchOptions | { readonly because: string } {
  try {
    const { positionals: asked, values } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        quick: { type: 'boolean', default: false },
        url: { type: 'string' },
        kind: { type: 'string' },
        seats: { type: 'string', default: String(USUAL_SEATS) },
      },
    });
    const unknown = asked.find((name) => name !== 'peer' && !parts.includes(name));
    if (unknown !== undefined) return { because: `There is no part ${unknown}.` };
    const effort = values.quick ? 'quick' : 'full';
    if (!asked.includes('peer')) return { effort, parts: asked.length > 0 ? asked : parts, peer: undefined };
    if (asked.length > 1) return { because: 'A peer is measured by itself.' };
    const open = KINDS[values.kind ?? ''];
    if (!open) return { because: `Say which --kind of peer it is: ${Object.keys(KINDS).join(', ')}.` };
    if (!LOOPBACK.includes(URL.parse(values.url ?? '')?.hostname ?? ''))
      return { because: 'Say at which --url of this machine the peer runs, such as http://127.0.0.1:6349.' };
    const seats = Number(values.seats);
    if (!Number.isSafeInteger(seats) || seats < 1)
      return { because: '--seats takes a whole number, 1 or more.' };
    return { effort, parts: [], peer: { peer: open(values.url ?? ''), seats } };
  } catch (error) {
    return { because: error instanceof Error ? error.message : String(error) };
  }
}
