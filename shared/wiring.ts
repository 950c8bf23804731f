import { randomBytes } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { openSeats } from './adapters/seats/redis-seats.ts';
import { refillingSeats } from './adapters/seats/refilling-seats.ts';
import { httpRequester } from './adapters/seats/upstash-http.ts';
import type { GoogleSignInOptions } from './adapters/sign-in/google-sign-in.ts';
import type { Config } from './config.ts';
import { accessTokens } from './domain/access-token.ts';
import { pseudonyms, pseudonymsOf } from './domain/holder.ts';
import { sealer } from './domain/sealed.ts';
import { secretMatcher } from './domain/secret.ts';
import { sessionTokens } from './domain/session-token.ts';
import { logToStandardOutput } from './http/log.ts';
import { whenNeeded } from './lazy.ts';
import type { EventBus, EventBusOptions } from './local/event-bus.ts';
import type { RespOptions } from './local/redis/resp-client.ts';
import type { LocalIdentity } from './local/service-tokens.ts';
import type { Billing } from './ports/billing.ts';
import type { Deps } from './ports/deps.ts';
import type { Events } from './ports/events.ts';
import type { Records } from './ports/records.ts';
import type { SignIn } from './ports/sign-in.ts';
import type { Signer } from './ports/signer.ts';
import type { SigningKeys } from './ports/signing-keys.ts';

/** What can be asked of the parts that are opened when they are needed. */
const RECORDS = { get: true, create: true, query: true, transact: true, ping: true, close: true } as const;
const EVENTS = { publish: true, ping: true, close: true } as const;
const SIGNER = { current: true, publicKeys: true, ping: true, close: true } as const;
const IDENTITY = { verifyServiceToken: true } as const;
const SIGN_IN = { authorizeUrl: true, redeem: true } as const;
const LIMITS = { take: true } as const;
const SEAT_MAINTENANCE = {
  expire: true,
  readOutbox: true,
  trimOutbox: true,
  listCopies: true,
  dropCopy: true,
  whichSeated: true,
  bar: true,
  unbar: true,
  readFacts: true,
  forgetSessions: true,
} as const;
const BILLING = {
  createCustomer: true,
  deleteCustomer: true,
  createCheckout: true,
  expireCheckout: true,
  createPortal: true,
  readSubscription: true,
  endSubscription: true,
  readPayment: true,
  readDispute: true,
  recordUsage: true,
  openEvent: true,
} as const;

/** What stands in for the cloud around the functions, where the configuration names nothing real. */
export interface Parts {
  readonly deps: Deps;
  /** In place of Pub/Sub: whoever runs the functions subscribes them to it. */
  readonly bus?: EventBus | undefined;
  /** In place of Google: makes the tokens that Cloud Scheduler and Pub/Sub would show. */
  readonly issuer?: LocalIdentity | undefined;
}

/** Puts the parts together that `config` names. What runs in this process for want of a real part ends with `close`. */
export async function openDeps(config: Config): Promise<Deps> {
  return (await openParts(config)).deps;
}

/** For what is embedded: how the bus delivers, and who is told what it is not good for. */
export interface EmbeddedOptions {
  readonly bus?: EventBusOptions;
  /** In place of Google: where people sign in; nobody can without it. */
  readonly signIn?: SignIn | GoogleSignInOptions;
  /** In place of Stripe; nothing can be bought without it. */
  readonly stripe?: {
    readonly apiKey: string;
    readonly webhookSecret: string;
    readonly host: string;
    readonly port: number;
    readonly returnUrl: string;
  };
  /** Where this process serves, once that is known. */
  readonly publicUrl?: string;
  readonly say?: Deps['log'];
}

/** The same, with a hand on what is embedded. */
export async function openParts(config: Config, embedded: EmbeddedOptions = {}): Promise<Parts> {
  const { bus, events } = await openEvents(config.events, embedded.bus);
  const { issuer, identity, serviceAccounts } = await openServices(config);
  const signer = await openSigner(config, embedded.say ?? logToStandardOutput);
  const redis = await openUpstash(config.seats);
  const records = await openRecords(config);
  const requester = httpRequester(redis);
  const { accessTokenKeys } = config;
  const publicUrl = config.publicUrl ?? embedded.publicUrl ?? `http://127.0.0.1:${config.port}`;
  const seats = refillingSeats(openSeats(requester), records);
  const deps: Deps = {
    seats,
    seatMaintenance: whenNeeded(SEAT_MAINTENANCE, async () =>
      (await import('./adapters/seats/redis-maintenance.ts')).openRedisMaintenance(requester),
    ),
    records,
    events,
    identity,
    signer,
    limits: whenNeeded(LIMITS, async () =>
      (await import('./adapters/limits/upstash-limits.ts')).openLimits(requester),
    ),
    signIn: openSignIn(config.signIn, embedded.signIn),
    billing: openBilling(config.billing, embedded.stripe),
    checkout: {
      ...config.checkout,
      returnUrl: config.checkout.returnUrl ?? embedded.stripe?.returnUrl ?? publicUrl,
    },
    trials: config.trials,
    usageMeters: config.usageMeters,
    publicUrl,
    signInRedirects: config.signInRedirects,
    operators: config.operators,
    accessTokens: accessTokens(accessTokenKeys, publicUrl),
    seals: {
      underWay: sealer('su1', accessTokenKeys),
      refresh: sealer('rt1', accessTokenKeys),
      confirmation: sealer('ct1', accessTokenKeys),
    },
    pseudonymOf: pseudonymsOf(config.pseudonymKey),
    forwardedHops: config.forwardedHops,
    retentionDays: config.retentionDays,
    serviceAccounts,
    clock: { nowMs: () => Date.now() },
    pseudonyms: pseudonyms(config.pseudonymKey),
    sessionTokens: sessionTokens(config.sessionTokenKeys),
    isOperatorKey: secretMatcher(config.operatorKey),
    shards: config.shards,
    projectId: config.projectId,
    log: logToStandardOutput,
    async close() {
      // The bus may be delivering to functions that still need the others.
      await events.close();
      await Promise.all([seats.close(), records.close(), signer.close()]);
      await redis.close();
    },
  };
  return { deps, bus, issuer };
}

