import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline/promises';
import { parse } from 'yaml';
import * as z from 'zod/mini';
import { about, flag } from '../clients/command-line/options.ts';
import { defineProgram, EXIT, runProgram, TERMINAL } from '../clients/command-line/program.ts';
import { MANIFEST } from '../functions/manifest.ts';
import { deployedName } from '../functions/names.ts';
import { isInternal } from '../shared/http/callers.ts';
import { HOSTING_CONFIG, placeOf, planOf, type Step } from './deploy/plan.ts';
import { deploy } from './deploy/run.ts';
import { firebaseConfig } from './generate/hosting.ts';
import { STACK } from './stack-option.ts';

const PUBLIC_FUNCTIONS = MANIFEST.filter((contract) => !isInternal(contract)).map(({ name }) =>
  deployedName(name),
);

function fileOf(stack: string): string {
  return `infra/Pulumi.${stack}.yaml`;
}

async function run({ command: [program, ...args], environment }: Step): Promise<number> {
  const child = spawn(program, args, { stdio: 'inherit', env: { ...process.env, ...environment } });
  const failed = once(child, 'error').then(([error]) => {
    process.stderr.write(`Cannot run ${program}: ${error instanceof Error ? error.message : error}\n`);
    return 127;
  });
  return Promise.race([failed, once(child, 'exit').then(([code]) => Number(code ?? 1))]);
}

async function confirms(stack: string): Promise<boolean> {
  const terminal = createInterface({ input: process.stdin, output: process.stdout });
  // If the input ends without an answer, the plan is declined.
  const ended = once(terminal, 'close').then(() => '');
  const answer = await Promise.race([terminal.question(`Type "${stack}" to apply this plan: `), ended]);
  terminal.close();
  return answer.trim() === stack;
}

const program = defineProgram('npm run deploy --', {
  summary: `Bundles the functions, builds the site, shows the order of resources and what Pulumi would change, asks, applies it and publishes
the site. A second run changes nothing. Exits with 0 if it succeeded, 1 if a step failed or was declined, 2 if it was called wrongly.`,
  options: z.object({
    stack: STACK,
    secrets: about('creates only the secrets, which must have values before the first deploy', flag()),
    plan: about('shows what would be done and exits', flag()),
    yes: about('does not ask', flag()),
  }),
  async run({ stack, secrets, plan, yes }) {
    const place = placeOf(parse(readFileSync(fileOf(stack), 'utf8')));
    writeFileSync(HOSTING_CONFIG, `${JSON.stringify(firebaseConfig(MANIFEST, place), null, 2)}\n`);
    const outcome = await deploy(
      planOf({ stack, secretsOnly: secrets, publicFunctions: PUBLIC_FUNCTIONS }, place),
      { planOnly: plan },
      {
        run,
        confirms: () => (yes ? Promise.resolve(true) : confirms(stack)),
        print: TERMINAL.print,
      },
    );
    return outcome === 'DONE' || outcome === 'PLANNED' ? EXIT.ok : EXIT.problem;
  },
});

process.exitCode = await runProgram(program, process.argv.slice(2));
