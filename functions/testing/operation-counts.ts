/** How many operations of each kind the cloud bills. */
export interface OperationCounts {
  /** Sent to Redis over the wire. */
  readonly redisCommands: number;
  /** Documents got or found, and one for a query that finds nothing (https://cloud.google.com/firestore/pricing). */
  readonly documentReads: number;
  readonly documentWrites: number;
  readonly documentDeletes: number;
  /** Made with the key in Cloud KMS. */
  readonly signatures: number;
  /** Published to Pub/Sub, which pushes each once. */
  readonly messages: number;
}

/** Shards of the suite that is counted, which is as many as there are by default. */
export const SHARDS = 16;

/**
 * What a seat's month consists of, and how many operations one of each costs; what is left out is 0.
 * `functions/counting.test.ts` asserts every figure, `scripts/cost` multiplies them.
 */
export const OPERATIONS = {
  /** A seat is granted. */
  acquire: { redisCommands: 1 },
  /** Of one session. */
  heartbeat: { redisCommands: 1 },
  /** The first time in a session; a repeat costs less. */
  sign: { redisCommands: 3, documentReads: 1, signatures: 2 },
  release: { redisCommands: 1 },
  health: {},

  /** A sweep that finds nothing to do. */
  idleSweep: { redisCommands: SHARDS, documentReads: 6 },
  /** Up to 100 events of a shard, read from its outbox and deleted there. */
  publishedBatch: { redisCommands: 2 },
  /** An event of a session, published and recorded. */
  recordedEvent: { documentReads: 3, documentWrites: 3, messages: 1 },
  /** An event linked to its tenant's chain. */
  sealedEvent: { documentReads: 2, documentWrites: 1 },
  /** A chain that a sweep added to. */
  sealedChain: { documentReads: 1, documentWrites: 1 },

  /** Hourly, whatever there is to compare. */
  comparison: { redisCommands: SHARDS + 1, documentReads: 2, documentWrites: SHARDS + 2 },
  comparedLicense: { documentReads: 1 },
  /** 100 licenses of a shard, beyond its first 100. */
  comparedLicensePage: { redisCommands: 2, documentWrites: 1 },
  /** An open session. */
  comparedSession: { documentReads: 1 },
  /** A license that has open sessions. */
  comparedPool: { redisCommands: 1 },
  /** 100 open sessions, beyond the first 100. */
  comparedSessionPage: { redisCommands: 1, documentReads: 1, documentWrites: 1 },

  /** Daily, with nothing old enough to forget. */
  forgetting: { documentReads: 10, documentWrites: 10 },
  /** The session's history is deleted, and the holder removed from its two events. */
  forgottenSession: { documentReads: 5, documentWrites: 2, documentDeletes: 1 },
} as const satisfies Readonly<Record<string, Partial<OperationCounts>>>;

/** A user lists the sessions of a license, as the console does every few seconds; no part of a seat's month. */
export const SESSION_LIST = { redisCommands: 1, documentReads: 4 } as const;

export type OperationName = keyof typeof OPERATIONS;

/** The sum of so many of each. */
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
