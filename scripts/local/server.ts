import type { Server } from 'node:http';
import * as z from 'zod/mini';
import { openSuite } from '../../functions/index.ts';
import { MANIFEST } from '../../functions/manifest.ts';
import { type Config, type Environment, readConfig } from '../../shared/config.ts';
import { openDeps } from '../../shared/deps.ts';
import { mountSuite } from '../../shared/http/mount.ts';
import type { Deps, LogLine } from '../../shared/ports/deps.ts';
import { localSecrets } from './secrets.ts';

const DEFAULT_DATA_FOLDER = '.seatlease';

/** How long requests under way may take to end once the server is told to stop. */
const DRAIN_MS = 2_000;

export interface LocalServer {
  readonly url: string;
  readonly config: Config;
  readonly deps: Deps;
  /** Takes no more requests, lets those under way end, and closes every part. */
  close(): Promise<void>;
}

/**
 * The whole suite on one port of 127.0.0.1, on embedded parts where `environment` names no others. Throws `ConfigError`
 * for an unusable environment, and `EADDRINUSE` where the port is taken.
 */
export async function startLocalServer(
  environment: Environment,
  log?: (line: LogLine) => void,
): Promise<LocalServer> {
  const secrets = localSecrets(environment.SEATLEASE_DATA || DEFAULT_DATA_FOLDER);
  const config = readConfig({ ...secrets, ...environment });
  const opened = await openDeps(config);
  const deps: Deps = log ? { ...opened, log } : opened;
  const server = mountSuite(
    MANIFEST,
    openSuite(async () => deps, { checkAnswers: true }),
  );
  try {
    const port = await listen(server, config.port);
    return { url: `http://127.0.0.1:${port}`, config, deps, close: () => stop(server, deps) };
  } catch (error) {
    await deps.close();
    throw error;
  }
}

function listen(server: Server, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', () => {
      server.off('error', reject);
      resolve(z.parse(z.object({ port: z.int() }), server.address()).port);
    });
  });
}

async function stop(server: Server, deps: Deps): Promise<void> {
  const drained = new Promise<void>((resolve) => server.close(() => resolve()));
  server.closeIdleConnections();
  const lateMs = setTimeout(() => server.closeAllConnections(), DRAIN_MS);
  await drained;
  clearTimeout(lateMs);
  await deps.close();
}
