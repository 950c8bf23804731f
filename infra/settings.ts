import * as z from 'zod/mini';
import { type ChosenName, SETTING_NAMES, SETTINGS } from '../shared/settings.ts';

/** Settings that a stack can set for the functions as plain variables. */
export const CHOSEN = SETTING_NAMES.filter((name): name is ChosenName => SETTINGS[name].source === 'chosen');

const filled = z.string().check(z.minLength(1));
const count = z.int().check(z.gte(0));
const version = z.int().check(z.gte(1));
const share = z.number().check(z.gte(0), z.lte(1));
const databaseName = z
  .string()
  .check(
    z.regex(
      /^(\(default\)|[a-z][a-z0-9-]{2,61}[a-z0-9])$/,
      'needs "(default)", or 4 to 63 lower-case letters, digits and hyphens',
    ),
  );

export const Settings = z.strictObject({
  /** Project and region of the stack, from `gcp:project` and `gcp:region`. */
  project: filled,
  region: filled,
  /** Google's number for the project: part of the functions' URLs and of its service agents' names. */
  projectNumber: z.string().check(z.regex(/^\d+$/, 'needs the digits of the project number, in quotes')),
  /** Must not be changed after the first deploy. */
  firestoreLocation: filled,
  /** The Firestore database that functions use. */
  database: z.prefault(databaseName, '(default)'),
  /**
   * More databases with the same indexes, rules and backups, which no function uses: the one that you will move to, or the
   * one that you moved from.
   */
  otherDatabases: z.prefault(z.array(databaseName), []),
  backups: z.prefault(
    z.strictObject({
      /**
       * Days that a daily backup is kept. Erased personal data stays in backups for that long after its erasure, so this
       * is part of what you promise your customers. Point-in-time recovery keeps it for 7 days in any case; Firestore
       * keeps no backup for longer than 14 weeks.
       */
      retentionDays: z.prefault(z.int().check(z.gte(7), z.lte(98)), 7),
      /** A copy that does not depend on the project. The bucket is not part of the stack. */
      copy: z.optional(
        z.strictObject({
          /** Name of a bucket in another project. Its own rules must delete old copies: they hold erased data, too. */
          bucket: z
            .string()
            .check(z.regex(/^[a-z0-9][a-z0-9._-]+$/, 'needs the name of a bucket, without gs://')),
          /** When to copy, in cron's format and UTC. Each copy is billed as one read of every document. */
          schedule: z.prefault(filled, '0 3 * * 0'),
        }),
      ),
    }),
    {},
  ),
  /** Where the seats are kept: the functions get the address of one Redis. */
  redis: z.prefault(
    z.discriminatedUnion('kind', [
      /** Upstash by REST. Two secrets are its address and token. */
      z.strictObject({ kind: z.literal('upstash') }),
      /** A Memorystore for Valkey instance of the stack, in a network of its own. */
      z.strictObject({
        kind: z.literal('memorystore'),
        /** https://docs.cloud.google.com/memorystore/docs/valkey/instance-node-specification; `SHARED_CORE_NANO` has no SLA. */
        nodeType: z.prefault(
          z.enum([
            'SHARED_CORE_NANO',
            'CUSTOM_PICO',
            'CUSTOM_MICRO',
            'CUSTOM_MINI',
            'STANDARD_SMALL',
            'STANDARD_LARGE',
            'HIGHCPU_MEDIUM',
            'HIGHMEM_MEDIUM',
            'HIGHMEM_XLARGE',
            'HIGHMEM_2XLARGE',
          ]),
          'STANDARD_SMALL',
        ),
        /** More than 1 is a cluster. A change from 1 to more, or back, needs another instance. */
        shards: z.prefault(version.check(z.lte(100)), 1),
        /** Of each shard, in other zones. With 0, a lost node grants no seats until it has restarted. */
        replicas: z.prefault(count.check(z.lte(5)), 1),
      }),
      /** Any other Redis or Valkey that functions can reach. The secret `REDIS_URL` is its address, with its password. */
      z.strictObject({
        kind: z.literal('url'),
        cluster: z.prefault(z.boolean(), false),
        /** The authorities that may sign its certificate, in PEM, if Node does not know them. */
        caCertificate: z.optional(filled),
      }),
    ]),
    { kind: 'upstash' },
  ),
  publicUrl: z.url({ protocol: /^https$/, error: 'needs an https origin' }),
  /** Whether resources that cannot be created again are protected from deletion. */
  protect: z.boolean(),
  /**
   * How functions with public endpoints become public: a role for `allUsers`, or, in an organization that refuses it,
   * Cloud Run's invoker check switched off, which `npm run deploy` does after each deploy.
   */
  publicAccess: z.prefault(z.enum(['allUsers', 'invoker-check-off']), 'allUsers'),
  /** Instances of the hot path that are kept warm. */
  minInstances: count,
  /** The most instances of each function. An instance has 1 vCPU. */
  instances: z.prefault(
    z.strictObject({
      /** Cloud Run's quota for the project in the region (`CpuAllocPerProjectRegion`), in vCPU. New projects have 20. */
      vcpuQuota: z.prefault(version, 20),
      /** Each of acquire, heartbeat and release, up to 100. */
      hot: z.prefault(version, 5),
      /** Each of the others, up to the `maxInstances` of its contract. */
      others: z.prefault(version, 2),
    }),
    {},
  ),
  signingKey: z.strictObject({
    /** Must not be changed after the first deploy. */
    protectionLevel: z.enum(['SOFTWARE', 'HSM']),
    /** The version that licenses are signed with. */
    version,
  }),
  /** The version of each secret that the functions get. */
  secretVersions: z.record(z.string(), version),
  signIn: z.optional(z.strictObject({ clientId: filled, issuer: z.optional(filled) })),
  billing: z.optional(z.strictObject({ returnUrl: filled })),
  /**
   * Whether the operator key works, which allows everything. Switch it off when operators have tokens or sign in; its secret can
   * stay.
   */
  operatorKey: z.prefault(z.boolean(), true),
  environment: z.prefault(z.partialRecord(z.enum(CHOSEN), z.string()), {}),
  /** Who receives alerts: each of them receives all. */
  alerts: z.strictObject({
    /** They receive the budget's alerts, too. */
    emails: z.array(z.email('needs an e-mail address')).check(z.minLength(1), z.maxLength(5)),
    /** Addresses that Cloud Monitoring posts to. They are stored as they are, so put no secret in them. */
    webhooks: z.prefault(z.array(z.url({ protocol: /^https$/, error: 'needs an https address' })), []),
    /**
     * Channels that you created by hand, as `projects/my-project/notificationChannels/123`: Slack, PagerDuty, SMS, or a
     * webhook with a password. So their secrets are not in the stack.
     */
    channels: z.prefault(
      z.array(
        z
          .string()
          .check(
            z.regex(
              /^projects\/[^/]+\/notificationChannels\/\d+$/,
              'needs the name of a notification channel',
            ),
          ),
      ),
      [],
    ),
  }),
  /**
   * The share of the log lines of calls for seats (acquire, heartbeat, release) that is kept, from 0 to 1. Metrics count
   * them all, and lines with WARNING or ERROR are always kept.
   */
  requestLogs: z.prefault(
    z.strictObject({
      /** Cloud Run's own request lines. They have the caller's network address; ours never do. */
      cloudRun: z.prefault(share, 1),
      /** Our lines, with the verdict and the license. */
      own: z.prefault(share, 1),
    }),
    {},
  ),
  budget: z.optional(
    z.strictObject({
      billingAccount: filled,
      /** ISO 4217; must be the billing account's currency. */
      currency: z.string().check(z.regex(/^[A-Z]{3}$/, 'needs the three letters of a currency')),
      /** Whole units of the currency. */
      monthlyAmount: version,
    }),
  ),
  /** Folder of the bundles, relative to `infra/`, with a folder for each function. */
  bundles: z.prefault(filled, '../dist/functions'),
});

export type StackSettings = z.infer<typeof Settings>;
