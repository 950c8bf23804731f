import * as logging from '@pulumi/gcp/logging/index.js';
import * as monitoring from '@pulumi/gcp/monitoring/index.js';
import type { input } from '@pulumi/gcp/types/index.js';
import { type CustomResourceOptions, type Input, interpolate, type Output } from '@pulumi/pulumi';
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
        // With a single condition they mean the same; Google's PromQL examples have OR.
        combiner: conditions.length > 1 ? 'AND' : 'OR',
        conditions: [...conditions],
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

type Condition = input.monitoring.AlertPolicyCondition;

interface Alert {
  readonly name: string;
  readonly displayName: string;
  /** All of them must hold. */
  readonly conditions: readonly Condition[];
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
  const swept = `sum(increase(${promQlName(metricType('sweeps'))}{${REVISION}}[10m])) or vector(0)`;
  return {
    name: 'sweep-missing',
    displayName: 'No sweep has succeeded for 10 minutes',
    conditions: [promQl('no log line of a sweep that reached every dependency', `(${swept}) < 1`)],
    advice:
      'Seats are still freed, but no events are published or recorded, and no usage is billed. Look at the log lines of sweep.',
  };
}

function sweepLag(): Alert {
  const lag = promQlName(metricType('sweep_lag'));
  const total = (suffix: 'sum' | 'count') => `sum(increase(${lag}_${suffix}{${REVISION}}[5m]))`;
  return {
    name: 'sweep-lag',
    displayName: 'Events wait too long',
    conditions: [
      promQl(
        `the oldest event has waited for more than ${MOST_LAG_SECONDS} s`,
        // The mean of five sweeps. Percentiles of a distribution are only as exact as its buckets.
        `${total('sum')} / ${total('count')} > ${MOST_LAG_SECONDS}`,
        300,
      ),
    ],
    advice: 'The sweep does not keep up, or Pub/Sub accepts no messages. Look at the log lines of sweep.',
  };
}

function deadLetters(): Alert {
  const waiting = promQlName('pubsub.googleapis.com/subscription/num_undelivered_messages');
  return {
    name: 'dead-letters',
    displayName: 'Events could not be recorded',
    conditions: [
      promQl(
        'the dead-letter subscription has messages',
        `max(${waiting}{monitored_resource="pubsub_subscription",subscription_id="${DEAD_LETTERS}"}) > 0`,
      ),
    ],
    advice: `They are kept for 31 days in the subscription ${DEAD_LETTERS}. Look at the log lines of record-event.`,
  };
}

function unreachable({ uptimeCheckId }: monitoring.UptimeCheckConfig): Alert {
  const passed = promQlName('monitoring.googleapis.com/uptime_check/check_passed');
  return {
    name: 'unreachable',
    displayName: 'The public origin does not answer',
    conditions: [
      promQl(
        'checks from more than one place fail',
        // One series for each place, 1 if its last check passed.
        interpolate`sum(${passed}{monitored_resource="uptime_url",check_id="${uptimeCheckId}"} == bool 0) > 1`,
        120,
      ),
    ],
    advice: 'Look at Hosting, its rewrites and the domain first, then at the log lines of health.',
  };
}

/** The label that PromQL needs for metrics of several kinds of resources. */
const REVISION = 'monitored_resource="cloud_run_revision"';

/**
 * A condition that can be created before its metric exists. A log metric is known to Cloud Monitoring only minutes after
 * it was created, and some of Google's own metrics only after their first value; until then, any other kind of condition
 * ends the deploy with a 404 (https://github.com/hashicorp/terraform-provider-google/issues/11102). Only PromQL
 * conditions can switch that check off (terraform-provider-google#20491), and such a condition must be the alert's only
 * one.
 */
function promQl(displayName: string, query: Input<string>, durationSeconds = 0): Condition {
  return {
    displayName,
    conditionPrometheusQueryLanguage: {
      query,
      evaluationInterval: '60s',
      duration: `${durationSeconds}s`,
      disableMetricValidation: true,
    },
  };
}

/** The mapping is documented at https://cloud.google.com/monitoring/promql/promql-mapping. */
function promQlName(metric: string): string {
  return metric.replace('/', ':').replace(/[^\w:]/g, '_');
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
