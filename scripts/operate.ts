import { runOperate } from './operate/run.ts';

process.exitCode = await runOperate(process.argv.slice(2), process.env);
