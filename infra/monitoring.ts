import * as logging from '@pulumi/gcp/logging/index.js';
import * as monitoring from '@pulumi/gcp/monitoring/index.js';
import type { CustomResourceOptions, Output } from '@pulumi/pulumi';
import { dashboard } from './dashboard.ts';
import { hotPathFilter } from './hot-path.ts';
import {
  LOG_METRICS,
  type LogMetric,
  type LogMetricName,
  logFilter,
  metricName,
  metricType,
} from './log-metrics.ts';
import { DEAD_LETTERS } from './names.ts';
import { after } from './project.ts';
import type { StackSettings } from './settings.ts';

/** Our objectives for acquiring and holding seats, over 30 days. */
const OBJECTIVES = {
  availability: { goal: 0.999, displayName: 'Requests that do not fail with a 5xx.' },
  latency: { goal: 0.99, withinMs: 500, displayName: 'Requests that are answered within half a second.' },
};

/**
 * Alert when 2 % of the month's error budget is spent in an hour, or 5 % in six hours (Google's SRE workbook, chapter 5,
 * "multiwindow, multi-burn-rate alerts"). The short window ends the alert soon after the failures end.
 */
const BURN_RATES = [
  { name: 'fast', rate: 14.4, windowSeconds: 3_600, shortWindowSeconds: 300 },
  { name: 'slow', rate: 6, windowSeconds: 21_600, shortWindowSeconds: 1_800 },
];

/** Five sweeps. */
const MOST_LAG_SECONDS = 300;

/** Creates objectives, metrics, alerts and the dashboard. Returns the channel that alerts go to. */
export function monitor(
  settings: StackSettings,
  options: CustomResourceOptions,
): monitoring.NotificationChannel {
  const channel = new monitoring.NotificationChannel(
    'alerts',
    { type: 'email', displayName: 'Seatlease alerts', labels: { email_address: settings.alertEmail } },
    options,
  );
  const metrics = makeLogMetrics(options);
  const alerts: readonly Alert[] = [
    ...setObjectives(options).flatMap(burnRateAlerts),
    { ...sweepMissing(), needs: metrics.sweeps },
    { ...sweepLag(), needs: metrics.sweep_lag },
    deadLetters(),
    unreachable(watchFromOutside(settings, options)),
  ];
  for (const { name, displayName, conditions, advice, needs } of alerts) {
    new monitoring.AlertPolicy(
      name,
      {
        displayName,
        combiner: 'AND',
        conditions,
        notificationChannels: [channel.id],
        documentation: { content: `${advice} See the runbook, infra/README.md.`, mimeType: 'text/markdown' },
      },
      needs ? after(options, needs) : options,
    );
  }
  new monitoring.Dashboard(
    'seatlease',
    { dashboardJson: JSON.stringify(dashboard()) },
    after(options, ...Object.values(metrics)),
  );
  return channel;
}

interface Alert {
  readonly name: string;
  readonly displayName: string;
  /** All of them must hold. */
  readonly conditions: monitoring.AlertPolicyArgs['conditions'];
  /** The alert's documentation: what it means, and where to look first. */
  readonly advice: string;
  /** What must exist before the alert. */
  readonly needs?: logging.Metric;
}

interface Objective {
  readonly objective: string;
  readonly slo: Output<string>;
}

function burnRateAlerts({ objective, slo }: Objective): Alert[] {
  return BURN_RATES.map(({ name, rate, windowSeconds, shortWindowSeconds }) => ({
    name: `${objective}-${name}`,
    displayName: `Seats: the error budget for ${objective} is burning (${name})`,
    conditions: [windowSeconds, shortWindowSeconds].map((seconds) => ({
      displayName: `${rate} times too fast over ${seconds} s`,
      conditionThreshold: {
        filter: burnRate(slo, seconds),
        comparison: 'COMPARISON_GT',
        thresholdValue: rate,
        duration: '0s',
      },
    })),
    advice:
      'Calls for seats fail, or take longer than 500 ms. Look at the log lines of acquire with severity ERROR.',
  }));
}

function sweepMissing(): Alert {
  // `vector(0)` covers a stack that has never swept: a metric without any log line has no series.
  const query = `(sum(increase(${promQlName('sweeps')}{monitored_resource="cloud_run_revision"}[10m])) or vector(0)) < 1`;
  return {
    name: 'sweep-missing',
    displayName: 'No sweep has succeeded for 10 minutes',
    conditions: [
      {
        displayName: 'no log line of a sweep that reached every dependency',
        conditionPrometheusQueryLanguage: { query, evaluationInterval: '60s', duration: '0s' },
      },
    ],
    advice:
      'Seats are still freed, but no events are published or recorded, and no usage is billed. Look at the log lines of sweep.',
  };
}

function sweepLag(): Alert {
  return {
    name: 'sweep-lag',
    displayName: 'Events wait too long',
    conditions: [
      {
        displayName: `the oldest event has waited for more than ${MOST_LAG_SECONDS} s`,
        conditionThreshold: {
          filter: `metric.type="${metricType('sweep_lag')}" AND resource.type="cloud_run_revision"`,
          aggregations: [
            {
              alignmentPeriod: '300s',
              perSeriesAligner: 'ALIGN_PERCENTILE_50',
              crossSeriesReducer: 'REDUCE_MAX',
            },
          ],
          comparison: 'COMPARISON_GT',
          thresholdValue: MOST_LAG_SECONDS,
          duration: '300s',
        },
      },
    ],
    advice: 'The sweep does not keep up, or Pub/Sub accepts no messages. Look at the log lines of sweep.',
  };
}

