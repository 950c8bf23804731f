import type { ChainHead } from '../domain/audit-chain.ts';
import type { Part, ProblemCode } from '../errors.ts';

/**
 * One structured entry, in the form that Cloud Logging reads from standard output
 * (https://cloud.google.com/logging/docs/structured-logging). These are all the fields there are: a new one is decided
 * here, where it can be seen that none holds a key, a token, or what a client says of itself. Every request makes one
 * line, as it ends; a line without `function` tells of something else.
 */
export interface LogLine extends Omit<Noted, 'verdict'> {
  severity: Severity;
  message: string;
  function?: string;
  /** Method and path as the contract has them, never as they were asked for; absent where there is no such endpoint. */
  endpoint?: string;
  request_id?: string;
  /** The instance's first request: its latency has the start in it. */
  cold?: true;
  /** The kind of whoever calls, not who it is. A license key is not proven yet. */
  caller?: string;
  /** Name of the contract's answer, or the code of the problem that went out instead. */
  answer?: string;
  code?: ProblemCode;
  /** How it ended, in one word: the code, or what the handler noted, or the answer's name in capitals. */
  verdict?: string;
  /** Where a fault came from, and the type by which Error Reporting takes it in. */
  stack_trace?: string;
  '@type'?: string;
  'logging.googleapis.com/trace'?: string;
  'logging.googleapis.com/spanId'?: string;
  'logging.googleapis.com/trace_sampled'?: boolean;
  httpRequest?: { requestMethod: string | undefined; status: number; latency: string };
}

/** WARNING is worth a look, ERROR wants somebody. */
export type Severity = 'INFO' | 'WARNING' | 'ERROR';

/** What a handler may add to the line of its request. */
export interface Noted extends SweepCounts {
  severity?: Severity;
  /** Where one answer has several meanings: which. Requests are counted by it, so it is one of few. */
  verdict?: 'RENEWED' | 'REVIVED' | 'RECORDED' | 'KNOWN';
  license_id?: string;
  /** Why something was refused or failed; for operators alone. */
  because?: string;
  /** Why a call was let through without being counted. */
  uncounted?: string;
  /** Sessions that this heartbeat brought back. */
  revived?: number;
  /** The event that came from Pub/Sub or Stripe, and the trace of whoever published it. */
  event_id?: string;
  event_type?: string;
  message_id?: string;
  published_in?: string;
  erasure_id?: string;
}

/** What a sweep did; the numbers are explained in its contract. */
interface SweepCounts {
  expired?: number;
  published?: number;
  pending?: number;
  oldest_age_seconds?: number | null;
  sealed?: number;
  reconciled?: Readonly<Record<string, number>> | null;
  billing_events?: number;
  subscriptions?: number;
  usage_counted?: number;
  usage_sent?: number;
  usage_refused?: number;
  usage_uncertain?: number;
  usage_trouble?: string;
  unreadable_events?: number;
  erased?: number;
  forgotten?: number;
  complete?: boolean;
  unavailable?: readonly Part[];
  /** New ends of tenants' audit chains. */
  chain_heads?: readonly ChainHead[];
}

/** The fields that can be measured. */
export type MeasuredField = {
  [F in keyof Noted]-?: NonNullable<Noted[F]> extends number ? F : never;
}[keyof Noted];
