/** How many operations of each kind the cloud bills. */
export interface OperationCounts {
  /** Commands sent to Redis over the network. */
  readonly redisCommands: number;
  /** Documents read, and one for a query without results (https://cloud.google.com/firestore/pricing). */
  readonly documentReads: number;
  readonly documentWrites: number;
  readonly documentDeletes: number;
  /** Signatures made with the key in Cloud KMS. */
  readonly signatures: number;
  /** Messages published to Pub/Sub, which pushes each once. */
  readonly messages: number;
}

/** Shards of the counted suite: the default number. */
export const SHARDS = 16;

/**
 * What a seat's month consists of, and how many operations each item costs. Omitted kinds are 0.
 * `functions/counting.test.ts` asserts every figure, and `scripts/cost` multiplies them.
 */
export const OPERATIONS = {
  /** A seat is granted. */
  acquire: { redisCommands: 1 },
  /** A heartbeat of one session. */
  heartbeat: { redisCommands: 1 },
  /** The first signature of a session, and the first one of its instance in that minute. Others cost less. */
  sign: { redisCommands: 4, documentReads: 2, signatures: 2 },
  release: { redisCommands: 1 },
  health: {},

  /** A sweep that finds nothing to do. It writes when it succeeded. */
  idleSweep: { redisCommands: SHARDS, documentReads: 7, documentWrites: 1 },
  /** Up to 32 licenses of a shard whose seats a sweep looks at, because one may have ended. */
  checkedLicenses: { redisCommands: 1 },
  /** Up to 100 events of a shard, read from its outbox and deleted there. */
  publishedBatch: { redisCommands: 2 },
  /** An event of a session, published and recorded. */
  recordedEvent: { documentReads: 3, documentWrites: 3, messages: 1 },
  /** An event that is linked to its tenant's chain. */
  sealedEvent: { documentReads: 2, documentWrites: 1 },
  /** A chain that a sweep extends. */
  sealedChain: { documentReads: 1, documentWrites: 1 },

  /** Hourly, even if there is nothing to compare. */
  comparison: { redisCommands: SHARDS + 1, documentReads: 4, documentWrites: SHARDS + 3 },
  comparedLicense: { documentReads: 1 },
  /** Each further 100 licenses of a shard. */
  comparedLicensePage: { redisCommands: 2, documentWrites: 1 },
  /** An open session. */
  comparedSession: { documentReads: 1 },
  /** A license that has open sessions. */
  comparedPool: { redisCommands: 1 },
  /** Each further 100 open sessions. */
  comparedSessionPage: { redisCommands: 1, documentReads: 1, documentWrites: 1 },

  /** Daily, with nothing to delete. */
  forgetting: { documentReads: 19, documentWrites: 19 },
  /** A session past its retention period: its history is deleted, and the holder is removed from its three events. */
  forgottenSession: { documentReads: 7, documentWrites: 3, documentDeletes: 1 },
} as const satisfies Readonly<Record<string, Partial<OperationCounts>>>;

/** A user lists the sessions of a license, as the console does every few seconds. Not part of a seat's month. */
export const SESSION_LIST = { redisCommands: 1, documentReads: 4 } as const;

/** A seat is borrowed: the loan is recorded. Not part of a seat's month. */
export const BORROWING = { redisCommands: 1, documentReads: 2, documentWrites: 1 } as const;

/** An operator's `GET /health?deep=1`: a probe for each shard, and one document that is written and one that is read. */
export const DEEP_HEALTH = { redisCommands: SHARDS, documentReads: 1, documentWrites: 1 } as const;

export type OperationName = keyof typeof OPERATIONS;

/** The sum of `times` each operation. */
export function totalOf(times: Readonly<Partial<Record<OperationName, number>>>): OperationCounts {
  const total = { ...NO_OPERATIONS };
  for (const name of Object.keys(OPERATIONS) as OperationName[]) {
    const each: Partial<OperationCounts> = OPERATIONS[name];
    for (const kind of KINDS) total[kind] += (times[name] ?? 0) * (each[kind] ?? 0);
  }
  return total;
}

const NO_OPERATIONS = {
  redisCommands: 0,
  documentReads: 0,
  documentWrites: 0,
  documentDeletes: 0,
  signatures: 0,
  messages: 0,
};
const KINDS = Object.keys(NO_OPERATIONS) as (keyof OperationCounts)[];
