/**
 * What cannot be counted before the suite runs, each with its source. Everything else in the model is counted
 * (`functions/testing/operation-counts.ts`), published (`prices.ts`) or in the contracts.
 */
export const ASSUMPTIONS = {
  /** A call is billed from its arrival to its response, in steps of 100 ms; the response takes less. */
  billedSecondsACall: 0.1,
  /**
   * For a call that uses only Redis: an acquire was measured at about 1 ms on a core of a workstation, and a vCPU is
   * half a core.
   */
  cpuSecondsASeatCall: 0.002,
  /** For a call that uses a Google SDK (sign, record-event). */
  cpuSecondsASdkCall: 0.01,
  /** Utilization at which Cloud Run starts another instance; from memory. */
  mostBusy: 0.6,
  /** Concurrency above 1 needs a whole vCPU (https://cloud.google.com/functions/docs/configuring/concurrency). */
  vcpusAnInstance: 1,
  sweepSeconds: 0.5,
  /** In addition for each event: publishing and sealing. */
  sweepSecondsAnEvent: 0.01,
  /** Added to the body of a response to a client: status line, headers, TLS. */
  answerAddsBytes: 600,
  /** Added to the body of a request to Redis. */
  redisRequestAddsBytes: 500,
  /** A response of Redis, in total. */
  redisAnswerBytes: 800,
  /** Added by Cloud Logging to each of our lines: resource, labels, insert id. */
  logLineAddsBytes: 500,
  /** The request log line that Cloud Run itself writes. */
  requestLogBytes: 1_200,
  /** Redis memory of a session; `npm run bench -- memory` measures less at 10 to 1,000 sessions per license. */
  redisBytesASession: 400,
  redisBytesALicense: 1_000,
  /** The minimum that Pub/Sub bills for a publish or a push. An event is smaller, and usually alone in both. */
  billedMessageBytes: 1_000,
  /** Once a minute from three locations. */
  uptimeChecksAnHour: 180,
  /** Of all functions together; each instance reads its secrets when it starts. */
  instanceStartsADay: 200,
} as const;

/**
 * Bytes, rounded. `sizes.test.ts` measures them, and fails if one is less than half or more than twice as large: one
 * field more or less needs no change here.
 */
export const SIZES = {
  /** One of our own lines, as JSON. */
  logLine: 550,
  /** Bodies of responses to clients; that of a release is empty. */
  answers: { acquire: 700, heartbeat: 650, sign: 3_000 },
  /** Bodies of all requests to Redis. */
  redisRequests: { acquire: 700, heartbeat: 350, sign: 3_300, release: 600, idleSweep: 2_400 },
  /** Documents as JSON. */
  documents: { license: 550, usageHour: 200, sessionHistory: 500, event: 600 },
  /**
   * An entry of an index: the document's name, the field's, its value and 32 bytes
   * (https://cloud.google.com/firestore/docs/storage-size). Not measured.
   */
  indexEntry: 130,
} as const;
