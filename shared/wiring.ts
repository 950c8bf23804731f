import type { KeyObject } from 'node:crypto';
import { openDns } from './adapters/dns/node-dns.ts';
import { openPubSubEvents } from './adapters/events/pubsub-events.ts';
import { openGoogleIdentity } from './adapters/identity/google-identity.ts';
import { openLimits } from './adapters/limits/upstash-limits.ts';
import { openFirestoreRecords } from './adapters/records/firestore-records.ts';
import type { RedisEngine } from './adapters/redis/engine.ts';
import { openRedisMaintenance } from './adapters/seats/redis-maintenance.ts';
import { openSeats } from './adapters/seats/redis-seats.ts';
import { refillingSeats } from './adapters/seats/refilling-seats.ts';
import { openKmsSigner } from './adapters/signer/kms-signer.ts';
import { type Config, ConfigError } from './config.ts';
import { accessTokenIssuer, accessTokens } from './domain/access-token.ts';
import { pseudonyms, pseudonymsOf } from './domain/holder.ts';
import { readPrivateKey, thumbprintOf } from './domain/rsa-key.ts';
import { sealer } from './domain/sealed.ts';
import { hashMatcher, secretMatcher } from './domain/secret.ts';
import { sessionTokens } from './domain/session-token.ts';
import { signInClients } from './domain/sign-in-clients.ts';
import { logToStandardOutput } from './http/log.ts';
import { lazy } from './lazy.ts';
import type { Billing, BillingEvents } from './ports/billing.ts';
import type { Deps } from './ports/deps.ts';
import type { Dns } from './ports/dns.ts';
import type { Events } from './ports/events.ts';
import type { Identity } from './ports/identity.ts';
import type { Records } from './ports/records.ts';
import type { SignIn, SignInPage } from './ports/sign-in.ts';
import type { Signer } from './ports/signer.ts';
import { DEPENDENCIES, type Dependency } from './settings.ts';

/** The service accounts of Cloud Scheduler and Pub/Sub, and how their tokens are verified. */
export interface Services {
  readonly identity: Identity;
  readonly serviceAccounts: Deps['serviceAccounts'];
}

/** Opens each port from its part of the configuration. Throws `ConfigError` for a kind that it does not support. */
export interface Openers {
  /** `timeoutMs` limits each call; the engine's default if absent. */
  redis(seats: Config['seats'], timeoutMs?: number): Promise<RedisEngine>;
  records(records: Config['records']): Promise<Records>;
  events(events: Config['events']): Promise<Events>;
  signer(signing: Config['signing']): Promise<Signer>;
  dns(servers: Config['dnsServers']): Promise<Dns>;
  services(services: Config['services']): Promise<Services>;
  /** `undefined` if sign-in is off. */
  signIn(signIn: Config['signIn'], secret: Config['signInSecret']): Promise<SignIn | undefined>;
  signInPage(signIn: Config['signIn']): Promise<SignInPage | undefined>;
  /** `undefined` if payments are off. */
  billing(billing: Config['billing']): Promise<Billing | undefined>;
  billingEvents(
    billing: Config['billing'],
    webhookSecrets: Config['webhookSecrets'],
  ): Promise<BillingEvents | undefined>;
}

/**
 * The openers of a deployed suite. They open no embedded kind, because an instance loses its own data when it stops.
 * Opening does no I/O and loads no SDK: each adapter does both at its first call. The modules for sign-in and billing
 * are not even loaded in functions that do not get their secrets.
 */
export const DEPLOYED: Openers = {
  // Imported here because a deployed suite uses one of the two.
  async redis(seats, timeoutMs) {
    if (seats.kind === 'upstash')
      return (await import('./adapters/redis/upstash-http.ts')).httpRequester({ ...seats, timeoutMs });
    if (seats.kind === 'redis')
      return (await import('./adapters/redis/redis-protocol.ts')).redisEngine({ ...seats, timeoutMs });
    throw notSet('UPSTASH_REDIS_REST_URL or REDIS_URL');
  },
  async records(records) {
    if (records.kind !== 'firestore') throw notSet('GOOGLE_CLOUD_PROJECT');
    return openFirestoreRecords(records);
  },
  async events(events) {
    if (events.kind !== 'pubsub') throw notSet('EVENTS_TOPIC');
    return openPubSubEvents(events);
  },
  async signer(signing) {
    if (signing.kind !== 'kms') throw notSet('SIGNING_KEY_VERSION');
    return openKmsSigner(signing);
  },
  dns: async (servers) => openDns(servers),
  async services(services) {
    if (services.kind !== 'google') throw notSet('SERVICE_AUDIENCE');
    return { identity: openGoogleIdentity(services), serviceAccounts: services.accounts };
  },
  async signIn(signIn, clientSecret) {
    if (signIn.kind === 'embedded' || clientSecret === undefined) return undefined;
    if (signIn.kind === 'openid')
      return (await import('./adapters/sign-in/openid-sign-in.ts')).openOpenIdSignIn({
        ...signIn,
        clientSecret,
      });
    const { openGoogleSignIn } = await import('./adapters/sign-in/google-sign-in.ts');
    return openGoogleSignIn({ ...signIn, clientSecret });
  },
  async signInPage(signIn) {
    if (signIn.kind === 'embedded') return undefined;
    if (signIn.kind === 'openid')
      return (await import('./adapters/sign-in/openid-sign-in.ts')).openOpenIdSignInPage(signIn);
    return (await import('./adapters/sign-in/google-sign-in.ts')).openGoogleSignInPage(signIn);
  },
  async billing(billing) {
    if (billing.kind !== 'stripe') return undefined;
    return (await import('./adapters/billing/stripe-billing.ts')).openStripe(billing);
  },
  async billingEvents(billing, webhookSecrets) {
    if (billing.kind !== 'stripe' || !webhookSecrets) return undefined;
    return (await import('./adapters/billing/stripe-billing.ts')).openStripeEvents(billing, webhookSecrets);
  },
};

