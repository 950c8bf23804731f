import type { Server } from 'node:http';
import { join } from 'node:path';
import * as z from 'zod/mini';
import { MANIFEST } from '../../functions/manifest.ts';
import { openSuite } from '../../functions/open-suite.ts';
import type { Config, Environment } from '../../shared/config.ts';
import { serviceCalls } from '../../shared/local/cloud-calls.ts';
import { type DataFolderLock, lockDataFolder } from '../../shared/local/data-folder.ts';
import { startLocalOidc } from '../../shared/local/google/oidc-server.ts';
import { mountSuite } from '../../shared/local/mount.ts';
import { startFakeStripe } from '../../shared/local/stripe/server.ts';
import { type LocalParts, openLocalParts } from '../../shared/local/wiring.ts';
import type { Deps } from '../../shared/ports/deps.ts';
import type { LogLine } from '../../shared/ports/log-line.ts';
import { readLocalConfig } from './secrets.ts';
import { serveSite } from './site.ts';

/** How long requests in progress may take to end after the server starts to stop. */
const DRAIN_MS = 2_000;

export interface LocalServer {
  readonly url: string;
  readonly config: Config;
  readonly deps: Deps;
  /** Where the fake Stripe listens; absent if payments go through Stripe itself. */
  readonly stripeUrl?: string | undefined;
  /** Refuses new requests, lets those in progress end, and closes every dependency. */
  close(): Promise<void>;
}

/**
 * Serves the whole suite on one port of 127.0.0.1, with embedded dependencies unless `environment` names others. Throws
 * `ConfigError` for an unusable environment, `DataFolderInUse` while another server uses the data folder, and
 * `EADDRINUSE` if the port is taken.
 */
export async function startLocalServer(
  environment: Environment,
  log?: (line: LogLine) => void,
): Promise<LocalServer> {
  const config = readLocalConfig(environment);
  const lock = lockDataFolder(config.dataFolder);
  try {
    return await startLocked(config, lock, log);
  } catch (error) {
    lock.release();
    throw error;
  }
}

async function startLocked(
  config: Config,
  lock: DataFolderLock,
  log?: (line: LogLine) => void,
): Promise<LocalServer> {
  const opened = Promise.withResolvers<Deps>();
  const server = mountSuite(
    MANIFEST,
    openSuite(() => opened.promise, { checkAnswers: true }),
    serveSite,
  );
  const url = `http://127.0.0.1:${await listen(server, config.port)}`;
  lock.announce(url);
  const provider = config.signIn.kind === 'embedded' ? await startLocalOidc() : undefined;
  const stripe =
    config.billing.kind === 'embedded'
      ? await startFakeStripe({ file: join(config.dataFolder, 'stripe.json') })
      : undefined;
  stripe?.sendEventsTo(`${url}/api/v1/webhooks/stripe`);
  try {
    const signIn = provider && { ...provider, issuers: [provider.issuer] };
    const parts = await openLocalParts(config, {
      publicUrl: url,
      ...(signIn && { signIn }),
      ...(stripe && { stripe }),
      ...(log && { log }),
    });
    const deps: Deps = { ...parts.deps, log: withoutIdleSweeps(log ?? parts.deps.log) };
    opened.resolve(deps);
    const stopCloud = actAsCloud(url, parts, config.sweepSeconds);
    const close = async (): Promise<void> => {
      await stopCloud();
      await stripe?.close();
      await stop(server);
      await deps.close();
      await provider?.close();
      lock.release();
    };
    return { url, config, deps, stripeUrl: stripe?.url, close };
  } catch (error) {
    await stripe?.close();
    await stop(server);
    await provider?.close();
    throw error;
  }
}

/**
 * Does what the cloud does for deployed functions: delivers events if the bus is embedded, and sweeps. Returns a function
 * that stops it. If the services' tokens are Google's, this process cannot issue them, and does neither.
 */
function actAsCloud(
  url: string,
  { deps, bus, issuer }: LocalParts,
  sweepSeconds: number,
): () => Promise<void> {
  if (!issuer) return async () => {};
  const calls = serviceCalls(url, (caller) => issuer.issue(deps.serviceAccounts[caller]));
  bus?.subscribe(calls.push);
  let sweeping: Promise<unknown> = Promise.resolve();
  let isSweeping = false;
  const timer = setInterval(() => {
    if (isSweeping) return;
    isSweeping = true;
    // The sweep logs its own failures.
    const ended = calls
      .sweep()
      .then(({ body }) => body?.cancel())
      .catch(() => undefined);
    sweeping = ended.finally(() => {
      isSweeping = false;
    });
  }, sweepSeconds * 1000);
  return async () => {
    clearInterval(timer);
    await sweeping;
    // Before the server stops: an event that is not delivered is lost with this process.
    await bus?.close();
  };
}

/** Leaves out sweeps that found nothing to do: at one line every ten seconds they would bury the other lines. */
function withoutIdleSweeps(log: Deps['log']): Deps['log'] {
  return (line) => {
    const isIdle =
      line.function === 'sweep' &&
      line.severity === 'INFO' &&
      line.expired === 0 &&
      line.published === 0 &&
      line.sealed === 0 &&
      line.reconciled === null;
    if (!isIdle) log(line);
  };
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

async function stop(server: Server): Promise<void> {
  const drained = new Promise<void>((resolve) => server.close(() => resolve()));
  server.closeIdleConnections();
  const lateMs = setTimeout(() => server.closeAllConnections(), DRAIN_MS);
  await drained;
  clearTimeout(lateMs);
}
