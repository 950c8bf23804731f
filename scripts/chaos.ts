import { randomInt } from 'node:crypto';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { defineProgram, EXIT, type ExitCode, runProgram, TERMINAL } from '../clients/command-line/program.ts';
import { CHAOS_OPTIONS, modesOf } from './chaos/options.ts';
import { formatReport, reportOf } from './chaos/report.ts';
import { runChaos } from './chaos/run.ts';

/** Upper bound for everything but the faults and the two waits for the run to settle, which can each take as long. */
const OVERHEAD_MS = 5 * 60_000;

// Otherwise Google's clients look for a metadata server.
process.env.METADATA_SERVER_DETECTION = 'none';

const program = defineProgram('npm run chaos --', {
  summary: `Kills servers and breaks connections at random while clients hold seats, then checks the result. Needs
redis-server, and gcloud with the Firestore and Pub/Sub emulators. Exits with 0 if every promise was kept, 1 if one was
broken, 2 if the run could not be completed.`,
  options: CHAOS_OPTIONS,
  async run({ minutes, appendfsync, clients, licenses, redis, seed = randomInt(1_000_000) }) {
    const modes = modesOf(appendfsync);
    const chaosMs = minutes * 60_000;
    const hang = setTimeout(
      () => {
        TERMINAL.printError('The run did not end in time.');
        process.exit(EXIT.error);
      },
      modes.length * (3 * chaosMs + OVERHEAD_MS),
    );
    let exit: ExitCode = EXIT.ok;
    try {
      for (const mode of modes) {
        const folder = mkdtempSync(join(tmpdir(), `seatlease-chaos-${mode}-`));
        const run = await runChaos({
          ...{ chaosMs, clients, licenses, redis, seed },
          appendfsync: mode,
          folder,
          print: TERMINAL.print,
        });
        const report = reportOf(run);
        const file = join(folder, 'report.json');
        writeFileSync(file, `${JSON.stringify(report, null, 2)}\n`);
        TERMINAL.print(`\n${formatReport(report)}\n  ${'report'.padEnd(20)} ${file}\n`);
        if (Object.keys(report.breaches).length > 0) exit = EXIT.problem;
      }
    } finally {
      clearTimeout(hang);
    }
    return exit;
  },
});

process.exitCode = await runProgram(program, process.argv.slice(2));
