#!/usr/bin/env node
// Plain text that any Node reads: it has to explain itself on the very versions that cannot run the rest.
import { existsSync } from 'node:fs';

const UNAVAILABLE = 69;

// What is published has no sources; what is checked out has no need to be built.
const source = new URL('../src/cli/main.ts', import.meta.url);
const isCheckedOut = existsSync(source);
const least = isCheckedOut ? 24 : 20;

if (Number(process.versions.node.split('.')[0]) < least) {
  process.stderr.write(`seatlease: needs Node ${least} or newer here; this is ${process.version}.\n`);
  process.exitCode = UNAVAILABLE;
} else {
  const { main } = await import(isCheckedOut ? source.href : '../dist/cli/main.js');
  process.exitCode = await main(process.argv.slice(2), process.env);
}
