#!/usr/bin/env node
// Plain JavaScript, so that Node versions too old for the rest can run it and print the message below.
const LEAST_NODE = 24;

if (Number(process.versions.node.split('.')[0]) < LEAST_NODE) {
  process.stderr.write(
    `seatlease-admin: requires Node ${LEAST_NODE} or newer; this is ${process.version}. "npm run admin" uses its own Node.\n`,
  );
  process.exitCode = 2;
} else {
  const { runAdmin } = await import('../src/run.ts');
  process.exitCode = await runAdmin(process.argv.slice(2), process.env);
}
