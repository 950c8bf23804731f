/** Parts of the suite, in the order of the table. */
export const PARTS = [
  'Functions',
  'Redis',
  'Records',
  'Events',
  'Signing',
  'Logs',
  'Network',
  'Other',
] as const;
export type PartName = (typeof PARTS)[number];

/** One unit price. */
export interface Price {
  readonly part: PartName;
  readonly what: string;
  /** US dollars for `per` units. */
  readonly usd: number;
  readonly per: number;
  readonly unit: string;
  /** Free units per month. */
  readonly free?: number;
  readonly source: string;
  /** Date that the source gives for itself; `null` if the copy that was read has none. */
  readonly sourceDate: string | null;
  /** Why the price is uncertain; absent if the source states it for this region or for all regions. */
  readonly unverified?: string;
}

export const REGION = 'europe-west1';
/** When the sources were read. */
export const READ_ON = '2026-11-28';

const GIB = 2 ** 30;
const GB = 1e9;
const DAYS = 30;
const FROM_MEMORY = 'from memory: no source was found';
const TIER_1 = 'the price of Tier 1; that the region is in Tier 1 is from memory';
const OTHER_REGION = 'the price of us-west1; the row of the region was not found';
const US_MULTI_REGION = 'the price of the United States; the row of Europe was not found';
const AS_STORAGE = 'assumed to cost as much as the storage itself';

const CLOUD_RUN = {
  part: 'Functions',
  source: 'https://cloud.google.com/run/pricing',
  sourceDate: null,
} as const;
const UPSTASH = {
  part: 'Redis',
  source: 'https://upstash.com/docs/redis/overall/billing',
  sourceDate: '2026-09-20',
} as const;
const FIRESTORE = {
  part: 'Records',
  source: 'https://cloud.google.com/firestore/pricing',
  sourceDate: null,
} as const;
const KMS = {
  part: 'Signing',
  source: 'https://cloud.google.com/kms/pricing',
  sourceDate: '2025-03-17',
} as const;
const SECRET_MANAGER = {
  part: 'Other',
  source: 'https://cloud.google.com/secret-manager/pricing',
  sourceDate: null,
} as const;

/**
 * List prices in US dollars, without taxes and discounts. Free amounts are those of a billing account or project that
 * uses them for nothing else; daily ones are multiplied by 30.
 */
