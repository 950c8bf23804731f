import { runAdmin } from './run.ts';

process.exitCode = await runAdmin(process.argv.slice(2), process.env, {
  say: (text) => void process.stdout.write(`${text}\n`),
  complain: (text) => void process.stderr.write(`${text}\n`),
});
