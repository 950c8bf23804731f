import { MANIFEST } from '../../functions/manifest.ts';
import { openSuite } from '../../functions/open-suite.ts';
import { readConfig } from '../../shared/config.ts';
import { mountSuite } from '../../shared/local/mount.ts';
import { openLocalParts } from '../../shared/local/wiring.ts';
import type { Deps } from '../../shared/ports/deps.ts';
import { journaled } from './journal.ts';

/**
 * The functions as a process that can be killed: the whole suite with the dependencies that the environment names, and
 * two changes. `CHAOS_JOURNAL` is the file of the events that the topic accepted. `CHAOS_CLOCK_OFFSET_MS` moves the
 * functions' clock ahead; leases use Redis' clock and are not affected.
 */
const { CHAOS_JOURNAL: journalFile = '', CHAOS_CLOCK_OFFSET_MS: offsetMs = '0' } = process.env;

const config = readConfig(process.env);
const parts = await openLocalParts(config);
const deps: Deps = {
  ...parts.deps,
  events: journaled(parts.deps.events, journalFile),
  clock: { nowMs: () => parts.deps.clock.nowMs() + Number(offsetMs) },
};
const server = mountSuite(
  MANIFEST,
  openSuite(async () => deps, { checkAnswers: true }),
);
server.listen(config.port, '127.0.0.1', () => process.send?.('READY'));

// Ends with the run that started it, however that ends.
process.on('disconnect', () => process.exit());
