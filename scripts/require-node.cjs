// Plain CommonJS for any Node: it must run on the versions that it refuses, and without packages.
const { existsSync } = require('node:fs');
const { join } = require('node:path');

const major = Number(process.versions.node.split('.')[0]);

/** Why nothing can run here, or `undefined`. */
function findTrouble() {
  // npm writes this file when an install is complete.
  if (!existsSync(join(__dirname, '../node_modules/.package-lock.json'))) {
    return major < 20
      ? `Seatlease needs Node 20 or newer to install; this is ${process.version}. Install Node 24, then run: npm ci`
      : 'The packages are not installed. Run "npm ci" first.';
  }
  if (major < 24) {
    return (
      `Seatlease runs on Node 24; this is ${process.version}. "npm ci" installs Node 24 into node_modules, unless install ` +
      'scripts are off. Run "npm ci --ignore-scripts=false", then start the program through npm, such as "npm start".'
    );
  }
  return undefined;
}

const trouble = findTrouble();
if (trouble) {
  process.stderr.write(`${trouble}\n`);
  process.exit(1);
}
