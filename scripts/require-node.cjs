// Plain CommonJS that any Node reads: it has to explain itself on the very versions that cannot run the rest.
const major = Number(process.versions.node.split('.')[0]);
if (major < 24) {
  process.stderr.write(
    `Seatlease runs on Node 24; this is ${process.version}. "npm ci" installs Node 24 into node_modules by the install ` +
      'script of the package "node": run it again without --ignore-scripts, and start through "npm start" or "npm test".\n',
  );
  process.exit(1);
}
