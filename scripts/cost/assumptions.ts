/**
 * What cannot be counted before it runs, each with its source. Everything else in the model is counted
 * (`functions/testing/operation-counts.ts`), published (`prices.ts`) or in the contracts.
 */
export const ASSUMPTIONS = {
  /** A call is billed from when it comes in to when it is answered, in steps of 100 ms; the answer takes less. */
  billedSecondsACall: 0.1,
  /**
   * Of a call that asks Redis alone: an acquire was measured at about 1 ms on a core of a workstation, and a vCPU is half
   * a core.
   */
  cpuSecondsASeatCall: 0.002,
  /** Of a call that uses a Google SDK (sign, record-event). */
  cpuSecondsASdkCall: 0.01,
  /** How busy Cloud Run lets an instance become before it starts another; from memory. */
  mostBusy: 0.6,
  /** Concurrency above 1 needs a whole one (https://cloud.google.com/functions/docs/configuring/concurrency). */
  vcpusAnInstance: 1,
  sweepSeconds: 0.5,
  /** For each event beside that: published, sealed. */
  sweepSecondsAnEvent: 0.01,
  /** Besides the body, of an answer to a client: status line, headers, TLS. */
  answerAddsBytes: 600,
  /** Besides the body, of a request to Redis. */
  redisRequestAddsBytes: 500,
  /** Of an answer of Redis, in all. */
  redisAnswerBytes: 800,
  /** What Cloud Logging keeps with each of our lines: resource, labels, insert id. */
  logLineAddsBytes: 500,
  /** Of the line that Cloud Run writes of every request by itself. */
  requestLogBytes: 1_200,
  /** Bytes in Redis of a session; `npm run bench -- memory` finds fewer at ten to a thousand sessions a license. */
  redisBytesASession: 400,
  redisBytesALicense: 1_000,
  /** The least that Pub/Sub bills for a publish or a push. An event is smaller, and most often alone in both. */
  billedMessageBytes: 1_000,
  /** Once a minute from three places. */
  uptimeChecksAnHour: 180,
  /** Of all functions together; each reads its secrets as it starts. */
  instanceStartsADay: 200,
} as const;

/**
 * Bytes, rounded. `sizes.test.ts` measures them, and fails where one is less than half or more than twice as large: a
 * field more or less is no reason to change a figure here.
 */
export const SIZES = {
  /** Of our own, as JSON. */
  logLine: 550,
  /** Bodies that clients are answered with; a release has none. */
  answers: { acquire: 700, heartbeat: 650, sign: 3_000 },
  /** Bodies of all requests that it sends to Redis. */
  redisRequests: { acquire: 700, heartbeat: 700, sign: 3_300, release: 600, idleSweep: 2_400 },
  /** Documents as JSON, and how many fields they have at any depth: Firestore keeps two index entries for each. */
  documents: {
    license: { bytes: 550, fields: 25 },
    usageHour: { bytes: 200, fields: 8 },
    sessionHistory: { bytes: 500, fields: 20 },
    event: { bytes: 600, fields: 20 },
  },
  /**
   * An entry of an index: the document's name, the field's, its value and 32 bytes
   * (https://cloud.google.com/firestore/docs/storage-size). Not measured.
   */
  indexEntry: 130,
} as const;
