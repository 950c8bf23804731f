// Runs until it is told to end. A plain script, so that it starts as fast as possible.
const { writeSync } = require('node:fs');

writeSync(1, 'probe runs\n');
process.on('SIGTERM', () => {
  writeSync(1, 'probe is told to end\n');
  process.exit(0);
});
process.on('exit', () => writeSync(1, 'probe ended\n'));
setInterval(() => {}, 1_000);