function notSet(setting: string): ConfigError {
  return new ConfigError([`${setting}: is not set`]);
}

/** The key that signs access tokens. Throws `ConfigError` if other functions would refuse its tokens. */
function signingKeyOf({ accessTokenPrivateKey, accessTokenPublicKeys }: Config): KeyObject {
  const key = readPrivateKey(accessTokenPrivateKey);
  if (!key)
    throw new ConfigError([
      'ACCESS_TOKEN_PRIVATE_KEY: needs an RSA private key of at least 2,048 bits (PKCS#8)',
    ]);
  const id = thumbprintOf(key);
  if (!accessTokenPublicKeys.some((known) => thumbprintOf(known) === id))
    throw new ConfigError(['ACCESS_TOKEN_PUBLIC_KEYS: lacks the public half of ACCESS_TOKEN_PRIVATE_KEY']);
  return key;
}

/** `undefined` if the operator key is switched off: a deployed suite without its hash. */
function operatorKeyMatcher(config: Config): Deps['isOperatorKey'] {
  if (config.operatorKeyHash !== undefined) return hashMatcher(config.operatorKeyHash);
  // Its type is that of the local server, where it is required.
  return config.operatorKey === undefined ? undefined : secretMatcher(config.operatorKey);
}

/**
 * Opens `dependencies`, and only what they need. Reading any other has no value, whatever its type is: `serve` guards the
 * ones that a contract does not name.
 */
export async function assembleDeps(
  config: Config,
  openers: Openers = DEPLOYED,
  dependencies: ReadonlySet<Dependency> = DEPENDENCIES,
): Promise<Deps> {
  const closers: (() => unknown)[] = [];
  const once = <P extends { close(): unknown }>(open: () => Promise<P>): (() => Promise<P>) =>
    lazy(async () => {
      const part = await open();
      closers.unshift(() => part.close());
      return part;
    });
  const redis = once(() => openers.redis(config.seats));
  const records = once(() => openers.records(config.records));
  const services = lazy(() => openers.services(config.services));
  const publicUrl = (): string => config.publicUrl ?? `http://127.0.0.1:${config.port}`;

  const open: { readonly [D in Dependency]: () => Deps[D] | Promise<Deps[D]> } = {
    seats: once(async () => refillingSeats(openSeats(await redis()), await records())),
    seatMaintenance: async () => openRedisMaintenance(await redis()),
    limits: async () => openLimits(await redis()),
    records,
    signer: once(() => openers.signer(config.signing)),
    dns: () => openers.dns(config.dnsServers),
    events: once(() => openers.events(config.events)),
    identity: async () => (await services()).identity,
    serviceAccounts: async () => (await services()).serviceAccounts,
    signIn: () => openers.signIn(config.signIn, config.signInSecret),
    signInPage: () => openers.signInPage(config.signIn),
    billing: () => openers.billing(config.billing),
    billingEvents: () => openers.billingEvents(config.billing, config.webhookSecrets),
    checkout: () => ({ ...config.checkout, returnUrl: config.checkout.returnUrl ?? publicUrl() }),
    holdPolicy: () => config.holdPolicy,
    trials: () => config.trials,
    usageMeters: () => config.usageMeters,
    usageCaps: () => config.usageCaps,
    usageFloors: () => config.usageFloors,
    publicUrl,
    signInClients: () => signInClients(config.signInClients, publicUrl()),
    operators: () => config.operators,
    isOperatorKey: () => operatorKeyMatcher(config),
    accessTokens: () => accessTokens(config.accessTokenPublicKeys, publicUrl()),
    accessTokenIssuer: () => accessTokenIssuer(signingKeyOf(config), publicUrl()),
    refreshTokens: () => sealer('rt1', config.refreshTokenKeys),
    signInState: () => sealer('su1', config.signInStateKeys),
    confirmations: () => sealer('ct1', config.confirmationKeys),
    sessionTokens: () => sessionTokens(config.sessionTokenKeys),
    pseudonyms: () => pseudonyms(config.pseudonymKey),
    pseudonymOf: () => pseudonymsOf(config.pseudonymKey),
    forwardedHops: () => config.forwardedHops,
    retentionDays: () => config.retentionDays,
    shards: () => config.shards,
    projectId: () => config.projectId,
  };
  const opened: Partial<Record<Dependency, unknown>> = {};
  // Events are opened last, to be closed first: their deliveries may still use the rest.
  const eventsLast = [...dependencies].toSorted((a, b) => Number(a === 'events') - Number(b === 'events'));
  for (const name of eventsLast) opened[name] = await open[name]();
  return {
    ...(opened as Pick<Deps, Dependency>),
    clock: { nowMs: () => Date.now() },
    log: logToStandardOutput,
    async close() {
      for (const close of closers) await close();
    },
  };
}
