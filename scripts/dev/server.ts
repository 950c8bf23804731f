import type { Server } from 'node:http';
import { join } from 'node:path';
import * as z from 'zod/mini';
import { MANIFEST } from '../../functions/manifest.ts';
import { openSuite } from '../../functions/open-suite.ts';
import type { Config, Environment } from '../../shared/config.ts';
import { type ServiceCalls, serviceCalls } from '../../shared/local/cloud-calls.ts';
import { type DataFolderLock, lockDataFolder } from '../../shared/local/data-folder.ts';
import { startLocalOidc } from '../../shared/local/google/oidc-server.ts';
import { GoogleEdge, type Iam } from '../../shared/local/google-edge/edge.ts';
import { mountBehindGoogle } from '../../shared/local/mount.ts';
import { forOwnHosts } from '../../shared/local/own-hosts.ts';
import type { LocalIdentity } from '../../shared/local/service-tokens.ts';
import { startFakeStripe } from '../../shared/local/stripe/server.ts';
import type { FakeStripe } from '../../shared/local/stripe/types.ts';
import { type LocalParts, openLocalParts } from '../../shared/local/wiring.ts';
import type { Deps } from '../../shared/ports/deps.ts';
import type { LogLine } from '../../shared/ports/log-line.ts';
import { readLocalConfig } from './secrets.ts';
import { serveSite } from './site.ts';

/** How long requests in progress may take to end after the server starts to stop. */
const DRAIN_MS = 2_000;

export interface LocalServer {
  readonly url: string;
  /** Where Cloud Scheduler and Pub/Sub call the suite. */
  readonly internalUrl: string;
  readonly config: Config;
  readonly deps: Deps;
  /** The fake Stripe; absent if payments go through Stripe itself. */
  readonly stripe?: FakeStripe | undefined;
  /** Sweeps now, as Cloud Scheduler does. Throws if the services' tokens are Google's. */
  sweep(): Promise<void>;
  /** Refuses new requests, lets those in progress end, and closes every dependency. */
  close(): Promise<void>;
}

/**
 * Serves the whole suite on one port of 127.0.0.1, behind Google's edge as Hosting serves it, with embedded dependencies
 * unless `environment` names others. Throws `ConfigError` for an unusable environment, `DataFolderInUse` while another
 * server uses the data folder, and `EADDRINUSE` if the port is taken.
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
  const iam = Promise.withResolvers<Iam>();
  const { hosting, internal } = mountBehindGoogle(
    MANIFEST,
    openSuite(() => opened.promise, { checkAnswers: true }),
    new GoogleEdge({ iam: () => iam.promise }),
    serveSite,
    (serve) => forOwnHosts(serve, config.publicUrl === undefined ? [] : [config.publicUrl]),
  );
  const url = `http://127.0.0.1:${await listen(hosting, config.port)}`;
  const internalUrl = `http://127.0.0.1:${await listen(internal, 0)}`;
  lock.announce(url);
  const provider = config.signIn.kind === 'embedded' ? await startLocalOidc() : undefined;
  const stripe =
    config.billing.kind === 'embedded'
      ? await startFakeStripe({
          file: join(config.dataFolder, 'stripe.json'),
          onDefect: (error) => process.emitWarning(error),
        })
      : undefined;
  stripe?.sendEventsTo(`${url}/api/v1/webhooks/stripe`);
  try {
    const signIn = provider && { ...provider, issuers: [provider.issuer] };
    const parts = await openLocalParts(config, {
      publicUrl: url,
      ...(signIn && { signIn }),
      ...(stripe && { stripe: { ...stripe, returnUrl: `${url}/console/` } }),
      ...(log && { log }),
    });
    const deps: Deps = { ...parts.deps, log: withoutIdleSweeps(log ?? parts.deps.log) };
    opened.resolve(deps);
    iam.resolve({ identity: parts.iam, invokers: deps.serviceAccounts });
    const stopCloud = actAsCloud(internalUrl, parts, config.sweepSeconds);
    const close = async (): Promise<void> => {
      await stopCloud();
      await stripe?.close();
      await Promise.all([hosting, internal].map(stop));
      await deps.close();
      await provider?.close();
      lock.release();
    };
    const sweep = async (): Promise<void> => {
      if (!parts.issuer) throw new Error('this process cannot issue the token of Cloud Scheduler');
      await (await cloudCalls(internalUrl, parts.deps, parts.issuer).sweep()).body?.cancel();
    };
    return { url, internalUrl, config, sweep, deps, stripe, close };
  } catch (error) {
    await stripe?.close();
    await Promise.all([hosting, internal].map(stop));
    await provider?.close();
    throw error;
  }
}

/**
 * Does what the cloud does for deployed functions: delivers events if the bus is embedded, and sweeps. Returns a function
 * that stops it. If the services' tokens are Google's, this process cannot issue them, and does neither.
 */
function actAsCloud(
  internalUrl: string,
  { deps, bus, issuer }: LocalParts,
  sweepSeconds: number,
): () => Promise<void> {
  if (!issuer) return async () => {};
  const calls = cloudCalls(internalUrl, deps, issuer);
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

function cloudCalls(internalUrl: string, { serviceAccounts }: Deps, issuer: LocalIdentity): ServiceCalls {
  return serviceCalls(internalUrl, (caller) => issuer.issue(serviceAccounts[caller]));
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
