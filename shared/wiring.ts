import { openPubSubEvents } from './adapters/events/pubsub-events.ts';
import { openGoogleIdentity } from './adapters/identity/google-identity.ts';
import { openLimits } from './adapters/limits/upstash-limits.ts';
import { openFirestoreRecords } from './adapters/records/firestore-records.ts';
import { openRedisMaintenance } from './adapters/seats/redis-maintenance.ts';
import { openSeats } from './adapters/seats/redis-seats.ts';
import { refillingSeats } from './adapters/seats/refilling-seats.ts';
import { httpRequester } from './adapters/seats/upstash-http.ts';
import { openKmsSigner } from './adapters/signer/kms-signer.ts';
import { type Config, ConfigError } from './config.ts';
import { accessTokens } from './domain/access-token.ts';
import { pseudonyms, pseudonymsOf } from './domain/holder.ts';
import { sealer } from './domain/sealed.ts';
import { secretMatcher } from './domain/secret.ts';
import { sessionTokens } from './domain/session-token.ts';
import { logToStandardOutput } from './http/log.ts';
import type { Billing } from './ports/billing.ts';
import type { Deps } from './ports/deps.ts';
import type { Events } from './ports/events.ts';
import type { Identity } from './ports/identity.ts';
import type { Records } from './ports/records.ts';
import type { SignIn } from './ports/sign-in.ts';
import type { Signer } from './ports/signer.ts';

/** A Redis with Upstash's REST API. */
export interface RestRedis {
  readonly url: string;
  readonly token: string;
  /** Time limit of a request; the default of `httpRequester` if absent. */
  readonly timeoutMs?: number | undefined;
  close(): Promise<void>;
}

/** The service accounts of Cloud Scheduler and Pub/Sub, and how their tokens are verified. */
export interface Services {
  readonly identity: Identity;
  readonly serviceAccounts: Deps['serviceAccounts'];
}

/** Opens each port from its part of the configuration. Throws `ConfigError` for a kind that it does not support. */
export interface Openers {
  redis(seats: Config['seats']): Promise<RestRedis>;
  records(records: Config['records']): Promise<Records>;
  events(events: Config['events']): Promise<Events>;
  signer(signing: Config['signing']): Promise<Signer>;
  services(services: Config['services']): Promise<Services>;
  /** `undefined` if sign-in is off. */
  signIn(signIn: Config['signIn']): Promise<SignIn | undefined>;
  /** `undefined` if payments are off. */
  billing(billing: Config['billing']): Promise<Billing | undefined>;
}

/**
 * The openers of a deployed suite. They open no embedded kind, because an instance loses its own data when it stops.
 * Opening does no I/O and loads no SDK: each adapter does both at its first call. The modules for sign-in and billing
 * are not even loaded in functions that do not get their secrets.
 */
export const DEPLOYED: Openers = {
  async redis(seats) {
    if (seats.kind !== 'upstash') throw notSet('UPSTASH_REDIS_REST_URL');
    return { ...seats, close: async () => {} };
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
  async services(services) {
    if (services.kind !== 'google') throw notSet('SERVICE_AUDIENCE');
    return { identity: openGoogleIdentity(services), serviceAccounts: services.accounts };
  },
  async signIn(signIn) {
    if (signIn.kind !== 'google') return undefined;
    return (await import('./adapters/sign-in/google-sign-in.ts')).openGoogleSignIn(signIn);
  },
  async billing(billing) {
    if (billing.kind !== 'stripe') return undefined;
    return (await import('./adapters/billing/stripe-billing.ts')).openStripe(billing);
  },
};

function notSet(setting: string): ConfigError {
  return new ConfigError([`${setting}: is not set`]);
}

/**
 * Opens the dependencies of handlers. `close` closes the events first, because their deliveries may still use the rest.
 */
export async function assembleDeps(config: Config, openers: Openers = DEPLOYED): Promise<Deps> {
  const { accessTokenKeys } = config;
  const publicUrl = config.publicUrl ?? `http://127.0.0.1:${config.port}`;
  const records = await openers.records(config.records);
  const events = await openers.events(config.events);
  const signer = await openers.signer(config.signing);
  const redis = await openers.redis(config.seats);
  const requester = httpRequester(redis);
  const seats = refillingSeats(openSeats(requester), records);
  return {
    seats,
    seatMaintenance: openRedisMaintenance(requester),
    records,
    events,
    signer,
    limits: openLimits(requester),
    ...(await openers.services(config.services)),
    signIn: await openers.signIn(config.signIn),
    billing: await openers.billing(config.billing),
    checkout: { ...config.checkout, returnUrl: config.checkout.returnUrl ?? publicUrl },
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
    pseudonyms: pseudonyms(config.pseudonymKey),
    sessionTokens: sessionTokens(config.sessionTokenKeys),
    isOperatorKey: secretMatcher(config.operatorKey),
    forwardedHops: config.forwardedHops,
    retentionDays: config.retentionDays,
    shards: config.shards,
    projectId: config.projectId,
    clock: { nowMs: () => Date.now() },
    log: logToStandardOutput,
    async close() {
      await events.close();
      await Promise.all([seats.close(), records.close(), signer.close()]);
      await redis.close();
    },
  };
}
