import type { FunctionName } from '../functions/manifest.ts';
import { deployedName } from '../functions/names.ts';
import type { ProblemCode } from '../shared/errors.ts';

/** A metric from log lines: how many match, or the values of one of their fields. */
export interface LogMetric {
  readonly description: string;
  /** Log fields that must match, as `serve` and the handlers write them. */
  readonly lines: { readonly function?: FunctionName; readonly answer?: string; readonly code?: ProblemCode };
  /** The field to measure. Without it, lines are counted. */
  readonly field?: 'revived' | 'oldest_age_seconds';
  /** Counts the lines that have `field`, by its values. */
  readonly label?: { readonly key: string; readonly field: 'redis_limit' };
  /** UCUM. */
  readonly unit: string;
}

export const LOG_METRICS = {
  denials: {
    description: 'Requests for a seat that were denied because all were taken.',
    lines: { function: 'acquire', code: 'SEATS_EXHAUSTED' },
    unit: '1',
  },
  revivals: {
    description: 'Sessions whose lease had expired and that took a free seat again.',
    lines: { function: 'heartbeat' },
    field: 'revived',
    unit: '1',
  },
  sweeps: {
    description: 'Sweeps that reached every dependency.',
    lines: { function: 'sweep', answer: 'swept' },
    unit: '1',
  },
  sweep_lag: {
    description: 'Age of the oldest event that a sweep left in the outbox.',
    lines: { function: 'sweep' },
    field: 'oldest_age_seconds',
    unit: 's',
  },
  webhook_deliveries: {
    description: 'Deliveries of Stripe with a valid signature.',
    lines: { function: 'stripe-webhook', answer: 'received' },
    unit: '1',
  },
  webhook_refusals: {
    description: 'Requests to the webhook whose signature is missing, too old or wrong.',
    lines: { function: 'stripe-webhook', code: 'SIGNATURE_INVALID' },
    unit: '1',
  },
  redis_limits: {
    description: 'Requests and steps of a sweep that Redis refused because it is at a limit.',
    lines: {},
    label: { key: 'limit', field: 'redis_limit' },
    unit: '1',
  },
} as const satisfies Readonly<Record<string, LogMetric>>;

export type LogMetricName = keyof typeof LOG_METRICS;

/** The metric's name in Cloud Logging. */
export function metricName(name: LogMetricName): string {
  return `seatlease/${name}`;
}

/** The metric's type in Cloud Monitoring. */
export function metricType(name: LogMetricName): string {
  return `logging.googleapis.com/user/${metricName(name)}`;
}

/** The filter in Cloud Logging's query language. */
export function logFilter({ lines, field, label }: LogMetric): string {
  const { function: name, ...others } = lines;
  return [
    'resource.type="cloud_run_revision"',
    name
      ? `resource.labels.service_name="${deployedName(name)}"`
      : 'resource.labels.service_name=~"^seatlease-"',
    ...Object.entries(name ? { function: name, ...others } : others).map(
      ([name, value]) => `jsonPayload.${name}="${value}"`,
    ),
    ...(field ? [`jsonPayload.${field}>=0`] : []),
    ...(label ? [`jsonPayload.${label.field}:*`] : []),
  ].join(' AND ');
}
