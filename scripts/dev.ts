import { ConfigError } from '../shared/config.ts';
import { logToStandardOutput } from '../shared/http/log.ts';
import { DataFolderInUse } from '../shared/local/data-folder.ts';
import type { LogLine } from '../shared/ports/log-line.ts';
import { type Demo, removeDemo, seedDemo } from './dev/demo-license.ts';
import { type LocalServer, startLocalServer } from './dev/server.ts';

const print = (text: string): void => void process.stdout.write(`${text}\n`);

const log = openLog();
try {
  const server = await startLocalServer(process.env, log.write);
  const demo = await seedDemo(server);
  // Before the welcome text, which says that Ctrl-C stops the server.
  stopOnSignal(async () => {
    removeDemo(server.config.dataFolder);
    await server.close();
  });
  print(welcome(demo, server));
} catch (error) {
  process.stderr.write(`${explain(error)}\n`);
  process.exitCode = 1;
} finally {
  log.start();
}

/**
 * Keeps log lines back until `start`, so that the welcome text is printed first. Of the requests that create the demo
 * license, only warnings and errors are logged.
 */
function openLog() {
  let held: LogLine[] | undefined = [];
  return {
    write(line: LogLine): void {
      if (!held) logToStandardOutput(line);
      else if (line.severity !== 'INFO') held.push(line);
    },
    start(): void {
      for (const line of held ?? []) logToStandardOutput(line);
      held = undefined;
    },
  };
}

function welcome(
  { url, license_key, operator_key }: Demo,
  { config, stripe, internalUrl }: LocalServer,
): string {
  const { dataFolder, events } = config;
  const json = "-H 'Content-Type: application/json'";
  const license = `-H 'Authorization: License ${license_key}' ${json}`;
  return `
Seatlease is ready at ${url}

  Demo license   ${license_key}   (3 seats)
  Operator key   ${operator_key}
  Both are in ${dataFolder}/demo.json, next to the records. Not for production.

Acquire a seat, keep it and release it (paste all three lines):

  ANSWER=$(curl -s -X POST ${url}/api/v1/licenses/acquire ${license} -d '{"fingerprint":"my-laptop"}'); echo "$ANSWER"; SESSION=$(grep -o 'ses_[0-9a-z_]*' <<<"$ANSWER" | head -1)
  curl -s -X PUT ${url}/api/v1/licenses/heartbeat ${license} -d "{\\"session_id\\":\\"$SESSION\\"}"
  curl -s -o /dev/null -w '%{http_code}\\n' -X POST ${url}/api/v1/licenses/release ${license} -d "{\\"session_id\\":\\"$SESSION\\"}"

See who holds the seats:  ${url}/console/
Read the API reference:  ${url}/docs
Watch five machines share three seats:  npm run demo
Sign in with a browser and take a seat:  npm run demo -- --sign-in
${events.kind === 'embedded' ? '' : `Push events to ${internalUrl}/internal/events\n`}${stripe === undefined ? 'Payments go through Stripe.' : `Payments go to a fake Stripe:  ${stripe.url}`}
Stop with Ctrl-C. Each request is one JSON line below.
`;
}

function explain(error: unknown): string {
  if (error instanceof ConfigError || error instanceof DataFolderInUse) return error.message;
  if (error instanceof Error && 'code' in error && error.code === 'EADDRINUSE') {
    return `Another program uses that port (${error.message}). Choose another: PORT=8081 npm start`;
  }
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

function stopOnSignal(close: () => Promise<void>): void {
  let stopping = false;
  const stop = async (): Promise<void> => {
    // A second Ctrl-C does not wait.
    if (stopping) process.exit(130);
    stopping = true;
    await close();
    print('Stopped.');
  };
  process.on('SIGINT', stop);
  process.on('SIGTERM', stop);
}
