import type { FunctionName } from '../functions/manifest.ts';
import { deployedName } from '../functions/names.ts';
import type { ProblemCode } from '../shared/errors.ts';

/** A metric from log lines: how many match, or the values of one of their fields. */
export interface LogMetric {
  readonly description: string;
  /** Log fields that must match, as `serve` and the handlers write them. */
  readonly lines: { readonly function: FunctionName; readonly answer?: string; readonly code?: ProblemCode };
  /** The field to measure. Without it, lines are counted. */
  readonly field?: 'revived' | 'oldest_age_seconds';
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
export function logFilter({ lines, field }: LogMetric): string {
  return [
    'resource.type="cloud_run_revision"',
    `resource.labels.service_name="${deployedName(lines.function)}"`,
    ...Object.entries(lines).map(([name, value]) => `jsonPayload.${name}="${value}"`),
    ...(field ? [`jsonPayload.${field}>=0`] : []),
  ].join(' AND ');
}
