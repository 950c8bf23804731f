import { hotPathFilter } from './hot-path.ts';
import { type LogMetricName, metricType } from './log-metrics.ts';
import { EVENTS_TOPIC } from './names.ts';

/**
 * The dashboard's JSON for Cloud Monitoring. It has no zero and no empty list: Cloud Monitoring leaves them out, and each
 * deploy would put them back (https://github.com/GoogleCloudPlatform/magic-modules/pull/18515).
 */
export function dashboard() {
  const tiles = [
    chart('Requests for seats by status class (1/s)', [
      series(hotPathFilter('request_count'), 'ALIGN_RATE', 'REDUCE_SUM', [
        'metric.label.response_code_class',
      ]),
    ]),
    chart('Latency of requests for seats (ms): median, 95 %, 99 %', [
      series(hotPathFilter('request_latencies'), 'ALIGN_DELTA', 'REDUCE_PERCENTILE_50'),
      series(hotPathFilter('request_latencies'), 'ALIGN_DELTA', 'REDUCE_PERCENTILE_95'),
      series(hotPathFilter('request_latencies'), 'ALIGN_DELTA', 'REDUCE_PERCENTILE_99'),
    ]),
    chart('Denials: all seats taken (1/s)', [series(fromLog('denials'), 'ALIGN_RATE', 'REDUCE_SUM')]),
    chart('Heartbeats that revived sessions (1/s)', [
      series(fromLog('revivals'), 'ALIGN_DELTA', 'REDUCE_COUNT'),
    ]),
    chart('Sweeps that succeeded (1/s)', [series(fromLog('sweeps'), 'ALIGN_RATE', 'REDUCE_SUM')]),
    chart('Age of the oldest event left in the outbox (s)', [
      series(fromLog('sweep_lag'), 'ALIGN_DELTA', 'REDUCE_PERCENTILE_99'),
    ]),
    chart('Events not recorded yet, and dead letters', [
      series(ofSubscriptions('num_undelivered_messages'), 'ALIGN_MAX', 'REDUCE_MAX', [
        'resource.label.subscription_id',
      ]),
    ]),
    chart('Age of the oldest event not recorded yet, and of the oldest dead letter (s)', [
      series(ofSubscriptions('oldest_unacked_message_age'), 'ALIGN_MAX', 'REDUCE_MAX', [
        'resource.label.subscription_id',
      ]),
    ]),
    chart('Refusals of Redis at a limit, by limit (1/s)', [
      series(fromLog('redis_limits'), 'ALIGN_RATE', 'REDUCE_SUM', ['metric.label.limit']),
    ]),
    chart('Instances by function', [
      series(
        'metric.type="run.googleapis.com/container/instance_count" AND resource.type="cloud_run_revision"',
        'ALIGN_MAX',
        'REDUCE_SUM',
        ['resource.label.service_name'],
      ),
    ]),
  ];
  const [width, height] = [24, 16];
  return {
    displayName: 'Seatlease',
    mosaicLayout: {
      columns: 2 * width,
      tiles: tiles.map((widget, i) => ({
        ...(i % 2 === 0 ? {} : { xPos: width }),
        ...(i < 2 ? {} : { yPos: Math.floor(i / 2) * height }),
        width,
        height,
        widget,
      })),
    },
  };
}

function fromLog(name: LogMetricName): string {
  return `metric.type="${metricType(name)}" AND resource.type="cloud_run_revision"`;
}

/** A metric of our subscriptions, the one of dead letters included. */
function ofSubscriptions(metric: 'num_undelivered_messages' | 'oldest_unacked_message_age'): string {
  return [
    `metric.type="pubsub.googleapis.com/subscription/${metric}"`,
    'resource.type="pubsub_subscription"',
    `resource.labels.subscription_id=starts_with("${EVENTS_TOPIC}")`,
  ].join(' AND ');
}

function series(
  filter: string,
  perSeriesAligner: string,
  crossSeriesReducer: string,
  groupByFields: readonly string[] = [],
) {
  const aggregation = {
    alignmentPeriod: '60s',
    perSeriesAligner,
    crossSeriesReducer,
    ...(groupByFields.length > 0 ? { groupByFields } : {}),
  };
  return { plotType: 'LINE', timeSeriesQuery: { timeSeriesFilter: { filter, aggregation } } };
}

function chart(title: string, dataSets: readonly ReturnType<typeof series>[]) {
  return { title, xyChart: { dataSets } };
}
