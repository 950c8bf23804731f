/**
 * What nobody can count before it runs, each with where it comes from. Everything else in the model is counted
 * (`counts.ts`), published (`prices.ts`) or in the contracts.
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
  /** What Cloud Logging keeps beside a line of ours: resource, labels, insert id. */
  logLineAddsBytes: 500,
  /** Of the line that Cloud Run writes of every request by itself. */
  requestLogBytes: 1_200,
  /** Bytes in Redis of a session; `npm run bench -- memory` finds fewer at ten to a thousand sessions a license. */
  redisBytesASession: 400,
  redisBytesALicense: 1_000,
  /** Pub/Sub bills at least so much for a publish or a push, and a license's event is most often alone in both. */
  leastEventBytes: 1_000,
  /** Once a minute from three places. */
  uptimeChecksAnHour: 180,
  /** Of all functions together; each reads its secrets as it starts. */
  instanceStartsADay: 200,
} as const;
