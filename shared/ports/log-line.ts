import type { ChainHead } from '../domain/audit-chain.ts';
import type { StripeOutcome } from '../domain/billing-event.ts';
import type { Part, ProblemCode, RedisLimit } from '../errors.ts';

/**
 * One structured log entry, in the form that Cloud Logging reads from standard output
 * (https://cloud.google.com/logging/docs/structured-logging). No other fields exist: a new one is added here, where it
 * is easy to see that none of them holds a key, a token or what a client reports about itself. Every request writes one
 * line when it ends; a line without `function` is about something else.
 */
export interface LogLine extends Omit<Noted, 'verdict'> {
  severity: Severity;
  message: string;
  function?: string;
  /** Method and path as in the contract, never as requested; absent if there is no such endpoint. */
  endpoint?: string;
  request_id?: string;
  /** The instance's first request: its latency includes the cold start. */
  cold?: true;
  /** The kind of caller, not its identity. A license key is not verified yet at this point. */
  caller?: string;
  /** The operator token that the caller used. */
  operator_token_id?: string;
  /** Name of the contract's response, or the code of the problem that was returned instead. */
  answer?: string;
  code?: ProblemCode;
  /** The outcome in one word: the code, what the handler noted, or the response's name in capitals. */
  verdict?: string;
  /** Where an error was thrown, and the type that makes Error Reporting pick it up. */
  stack_trace?: string;
  '@type'?: string;
  'logging.googleapis.com/trace'?: string;
  'logging.googleapis.com/spanId'?: string;
  'logging.googleapis.com/trace_sampled'?: boolean;
  httpRequest?: { requestMethod: string | undefined; status: number; latency: string };
}

/** WARNING: worth a look. ERROR: someone must act. */
export type Severity = 'INFO' | 'WARNING' | 'ERROR';

/** What a handler can add to its request's log line. */
export interface Noted extends SweepCounts {
  severity?: Severity;
  /** Which of several meanings a response has. A metric counts requests by it, so there are only a few values. */
  verdict?: 'RENEWED' | 'REVIVED' | 'RECORDED' | 'KNOWN' | Uppercase<StripeOutcome>;
  license_id?: string;
  /** Why something was refused or failed; for operators only. */
  because?: string;
  /** The limit for which Redis refused this request or a step of this sweep. */
  redis_limit?: RedisLimit;
  /** Documents or sessions that were left out of a list, because another release wrote them. */
  unreadable?: number;
  /** Why a request was allowed without being counted. */
  uncounted?: string;
  /** How many sessions this heartbeat revived. */
  revived?: number;
  /** The event received from Pub/Sub or Stripe, and its publisher's trace. */
  event_id?: string;
  event_type?: string;
  message_id?: string;
  publisher_trace?: string;
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
  billing_events_failed?: number;
  billing_events_set_aside?: number;
  subscriptions?: number;
  usage_counted?: number;
  usage_over_cap?: number;
  /** Licenses of those records. */
  licenses_over_cap?: readonly string[];
  usage_sent?: number;
  usage_without_price?: number;
  /** Licenses of those records. */
  licenses_without_price?: readonly string[];
  usage_late?: number;
  /** Licenses of those records. */
  licenses_billed_late?: readonly string[];
  usage_refused?: number;
  usage_uncertain?: number;
  usage_error?: string;
  usage_canceled?: number;
  usage_credit_notes?: number;
  /** Licenses whose invoices need a credit note, for voided usage. */
  licenses_to_credit?: readonly string[];
  unreadable_events?: number;
  loans_without_room?: number;
  /** Licenses of those loans. */
  licenses_without_room?: readonly string[];
  /** Operator tokens that expire soon. */
  operator_tokens_expiring?: readonly string[];
  erased?: number;
  deleted?: number;
  complete?: boolean;
  unavailable?: readonly Part[];
  /** New heads of tenants' audit chains. */
  chain_heads?: readonly ChainHead[];
}

/** The numeric fields, which metrics can measure. */
export type MeasuredField = {
  [F in keyof Noted]-?: NonNullable<Noted[F]> extends number ? F : never;
}[keyof Noted];