export const PRICES = {
  requests: {
    ...CLOUD_RUN,
    what: 'requests',
    usd: 0.4,
    per: 1e6,
    unit: 'requests',
    free: 2e6,
  },
  cpu: {
    ...CLOUD_RUN,
    what: 'CPU while serving',
    usd: 0.000024,
    per: 1,
    unit: 'vCPU-s',
    free: 180_000,
    unverified: TIER_1,
  },
  memory: {
    ...CLOUD_RUN,
    what: 'memory while serving',
    usd: 0.0000025,
    per: 1,
    unit: 'GiB-s',
    free: 360_000,
    unverified: TIER_1,
  },
  idleCpu: {
    ...CLOUD_RUN,
    what: 'CPU of instances kept warm',
    usd: 0.0000025,
    per: 1,
    unit: 'vCPU-s',
    unverified: FROM_MEMORY,
  },
  idleMemory: {
    ...CLOUD_RUN,
    what: 'memory of instances kept warm',
    usd: 0.0000025,
    per: 1,
    unit: 'GiB-s',
    unverified: FROM_MEMORY,
  },
  redisCommands: {
    ...UPSTASH,
    what: 'commands',
    usd: 0.2,
    per: 100_000,
    unit: 'commands',
  },
  redisBandwidth: {
    ...UPSTASH,
    what: 'bandwidth',
    usd: 0.03,
    per: GB,
    unit: 'bytes',
    free: 200 * GB,
  },
  redisStorage: {
    ...UPSTASH,
    what: 'storage',
    usd: 0.25,
    per: GB,
    unit: 'bytes',
    free: GB,
  },
  documentReads: {
    ...FIRESTORE,
    what: 'documents read',
    usd: 0.03,
    per: 100_000,
    unit: 'documents',
    free: 50_000 * DAYS,
    unverified: OTHER_REGION,
  },
  documentWrites: {
    ...FIRESTORE,
    what: 'documents written',
    usd: 0.09,
    per: 100_000,
    unit: 'documents',
    free: 20_000 * DAYS,
    unverified: OTHER_REGION,
  },
  documentDeletes: {
    ...FIRESTORE,
    what: 'documents deleted',
    usd: 0.01,
    per: 100_000,
    unit: 'documents',
    free: 20_000 * DAYS,
    unverified: FROM_MEMORY,
  },
  documentStorage: {
    ...FIRESTORE,
    what: 'storage after a year',
    usd: 0.15,
    per: GIB,
    unit: 'bytes',
    free: GIB,
    unverified: OTHER_REGION,
  },
  documentHistory: {
    ...FIRESTORE,
    what: 'point-in-time recovery',
    usd: 0.15,
    per: GIB,
    unit: 'bytes',
    unverified: AS_STORAGE,
  },
  multiRegionReads: {
    ...FIRESTORE,
    what: 'documents read (multi-region)',
    usd: 0.06,
    per: 100_000,
    unit: 'documents',
    free: 50_000 * DAYS,
    unverified: US_MULTI_REGION,
  },
  multiRegionWrites: {
    ...FIRESTORE,
    what: 'documents written (multi-region)',
    usd: 0.18,
    per: 100_000,
    unit: 'documents',
    free: 20_000 * DAYS,
    unverified: US_MULTI_REGION,
  },
  multiRegionDeletes: {
    ...FIRESTORE,
    what: 'documents deleted (multi-region)',
    usd: 0.02,
    per: 100_000,
    unit: 'documents',
    free: 20_000 * DAYS,
    unverified: US_MULTI_REGION,
  },
  multiRegionStorage: {
    ...FIRESTORE,
    what: 'storage after a year (multi-region)',
    usd: 0.18,
    per: GIB,
    unit: 'bytes',
    free: GIB,
    unverified: US_MULTI_REGION,
  },
  multiRegionHistory: {
    ...FIRESTORE,
    what: 'point-in-time recovery (multi-region)',
    usd: 0.18,
    per: GIB,
    unit: 'bytes',
    unverified: AS_STORAGE,
  },
  eventBytes: {
    part: 'Events',
    what: 'messages published and pushed',
    usd: 40,
    per: 2 ** 40,
    unit: 'bytes',
    free: 10 * GIB,
    source: 'https://cloud.google.com/pubsub/pricing',
    sourceDate: null,
  },
  keyVersions: {
    ...KMS,
    what: 'key versions (software)',
    usd: 0.06,
    per: 1,
    unit: 'versions',
  },
  keyOperations: {
    ...KMS,
    what: 'signatures',
    usd: 0.03,
    per: 10_000,
    unit: 'operations',
  },
  hsmVersions: {
    ...KMS,
    what: 'key versions (HSM)',
    usd: 2.5,
    per: 1,
    unit: 'versions',
  },
  hsmOperations: {
    ...KMS,
    what: 'signatures (HSM)',
    usd: 0.15,
    per: 10_000,
    unit: 'operations',
  },
  logBytes: {
    part: 'Logs',
    what: 'ingested',
    usd: 0.5,
    per: GIB,
    unit: 'bytes',
    free: 50 * GIB,
    source: 'https://cloud.google.com/stackdriver/pricing',
    sourceDate: null,
  },
  hostingBytes: {
    part: 'Network',
    what: 'Hosting to clients',
    usd: 0.15,
    per: GB,
    unit: 'bytes',
    free: 0.36 * GB * DAYS,
    source: 'https://firebase.google.com/pricing',
    sourceDate: null,
    unverified: 'from a transcript of the page of May 2026, not from the page',
  },
  internetBytes: {
    part: 'Network',
    what: 'functions to the internet',
    usd: 0.12,
    per: GIB,
    unit: 'bytes',
    source: 'https://cloud.google.com/vpc/network-pricing',
    sourceDate: null,
    unverified: 'from a comparison of April 2026, not from the page; more than 1 TiB is cheaper',
  },
  secretVersions: {
    ...SECRET_MANAGER,
    what: 'secret versions',
    usd: 0.06,
    per: 1,
    unit: 'versions',
    free: 6,
  },
  secretReads: {
    ...SECRET_MANAGER,
    what: 'secrets read',
    usd: 0.03,
    per: 10_000,
    unit: 'operations',
    free: 10_000,
  },
  jobs: {
    part: 'Other',
    what: 'Scheduler jobs',
    usd: 0.1,
    per: 1,
    unit: 'jobs',
    free: 3,
    source: 'https://cloud.google.com/scheduler/pricing',
    sourceDate: null,
  },
  uptimeChecks: {
    part: 'Other',
    what: 'uptime checks',
    usd: 0.3,
    per: 1_000,
    unit: 'executions',
    free: 1e6,
    source: 'https://cloud.google.com/stackdriver/pricing',
    sourceDate: null,
    unverified: FROM_MEMORY,
  },
} as const satisfies Readonly<Record<string, Price>>;

export type PriceName = keyof typeof PRICES;

/** An Upstash database at a fixed price with unlimited commands. */
export interface FixedPlan {
  readonly name: string;
  readonly usd: number;
  readonly storageBytes: number;
  /** Per month. */
  readonly bandwidthBytes: number;
}

/** https://upstash.com/pricing/redis, as transcribed on 2026-09-20; one region; the smallest first. */
export const FIXED_PLANS: readonly FixedPlan[] = [
  { name: 'Fixed 250MB', usd: 10, storageBytes: 0.25 * GB, bandwidthBytes: 50 * GB },
  { name: 'Fixed 1GB', usd: 20, storageBytes: GB, bandwidthBytes: 100 * GB },
  { name: 'Fixed 5GB', usd: 100, storageBytes: 5 * GB, bandwidthBytes: 500 * GB },
  { name: 'Fixed 10GB', usd: 200, storageBytes: 10 * GB, bandwidthBytes: 1_000 * GB },
  { name: 'Fixed 50GB', usd: 400, storageBytes: 50 * GB, bandwidthBytes: 5_000 * GB },
  { name: 'Fixed 100GB', usd: 800, storageBytes: 100 * GB, bandwidthBytes: 10_000 * GB },
  { name: 'Fixed 500GB', usd: 1_500, storageBytes: 500 * GB, bandwidthBytes: 20_000 * GB },
];

/** Maximum commands per second of a database with either kind of plan (same source). */
export const MOST_COMMANDS_A_SECOND = 10_000;
