import type { FunctionName } from '../functions/manifest.ts';
import { deployedName } from '../functions/names.ts';
import type { ProblemCode } from '../shared/errors.ts';

/** A number that is made of log lines: how many there are of a kind, or what a field of theirs says. */
export interface LogMetric {
  readonly description: string;
  /** Fields of the line, as `serve` and the handlers write them. */
  readonly lines: { readonly function: FunctionName; readonly answer?: string; readonly code?: ProblemCode };
  /** The field that is measured, where lines are not counted. */
  readonly field?: 'revived' | 'oldest_age_seconds';
  /** UCUM. */
  readonly unit: string;
}

export const LOG_METRICS = {
  denials: {
    description: 'Seats that were asked for while all were taken.',
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
    description: 'Sweeps that found every part there.',
    lines: { function: 'sweep', answer: 'swept' },
    unit: '1',
  },
  sweep_lag: {
    description: 'Age of the oldest event that a sweep left waiting.',
    lines: { function: 'sweep' },
    field: 'oldest_age_seconds',
    unit: 's',
  },
} as const satisfies Readonly<Record<string, LogMetric>>;

export type LogMetricName = keyof typeof LOG_METRICS;

/** What Cloud Logging calls it. */
export function metricName(name: LogMetricName): string {
  return `seatlease/${name}`;
}

/** What Cloud Monitoring calls it. */
export function metricType(name: LogMetricName): string {
  return `logging.googleapis.com/user/${metricName(name)}`;
}

/** The lines, in the language of Cloud Logging. */
export function logFilter({ lines, field }: LogMetric): string {
  return [
    'resource.type="cloud_run_revision"',
    `resource.labels.service_name="${deployedName(lines.function)}"`,
    ...Object.entries(lines).map(([name, value]) => `jsonPayload.${name}="${value}"`),
    ...(field ? [`jsonPayload.${field}>=0`] : []),
  ].join(' AND ');
}
