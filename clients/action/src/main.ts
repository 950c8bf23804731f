import { fileURLToPath } from 'node:url';
import { type HoldRequest, hold } from './hold.ts';
import { Mailbox } from './mailbox.ts';
import { command } from './runner.ts';
import { HOLD, LICENSE_KEY, REQUEST, take } from './take.ts';

/** One file for the main step and the process that it leaves behind: GitHub runs it as it is, without `npm install`. */
async function run(): Promise<void> {
  const { [HOLD]: folder, [REQUEST]: request, [LICENSE_KEY]: licenseKey } = process.env;
  if (folder && request && licenseKey)
    return hold(new Mailbox(folder), JSON.parse(request) as HoldRequest, licenseKey);
  return take(fileURLToPath(import.meta.url));
}

run().catch((error: unknown) => {
  command('error', error instanceof Error ? error.message : String(error));
  process.exit(1);
});
