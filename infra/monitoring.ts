import * as logging from '@pulumi/gcp/logging/index.js';
import * as monitoring from '@pulumi/gcp/monitoring/index.js';
import type { CustomResourceOptions, Output, Resource } from '@pulumi/pulumi';
import {
  type Alert,
  certificate,
  copyFailed,
  deadLetters,
  errors,
  functionErrors,
  keyChanged,
  pushBacklog,
  redisLimits,
  sweepLag,
  sweepMissing,
  unreachable,
  webhookRefusals,
} from './alerts.ts';
import { type Channels, makeChannels } from './channels.ts';
import { dashboard } from './dashboard.ts';
import { hotPathFilter } from './hot-path.ts';
import { LOG_METRICS, type LogMetric, type LogMetricName, logFilter, metricName } from './log-metrics.ts';
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

/** Creates channels, objectives, metrics, alerts and the dashboard. Only objectives, with their alerts, wait for `functions`. */
export function monitor(
  settings: StackSettings,
  options: CustomResourceOptions,
  functions: readonly Resource[],
): Channels {
  const channels = makeChannels(settings, options);
  const metrics = makeLogMetrics(options);
  const check = watchFromOutside(settings, options);
  const alerts: readonly Alert[] = [
    ...setObjectives(after(options, ...functions)).flatMap(burnRateAlerts),
    { ...sweepMissing(), needs: [metrics.sweeps, ...functions] },
    { ...sweepLag(), needs: [metrics.sweep_lag] },
    pushBacklog(),
    deadLetters(),
    functionErrors(),
    { ...webhookRefusals(), needs: [metrics.webhook_refusals, metrics.webhook_deliveries] },
    { ...redisLimits(), needs: [metrics.redis_limits] },
    keyChanged(),
    errors(),
    ...(settings.backups.copy ? [copyFailed()] : []),
    unreachable(check),
    certificate(check),
  ];
  for (const { name, displayName, conditions, advice, notifyEverySeconds, needs = [] } of alerts) {
    new monitoring.AlertPolicy(
      name,
      {
        displayName,
        // With a single condition they mean the same; Google's PromQL examples have OR.
        combiner: conditions.length > 1 ? 'AND' : 'OR',
        conditions: [...conditions],
        notificationChannels: channels.all,
        documentation: { content: `${advice} See the runbook, infra/README.md.`, mimeType: 'text/markdown' },
        ...(notifyEverySeconds === undefined
          ? {}
          : {
              alertStrategy: {
                notificationRateLimit: { period: `${notifyEverySeconds}s` },
                // Such an incident has no end of its own.
                autoClose: '3600s',
              },
            }),
      },
      after(options, ...needs),
    );
  }
  new monitoring.Dashboard(
    'seatlease',
    { dashboardJson: JSON.stringify(dashboard()) },
    after(options, ...Object.values(metrics)),
  );
  return channels;
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

/**
 * Cloud Monitoring refuses an objective whose metric it does not know
 * (https://github.com/GoogleCloudPlatform/cloud-ops-sandbox/issues/896), and a refusal ends the deploy. Whether it knows
 * Cloud Run's metrics before the first call in a project is not documented. So functions come first: then a second deploy
 * goes on from there.
 */
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
    const { description, unit, field, label } = metric;
    return new logging.Metric(
      name,
      {
        name: metricName(name),
        description,
        filter: logFilter(metric),
        metricDescriptor: {
          metricKind: 'DELTA',
          valueType: field ? 'DISTRIBUTION' : 'INT64',
          unit,
          ...(label ? { labels: [{ key: label.key, valueType: 'STRING' }] } : {}),
        },
        ...(field ? { valueExtractor: `EXTRACT(jsonPayload.${field})` } : {}),
        ...(label ? { labelExtractors: { [label.key]: `EXTRACT(jsonPayload.${label.field})` } } : {}),
      },
      options,
    );
  };
  return {
    denials: make('denials'),
    revivals: make('revivals'),
    sweeps: make('sweeps'),
    sweep_lag: make('sweep_lag'),
    webhook_deliveries: make('webhook_deliveries'),
    webhook_refusals: make('webhook_refusals'),
    redis_limits: make('redis_limits'),
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
