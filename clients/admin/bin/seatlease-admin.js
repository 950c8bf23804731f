#!/usr/bin/env node
// Plain text that any Node reads: it has to explain itself on the very versions that cannot run the rest.
const LEAST_NODE = 24;

if (Number(process.versions.node.split('.')[0]) < LEAST_NODE) {
  process.stderr.write(
    `seatlease-admin: needs Node ${LEAST_NODE} or newer; this is ${process.version}. "npm run admin" brings its own.\n`,
  );
  process.exitCode = 2;
} else {
  const { runAdmin } = await import('../src/run.ts');
  process.exitCode = await runAdmin(process.argv.slice(2), process.env);
}
