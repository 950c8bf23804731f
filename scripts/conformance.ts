import { defineProgram, EXIT, runProgram, TERMINAL } from '../clients/command-line/program.ts';
import { CONFORMANCE_OPTIONS } from './conformance/options.ts';
import { describeResults } from './conformance/report.ts';
import { playAll, type Result } from './conformance/run.ts';
import { SCENARIOS } from './conformance/scenarios.ts';

const program = defineProgram('npm run conformance --', {
  summary: `Plays the scenarios of clients/docs/protocol.md to a client program and checks what it sends and says. Exits with 0
if the client keeps every promise, 1 if it broke one, 2 if the run could not be completed.`,
  options: CONFORMANCE_OPTIONS,
  json: true,
  async run({ client = '', kind, only, without, atOnce, list }) {
    const asked = only?.split(',');
    const isAsked = (id: string): boolean =>
      asked === undefined || asked.some((one) => id === one || id.startsWith(`${one}/`));
    const scenarios = SCENARIOS.filter(({ id, kinds }) => kinds.includes(kind) && isAsked(id));
    if (list) {
      const listed = scenarios.map(({ id, promise, needs = [] }) => ({ id, promise, needs }));
      listed.sort((a, b) => a.id.localeCompare(b.id, 'en', { numeric: true }));
      const lines = listed.map(({ id, promise }) => `${id.padEnd(24)}  ${promise}`);
      return { exit: EXIT.ok, text: lines.join('\n'), json: { scenarios: listed } };
    }
    let done = 0;
    const onResult = ({ verdict, id }: Result): void => {
      done += 1;
      if (process.stderr.isTTY || verdict === 'FAIL')
        TERMINAL.printError(`${done} of ${scenarios.length}: ${verdict} ${id}`);
    };
    const results = await playAll({
      ...{ kind, command: client, scenarios, atOnce, onResult },
      without: without === undefined ? [] : [without],
      isRequired: process.env.REAL_PARTS === 'required',
    });
    results.sort((a, b) => a.id.localeCompare(b.id, 'en', { numeric: true }));
    const isKept = results.every(({ verdict }) => verdict !== 'FAIL');
    return {
      exit: isKept ? EXIT.ok : EXIT.problem,
      text: describeResults(results),
      json: { client, kind, results },
    };
  },
});

process.exitCode = await runProgram(program, process.argv.slice(2));
