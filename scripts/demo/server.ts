import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CommandError } from '../../clients/command-line/errors.ts';
import { readDemo } from '../dev/demo-license.ts';
import { DEFAULT_DATA_FOLDER } from '../dev/secrets.ts';

/** Prints what `who` does, and when: in seconds since the demo began. */
export type Say = (who: string, what: string) => void;

export interface DemoServer {
  readonly url: string;
  readonly operatorKey: string;
  close(): Promise<void>;
}

/** The server of `npm start`, or one of the demo's own if none runs. Throws `CommandError` if that server is down. */
export async function openDemoServer(say: Say): Promise<DemoServer> {
  return (await runningServer(say)) ?? (await ownServer(say));
}

async function runningServer(say: Say): Promise<DemoServer | undefined> {
  const demo = readDemo(process.env.SEATLEASE_DATA || DEFAULT_DATA_FOLDER);
  if (!demo) return undefined;
  try {
    await fetch(`${demo.url}/health`, { signal: AbortSignal.timeout(1_000) });
  } catch {
    throw new CommandError(`Nothing answers at ${demo.url}. Start it with npm start.`);
  }
  say('demo', `uses the server at ${demo.url}`);
  return { url: demo.url, operatorKey: demo.operator_key, close: async () => {} };
}

async function ownServer(say: Say): Promise<DemoServer> {
  // Loading it takes seconds, which a demo on a running server does not need.
  const { startLocalServer } = await import('../dev/server.ts');
  const dataFolder = await mkdtemp(join(tmpdir(), 'seatlease-demo-'));
  const local = await startLocalServer({ SEATLEASE_DATA: dataFolder, PORT: '0' }, () => {});
  say('demo', `starts a server of its own at ${local.url}: none is running here`);
  return {
    url: local.url,
    operatorKey: local.config.operatorKey,
    async close() {
      await local.close();
      await rm(dataFolder, { recursive: true, force: true });
    },
  };
}
