import { join } from 'node:path';
import { openStripe, openStripeEvents, type StripeOptions } from '../adapters/billing/stripe-billing.ts';
import type { RedisEngine } from '../adapters/redis/engine.ts';
import { redisEngine } from '../adapters/redis/redis-protocol.ts';
import {
  type GoogleSignInOptions,
  openGoogleSignIn,
  openGoogleSignInPage,
} from '../adapters/sign-in/google-sign-in.ts';
import { openKmsKeys } from '../adapters/signer/kms-keys.ts';
import type { Config } from '../config.ts';
import { logToStandardOutput } from '../http/log.ts';
import { lazy } from '../lazy.ts';
import type { Deps } from '../ports/deps.ts';
import type { Identity } from '../ports/identity.ts';
import type { Records } from '../ports/records.ts';
import type { SignIn, SignInPage } from '../ports/sign-in.ts';
import type { SigningKeys } from '../ports/signing-keys.ts';
import { assembleDeps, DEPLOYED } from '../wiring.ts';
import { openDnsZone } from './dns-zone.ts';
import { type EventBus, type EventBusOptions, openEventBus } from './event-bus.ts';
import { makePrivateFile, makePrivateFolder } from './private-files.ts';
import { startEmbeddedRedis } from './redis/embedded-redis.ts';
import { type LocalIdentity, openLocalIdentity } from './service-tokens.ts';
import { openLocalKeys, openLocalSigner } from './signing-key.ts';
import { openSqliteRecords } from './sqlite-records.ts';

/** What the embedded dependencies need from the process that they run in. */
export interface EmbeddedOptions {
  readonly bus?: EventBusOptions;
  /** Replaces Google's sign-in. Without it, sign-in is off. */
  readonly signIn?: (SignIn & SignInPage) | GoogleSignInOptions;
  /** Replaces Stripe. Without it, payments are off. */
  readonly stripe?: {
    readonly apiKey: string;
    readonly webhookSecret: string;
    readonly host: string;
    readonly port: number;
    readonly returnUrl: string;
  };
  /** How long to wait for Redis. Default: as long as a deployed function. */
  readonly redisWithinMs?: number | undefined;
  /** Origin where this process listens. */
  readonly publicUrl?: string;
  readonly log?: Deps['log'];
}

/** The dependencies, and the embedded ones that the process itself must drive. */
export interface LocalParts {
  readonly deps: Deps;
  /** Replaces Pub/Sub. The process subscribes its functions to it. */
  readonly bus?: EventBus | undefined;
  /** Replaces Google: issues the tokens that Cloud Scheduler and Pub/Sub would send. */
  readonly issuer?: LocalIdentity | undefined;
  /** Replaces Google's IAM in front of the functions: verifies the signatures of those tokens, also of Google's own. */
  readonly iam: Identity;
}

const SERVICE_ACCOUNTS = { scheduler: 'scheduler@seatlease.local', pubsub: 'pubsub@seatlease.local' };

/** Opens the dependencies that `config` names, and embedded ones for the rest. */
export async function openLocalParts(config: Config, embedded: EmbeddedOptions = {}): Promise<LocalParts> {
  const { dataFolder, checkout } = config;
  const bus = config.events.kind === 'embedded' ? openEventBus(embedded.bus) : undefined;
  const issuer = config.services.kind === 'embedded' ? openIssuer(dataFolder) : undefined;
  const iam = issuer ?? (await DEPLOYED.services({ ...config.services, tokens: 'signed' })).identity;
  const deps = await assembleDeps(
    {
      ...config,
      publicUrl: config.publicUrl ?? embedded.publicUrl,
      checkout: { ...checkout, returnUrl: checkout.returnUrl ?? embedded.stripe?.returnUrl },
    },
    {
      redis: (seats) => openRedis(seats, embedded.redisWithinMs),
      records: async () => openRecords(config),
      events: async (events) => bus ?? DEPLOYED.events(events),
      async signer(signing) {
        if (signing.kind !== 'embedded') return DEPLOYED.signer(signing);
        const log = embedded.log ?? logToStandardOutput;
        return openLocalSigner({ folder: localKeysIn(dataFolder), version: signing.version, log });
      },
      dns: async (servers) =>
        servers.length > 0 ? DEPLOYED.dns(servers) : openDnsZone(join(dataFolder, 'dns-zone.json')),
      async services(services) {
        // The edge in front of this process removes signatures; other programs may call without it.
        if (!issuer) return DEPLOYED.services({ ...services, tokens: 'checked-by-cloud-run' });
        return { identity: issuer.guarded, serviceAccounts: SERVICE_ACCOUNTS };
      },
      signIn: async (signIn, secret) =>
        signIn.kind === 'embedded' ? localSignIn(embedded.signIn) : DEPLOYED.signIn(signIn, secret),
      signInPage: async (signIn) =>
        signIn.kind === 'embedded' ? localSignIn(embedded.signIn) : DEPLOYED.signInPage(signIn),
      async billing(billing) {
        if (billing.kind !== 'embedded') return DEPLOYED.billing(billing);
        return embedded.stripe && openStripe(stripeAt(embedded.stripe));
      },
      async billingEvents(billing, webhookSecrets) {
        if (billing.kind !== 'embedded') return DEPLOYED.billingEvents(billing, webhookSecrets);
        const { stripe } = embedded;
        return stripe && openStripeEvents(stripeAt(stripe), [stripe.webhookSecret]);
      },
    },
  );
  return { deps, bus, issuer, iam };
}

/** Opens only the records, for programs that need nothing else. */
export async function openRecords({ records, dataFolder }: Config): Promise<Records> {
  if (records.kind !== 'embedded') return DEPLOYED.records(records);
  const file = join(dataFolder, 'records.db');
  makePrivateFolder(dataFolder);
  // SQLite gives its -wal and -shm files the mode of the database.
  makePrivateFile(file);
  return openSqliteRecords(file);
}

/** Opens the versions of the signing key, for operators' programs. Functions only sign. */
export async function openSigningKeys({ signing, dataFolder }: Config): Promise<SigningKeys> {
  return signing.kind === 'kms'
    ? openKmsKeys(signing)
    : openLocalKeys({ folder: localKeysIn(dataFolder), version: signing.version });
}

async function openRedis(seats: Config['seats'], timeoutMs: number | undefined): Promise<RedisEngine> {
  if (seats.kind !== 'embedded') return DEPLOYED.redis(seats, timeoutMs);
  const server = await startEmbeddedRedis();
  const engine = redisEngine({ url: `redis://${server.host}:${server.port}`, timeoutMs });
  const close = lazy(async () => {
    engine.close();
    await server.close();
  });
  return { ...engine, close };
}

function openIssuer(dataFolder: string): LocalIdentity {
  return openLocalIdentity({ keyFile: join(dataFolder, 'service-key.pem'), audience: 'seatlease.local' });
}

function localSignIn(options: EmbeddedOptions['signIn']): (SignIn & SignInPage) | undefined {
  if (!options || 'redeem' in options) return options;
  return { ...openGoogleSignInPage(options), ...openGoogleSignIn(options) };
}

function stripeAt({ apiKey, host, port }: NonNullable<EmbeddedOptions['stripe']>): StripeOptions {
  return { secretKey: apiKey, server: { host, port } };
}

function localKeysIn(dataFolder: string): string {
  return join(dataFolder, 'signing-keys');
}
