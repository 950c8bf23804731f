import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readDemo } from '../dev/demo-license.ts';
import { DEFAULT_DATA_FOLDER } from '../dev/secrets.ts';

/** Tells what somebody does, and when: seconds since the demo began. */
export type Say = (who: string, what: string) => void;

export interface DemoServer {
  readonly url: string;
  readonly operatorKey: string;
  close(): Promise<void>;
}

export async function openDemoServer(say: Say): Promise<DemoServer> {
  return (await runningServer(say)) ?? (await ownServer(say));
}

/** The server that `npm start` runs here, if it is there. */
async function runningServer(say: Say): Promise<DemoServer | undefined> {
  const demo = readDemo(process.env.SEATLEASE_DATA || DEFAULT_DATA_FOLDER);
  if (!demo) return undefined;
  try {
    await fetch(`${demo.url}/health`, { signal: AbortSignal.timeout(1_000) });
    say('demo', `talks to ${demo.url}`);
    return { url: demo.url, operatorKey: demo.operator_key, close: async () => {} };
  } catch {
    return undefined;
  }
}

/** A server for this story only. */
async function ownServer(say: Say): Promise<DemoServer> {
  // Loading it takes seconds, which a demo on a running server does not need.
  const { startLocalServer } = await import('../dev/server.ts');
  const dataFolder = await mkdtemp(join(tmpdir(), 'seatlease-demo-'));
  const local = await startLocalServer({ SEATLEASE_DATA: dataFolder, PORT: '0' }, () => {});
  say('demo', `no server is running here, so it starts its own at ${local.url}`);
  return {
    url: local.url,
    operatorKey: local.config.operatorKey,
    async close() {
      await local.close();
      await rm(dataFolder, { recursive: true, force: true });
    },
  };
}
