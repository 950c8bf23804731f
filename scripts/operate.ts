import { runOperate } from './operate/run.ts';

/** What needs Google credentials: the signing keys, and the records themselves. */
process.exitCode = await runOperate(process.argv.slice(2), process.env);