function deadLetters(): Alert {
  return {
    name: 'dead-letters',
    displayName: 'Events could not be recorded',
    conditions: [
      {
        displayName: 'the dead-letter subscription has messages',
        conditionThreshold: {
          filter: [
            'metric.type="pubsub.googleapis.com/subscription/num_undelivered_messages"',
            'resource.type="pubsub_subscription"',
            `resource.labels.subscription_id="${DEAD_LETTERS}"`,
          ].join(' AND '),
          aggregations: [{ alignmentPeriod: '60s', perSeriesAligner: 'ALIGN_MAX' }],
          comparison: 'COMPARISON_GT',
          thresholdValue: 0,
          duration: '0s',
        },
      },
    ],
    advice: `They are kept for 31 days in the subscription ${DEAD_LETTERS}. Look at the log lines of record-event.`,
  };
}

function unreachable({ uptimeCheckId }: monitoring.UptimeCheckConfig): Alert {
  return {
    name: 'unreachable',
    displayName: 'The public origin does not answer',
    conditions: [
      {
        displayName: 'checks from more than one place fail',
        conditionThreshold: {
          filter: uptimeCheckId.apply((id) =>
            [
              'metric.type="monitoring.googleapis.com/uptime_check/check_passed"',
              'resource.type="uptime_url"',
              `metric.labels.check_id="${id}"`,
            ].join(' AND '),
          ),
          aggregations: [
            {
              alignmentPeriod: '300s',
              perSeriesAligner: 'ALIGN_NEXT_OLDER',
              crossSeriesReducer: 'REDUCE_COUNT_FALSE',
            },
          ],
          comparison: 'COMPARISON_GT',
          thresholdValue: 1,
          duration: '120s',
        },
      },
    ],
    advice: 'Look at Hosting, its rewrites and the domain first, then at the log lines of health.',
  };
}

function setObjectives(options: CustomResourceOptions): Objective[] {
  const service = new monitoring.CustomService(
    'seats',
    { serviceId: 'seatlease-seats', displayName: 'Seatlease: acquiring and holding seats' },
    options,
  );
  const { availability, latency } = OBJECTIVES;
  const make = (
    sloId: string,
    goal: number,
    displayName: string,
    sli: monitoring.SloArgs['requestBasedSli'],
  ) => ({
    objective: sloId,
    slo: new monitoring.Slo(
      sloId,
      { service: service.serviceId, sloId, goal, displayName, rollingPeriodDays: 30, requestBasedSli: sli },
      options,
    ).name,
  });
  return [
    make('availability', availability.goal, availability.displayName, {
      goodTotalRatio: {
        totalServiceFilter: hotPathFilter('request_count'),
        badServiceFilter: hotPathFilter('request_count', 'metric.labels.response_code_class="5xx"'),
      },
    }),
    make('latency', latency.goal, latency.displayName, {
      distributionCut: {
        // Milliseconds.
        distributionFilter: hotPathFilter('request_latencies'),
        range: { min: 0, max: latency.withinMs },
      },
    }),
  ];
}

function burnRate(slo: Output<string>, windowSeconds: number): Output<string> {
  return slo.apply((name) => `select_slo_burn_rate("${name}", "${windowSeconds}s")`);
}

function makeLogMetrics(options: CustomResourceOptions): Readonly<Record<LogMetricName, logging.Metric>> {
  const make = (name: LogMetricName) => {
    const metric: LogMetric = LOG_METRICS[name];
    const { description, unit, field } = metric;
    return new logging.Metric(
      name,
      {
        name: metricName(name),
        description,
        filter: logFilter(metric),
        metricDescriptor: { metricKind: 'DELTA', valueType: field ? 'DISTRIBUTION' : 'INT64', unit },
        ...(field ? { valueExtractor: `EXTRACT(jsonPayload.${field})` } : {}),
      },
      options,
    );
  };
  return {
    denials: make('denials'),
    revivals: make('revivals'),
    sweeps: make('sweeps'),
    sweep_lag: make('sweep_lag'),
  };
}

function watchFromOutside(
  { project, publicUrl }: StackSettings,
  options: CustomResourceOptions,
): monitoring.UptimeCheckConfig {
  return new monitoring.UptimeCheckConfig(
    'health',
    {
      displayName: 'Seatlease: /health',
      period: '60s',
      timeout: '10s',
      httpCheck: { path: '/health', port: 443, useSsl: true, validateSsl: true },
      monitoredResource: {
        type: 'uptime_url',
        labels: { project_id: project, host: new URL(publicUrl).hostname },
      },
    },
    options,
  );
}

/** The mapping is documented at https://cloud.google.com/monitoring/promql/promql-mapping. */
function promQlName(name: LogMetricName): string {
  return metricType(name)
    .replace('/', ':')
    .replace(/[^\w:]/g, '_');
}
