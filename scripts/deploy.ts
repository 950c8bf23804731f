import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline/promises';
import { parseArgs } from 'node:util';
import { parse } from 'yaml';
import { MANIFEST } from '../functions/manifest.ts';
import { HOSTING_CONFIG, placeOf, planOf } from './deploy/plan.ts';
import { deploy } from './deploy/run.ts';
import { firebaseConfig } from './generate/hosting.ts';

const USAGE = `Usage: npm run deploy -- --stack prod [--secrets] [--plan] [--yes]

  --stack    whose settings are in infra/Pulumi.<stack>.yaml
  --secrets  only the places of the secrets, which the first deploy needs filled
  --plan     shows what would be done, and ends
  --yes      does it without asking

Bundles the functions, makes the site, shows what Pulumi would change, asks, changes it, and puts the site online. Run again,
it changes nothing. Ends with 0 where that went well, 1 where it did not, 2 where it was not asked as it should be.`;

interface Asked {
  readonly stack: string;
  readonly secrets: boolean;
  readonly plan: boolean;
  readonly yes: boolean;
}

function readOptions(args: string[]): Asked | { readonly because: string } {
  try {
    const { values } = parseArgs({
      args,
      options: {
        stack: { type: 'string', default: '' },
        secrets: { type: 'boolean', default: false },
        plan: { type: 'boolean', default: false },
        yes: { type: 'boolean', default: false },
      },
    });
    if (!/^[\w-]+$/.test(values.stack)) return { because: '--stack needs the name of a stack' };
    if (!existsSync(fileOf(values.stack))) return { because: `there is no ${fileOf(values.stack)}` };
    return values;
  } catch (error) {
    // What it throws for is the caller's mistake, whichever it is.
    return { because: error instanceof Error ? error.message : String(error) };
  }
}

function fileOf(stack: string): string {
  return `infra/Pulumi.${stack}.yaml`;
}

async function run([program, ...args]: readonly [string, ...string[]]): Promise<number> {
  const child = spawn(program, args, { stdio: 'inherit' });
  const failed = once(child, 'error').then(([error]) => {
    process.stderr.write(`${program} cannot be run: ${error instanceof Error ? error.message : error}\n`);
    return 127;
  });
  return Promise.race([failed, once(child, 'exit').then(([code]) => Number(code ?? 1))]);
}

async function agrees(stack: string): Promise<boolean> {
  const terminal = createInterface({ input: process.stdin, output: process.stdout });
  // Where nobody can answer, nobody agrees.
  const ended = once(terminal, 'close').then(() => '');
  const answer = await Promise.race([terminal.question(`Type "${stack}" to do this: `), ended]);
  terminal.close();
  return answer.trim() === stack;
}

const asked = readOptions(process.argv.slice(2));
if ('because' in asked) {
  process.stderr.write(`${asked.because}\n\n${USAGE}\n`);
  process.exitCode = 2;
} else {
  const { stack, secrets, plan, yes } = asked;
  const place = placeOf(parse(readFileSync(fileOf(stack), 'utf8')));
  writeFileSync(HOSTING_CONFIG, `${JSON.stringify(firebaseConfig(MANIFEST, place), null, 2)}\n`);
  const outcome = await deploy(
    planOf({ stack, secretsOnly: secrets }, place),
    { planOnly: plan },
    {
      run,
      agrees: () => (yes ? Promise.resolve(true) : agrees(stack)),
      say: (line) => process.stdout.write(`${line}\n`),
    },
  );
  process.exitCode = outcome === 'DONE' || outcome === 'PLANNED' ? 0 : 1;
}