async function openEvents(
  events: Config['events'],
  options: EventBusOptions | undefined,
): Promise<{ events: Events; bus?: EventBus }> {
  if (events.kind === 'pubsub') {
    const pubsub = async () => (await import('./adapters/events/pubsub-events.ts')).openPubSubEvents(events);
    return { events: whenNeeded(EVENTS, pubsub) };
  }
  const { openEventBus } = await import('./local/event-bus.ts');
  const bus = openEventBus(options);
  return { events: bus, bus };
}

type Services = Pick<Deps, 'identity' | 'serviceAccounts'> & { issuer?: LocalIdentity };

async function openServices({ services, dataFolder }: Config): Promise<Services> {
  if (services.kind === 'google') {
    const google = async () =>
      (await import('./adapters/identity/google-identity.ts')).openGoogleIdentity(services);
    return { identity: whenNeeded(IDENTITY, google), serviceAccounts: services.accounts };
  }
  const { openLocalIdentity } = await import('./local/service-tokens.ts');
  const issuer = openLocalIdentity({
    keyFile: join(dataFolder, 'service-key.pem'),
    audience: 'seatlease.local',
  });
  const serviceAccounts = { scheduler: 'scheduler@seatlease.local', pubsub: 'pubsub@seatlease.local' };
  return { identity: issuer, serviceAccounts, issuer };
}

function openSignIn(
  signIn: Config['signIn'],
  local: SignIn | GoogleSignInOptions | undefined,
): SignIn | undefined {
  const options = signIn.kind === 'google' ? signIn : local;
  if (!options || 'redeem' in options) return options;
  return whenNeeded(SIGN_IN, async () =>
    (await import('./adapters/sign-in/google-sign-in.ts')).openGoogleSignIn(options),
  );
}

function openBilling(billing: Config['billing'], standIn: EmbeddedOptions['stripe']): Billing | undefined {
  const options = billing.kind === 'stripe' ? billing : standIn && accountAt(standIn);
  if (!options) return undefined;
  return whenNeeded(BILLING, async () =>
    (await import('./adapters/billing/stripe-billing.ts')).openStripe(options),
  );
}

function accountAt({ apiKey, webhookSecret, host, port }: NonNullable<EmbeddedOptions['stripe']>) {
  return { secretKey: apiKey, webhookSecrets: [webhookSecret], server: { host, port } };
}

async function openSigner({ signing, dataFolder }: Config, say: Deps['log']): Promise<Signer> {
  if (signing.kind === 'kms')
    return whenNeeded(SIGNER, async () =>
      (await import('./adapters/signer/kms-signer.ts')).openKmsSigner(signing),
    );
  const { openLocalSigner } = await import('./local/signing-key.ts');
  return openLocalSigner({ folder: localKeysIn(dataFolder), version: signing.version, say });
}

/** The versions of the signing key, for operators' programs; functions only sign. */
export async function openSigningKeys({ signing, dataFolder }: Config): Promise<SigningKeys> {
  if (signing.kind === 'kms') {
    const { openKmsKeys } = await import('./adapters/signer/kms-keys.ts');
    return openKmsKeys(signing);
  }
  const { openLocalKeys } = await import('./local/signing-key.ts');
  return openLocalKeys({ folder: localKeysIn(dataFolder), version: signing.version });
}

function localKeysIn(dataFolder: string): string {
  return join(dataFolder, 'signing-keys');
}

interface Upstash {
  readonly url: string;
  readonly token: string;
  close(): Promise<void>;
}

/** Upstash itself, or a front that speaks its protocol over a Redis server or an embedded Redis. */
async function openUpstash(seats: Config['seats']): Promise<Upstash> {
  if (seats.kind === 'upstash') return { ...seats, close: async () => {} };
  const { startUpstashFront } = await import('./local/redis/upstash-server.ts');
  const token = randomBytes(24).toString('base64url');
  if (seats.kind === 'redis') return startUpstashFront({ backend: backendOf(seats.url), token });
  const { startEmbeddedRedis } = await import('./local/redis/embedded-redis.ts');
  const redis = await startEmbeddedRedis();
  const front = await startUpstashFront({ backend: redis, token });
  return {
    ...front,
    async close() {
      await front.close();
      await redis.close();
    },
  };
}

/** The records alone, for programs that need nothing else. */
export async function openRecords({ records, dataFolder }: Config): Promise<Records> {
  if (records.kind === 'firestore') {
    return whenNeeded(RECORDS, async () =>
      (await import('./adapters/records/firestore-records.ts')).openFirestoreRecords(records),
    );
  }
  const { openSqliteRecords } = await import('./local/sqlite-records.ts');
  mkdirSync(dataFolder, { recursive: true });
  return openSqliteRecords(join(dataFolder, 'records.db'));
}

function backendOf(redisUrl: string): RespOptions {
  const { hostname, port, username, password, pathname } = new URL(redisUrl);
  return {
    host: hostname,
    port: Number(port || 6379),
    username: username ? decodeURIComponent(username) : undefined,
    password: password ? decodeURIComponent(password) : undefined,
    db: pathname.length > 1 ? Number(pathname.slice(1)) : undefined,
  };
}
