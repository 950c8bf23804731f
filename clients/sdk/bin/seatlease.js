#!/usr/bin/env node
// Plain JavaScript, so that Node versions too old for the rest can run it and print the message below.
import { existsSync } from 'node:fs';

const UNAVAILABLE = 69;

// The published package has no sources; a checkout runs from its sources, without a build.
const source = new URL('../src/cli/main.ts', import.meta.url);
const isCheckedOut = existsSync(source);
const least = isCheckedOut ? 24 : 20;

if (Number(process.versions.node.split('.')[0]) < least) {
  process.stderr.write(`seatlease: requires Node ${least} or newer; this is ${process.version}.\n`);
  process.exitCode = UNAVAILABLE;
} else {
  const { main } = await import(isCheckedOut ? source.href : '../dist/cli/main.js');
  process.exitCode = await main(process.argv.slice(2), process.env);
}
