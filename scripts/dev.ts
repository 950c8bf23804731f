import { ConfigError } from '../shared/config.ts';
import { DataFolderInUse } from '../shared/local/data-folder.ts';
import { type Demo, seedDemo } from './dev/demo-license.ts';
import { type LocalServer, startLocalServer } from './dev/server.ts';

const say = (text: string): void => void process.stdout.write(`${text}\n`);

try {
  const server = await startLocalServer(process.env);
  say(welcome(await seedDemo(server), server));
  stopOnSignal(server.close);
} catch (error) {
  process.stderr.write(`${explain(error)}\n`);
  process.exitCode = 1;
}

function welcome({ url, license_key, operator_key }: Demo, { config, stripeUrl }: LocalServer): string {
  const { dataFolder } = config;
  const json = "-H 'Content-Type: application/json'";
  const license = `-H 'Authorization: License ${license_key}' ${json}`;
  return `
Seatlease is ready at ${url}

  Demo license   ${license_key}   (3 seats)
  Operator key   ${operator_key}
  Both are in ${dataFolder}/demo.json; records are kept beside it. Not for production.

Take a seat, keep it, give it back (paste all three):

  ANSWER=$(curl -s -X POST ${url}/api/v1/licenses/acquire ${license} -d '{"fingerprint":"my-laptop"}'); echo "$ANSWER"; SESSION=$(grep -o 'ses_[0-9a-z_]*' <<<"$ANSWER" | head -1)
  curl -s -X PUT ${url}/api/v1/licenses/heartbeat -w '\\n' ${license} -d "{\\"session_id\\":\\"$SESSION\\"}"
  curl -s -o /dev/null -w '%{http_code}\\n' -X POST ${url}/api/v1/licenses/release ${license} -d "{\\"session_id\\":\\"$SESSION\\"}"

See who holds the seats:  ${url}/console/
Read what else there is:  ${url}/docs
Watch five machines share three seats:  npm run demo
Sign in with a browser and take a seat:  npm run demo -- --sign-in
${stripeUrl === undefined ? 'Payments are taken by Stripe.' : `Payments are taken by a stand-in for Stripe, at ${stripeUrl}`}
Stop with Ctrl-C. Each request is one JSON line below.
`;
}

function explain(error: unknown): string {
  if (error instanceof ConfigError || error instanceof DataFolderInUse) return error.message;
  if (error instanceof Error && 'code' in error && error.code === 'EADDRINUSE') {
    return `Another program listens on that port (${error.message}). Choose one: PORT=8081 npm start`;
  }
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

function stopOnSignal(close: () => Promise<void>): void {
  let stopping = false;
  const stop = async (): Promise<void> => {
    // A second Ctrl-C means now.
    if (stopping) process.exit(130);
    stopping = true;
    await close();
    say('Stopped.');
  };
  process.on('SIGINT', stop);
  process.on('SIGTERM', stop);
}
