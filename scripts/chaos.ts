import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readOptions, USAGE } from './chaos/options.ts';
import { inWords, reportOf } from './chaos/report.ts';
import { runChaos } from './chaos/run.ts';

const EXIT = { kept: 0, broken: 1, trouble: 2 } as const;
/** What comes before and after the faults, with every part as slow as it may be; settling has its bound twice. */
const BESIDE_CHAOS_MS = 5 * 60_000;

// Clients of Google's would ask the network who they are.
process.env.METADATA_SERVER_DETECTION = 'none';

const say = (text: string): void => void process.stdout.write(`${text}\n`);
const complain = (text: string): void => void process.stderr.write(`${text}\n`);

const options = readOptions(process.argv.slice(2));
if ('because' in options) {
  complain(`${options.because}\n\n${USAGE}`);
  process.exitCode = EXIT.trouble;
} else {
  const { modes, ...ofEach } = options;
  const hang = setTimeout(
    () => {
      complain('The run does not come to an end.');
      process.exit(EXIT.trouble);
    },
    modes.length * (3 * ofEach.chaosMs + BESIDE_CHAOS_MS),
  );
  try {
    for (const appendfsync of modes) {
      const folder = mkdtempSync(join(tmpdir(), `seatlease-chaos-${appendfsync}-`));
      const report = reportOf(await runChaos({ ...ofEach, appendfsync, folder, say }));
      const file = join(folder, 'report.json');
      writeFileSync(file, `${JSON.stringify(report, null, 2)}\n`);
      say(`\n${inWords(report)}\n  ${'report'.padEnd(20)} ${file}\n`);
      if (Object.keys(report.breaches).length > 0) process.exitCode = EXIT.broken;
    }
  } catch (error) {
    complain(error instanceof Error ? (error.stack ?? error.message) : String(error));
    process.exitCode = EXIT.trouble;
  }
  clearTimeout(hang);
}
