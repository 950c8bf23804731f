#!/usr/bin/env node
// Plain JavaScript, so that Node versions too old for the rest can run it and print the message below.
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const UNAVAILABLE = 69;

// The published package has no sources; a checkout runs from its sources, without a build.
const sources = new URL('../src/cli/', import.meta.url);
const isCheckedOut = existsSync(sources);
const least = isCheckedOut ? 24 : 20;
const load = (name) =>
  import(isCheckedOut ? new URL(`${name}.ts`, sources).href : `../dist/node/cli/${name}.js`);

// A terminal that has hung up, or a pipe that nobody reads any more, must not end the process.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});

const args = process.argv.slice(2);
if (Number(process.versions.node.split('.')[0]) < least) {
  process.stderr.write(`seatlease: requires Node ${least} or newer; this is ${process.version}.\n`);
  process.exitCode = UNAVAILABLE;
} else if (args[0] === 'guard') {
  // Started by "seatlease run", beside it.
  const { runGuard } = await load('guard-process');
  await runGuard();
} else {
  const { main } = await load('main');
  const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
  process.exitCode = await main(args, process.env, { version, file: fileURLToPath(import.meta.url) });
}
