import { runDoctor } from './doctor/run.ts';

process.exitCode = await runDoctor(process.argv.slice(2), process.env);
