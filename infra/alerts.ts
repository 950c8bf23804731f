import type * as monitoring from '@pulumi/gcp/monitoring/index.js';
import type { input } from '@pulumi/gcp/types/index.js';
import { type Input, interpolate, type Resource } from '@pulumi/pulumi';
import type { FunctionName } from '../functions/manifest.ts';
import { deployedName } from '../functions/names.ts';
import { metricType } from './log-metrics.ts';
import { COPY_JOB, DEAD_LETTERS, KEY_RING, recorderSubscription } from './names.ts';

/** Five sweeps. */
const MOST_LAG_SECONDS = 300;

/** Of a message that the recorder has not accepted: several attempts have failed by then. */
const MOST_BACKLOG_SECONDS = 600;

/** Functions that have no objective, although customers wait for them: a session, a signature or a payment depends on them. */
const WATCHED = ['sign', 'token', 'stripe-webhook', 'public-key'] as const satisfies readonly FunctionName[];

/** The metric's unit is days. Hosting renews certificates a month before they end: it has failed for two weeks by then. */
const LEAST_CERTIFICATE_DAYS = 14;

export type Condition = input.monitoring.AlertPolicyCondition;

export interface Alert {
  readonly name: string;
  readonly displayName: string;
  /** All of them must hold. */
  readonly conditions: readonly Condition[];
  /** The alert's documentation: what it means, and where to look first. */
  readonly advice: string;
  /** For a condition on single log lines: at most one notification in this time, for each of the condition's labels. */
  readonly notifyEverySeconds?: number;
  /** What must exist before the alert. */
  readonly needs?: readonly Resource[];
}

export function sweepMissing(): Alert {
  // `vector(0)` covers a stack that has never swept: a metric without any log line has no series. The second five minutes
  // are the duration, so that a first deploy, which has not swept yet either, causes no alert.
  const swept = `sum(increase(${promQlName(metricType('sweeps'))}{${REVISION}}[5m])) or vector(0)`;
  return {
    name: 'sweep-missing',
    displayName: 'No sweep has succeeded for 10 minutes',
    conditions: [promQl('no log line of a sweep that reached every dependency', `(${swept}) < 1`, 300)],
    advice:
      'Seats are still freed, but no events are published or recorded, and no usage is billed. Look at the log lines of sweep.',
  };
}

export function sweepLag(): Alert {
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

export function deadLetters(): Alert {
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

export function unreachable({ uptimeCheckId }: monitoring.UptimeCheckConfig): Alert {
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

/** The push subscription: a failing recorder delays histories and the audit log long before a message becomes a dead letter. */
export function pushBacklog(): Alert {
  const age = promQlName('pubsub.googleapis.com/subscription/oldest_unacked_message_age');
  const subscription = recorderSubscription('record-event' satisfies FunctionName);
  return {
    name: 'push-backlog',
    displayName: 'Events wait to be recorded',
    conditions: [
      promQl(
        `the oldest message has waited for more than ${MOST_BACKLOG_SECONDS} s`,
        `max(${age}{monitored_resource="pubsub_subscription",subscription_id="${subscription}"}) > ${MOST_BACKLOG_SECONDS}`,
        300,
      ),
    ],
    advice:
      'The audit log and histories are late. Look at the log lines of record-event, and at its instances.',
  };
}

export function functionErrors(): Alert {
  const requests = promQlName('run.googleapis.com/request_count');
  const services = WATCHED.map(deployedName).join('|');
  return {
    name: 'function-errors',
    displayName: 'Signing, tokens, webhooks or public keys fail',
    conditions: [
      promQl(
        'a function has returned 5xx more than twice in 10 minutes',
        // Calls are few: a share of them would say nothing. Cloud Run counts what no instance answered, too.
        `sum by (service_name) (increase(${requests}{${REVISION},service_name=~"${services}",response_code_class="5xx"}[10m])) > 2`,
      ),
    ],
    advice:
      'The alert names the function (service_name). Look at its log lines with severity ERROR, and check its dependencies with health?deep=1.',
  };
}

/**
 * Anyone can send what Stripe has not signed. But with a wrong secret every delivery is refused, and none is accepted.
 */
export function webhookRefusals(): Alert {
  const deliveries = (metric: 'webhook_refusals' | 'webhook_deliveries') =>
    `sum(increase(${promQlName(metricType(metric))}{${REVISION}}[1h]))`;
  return {
    name: 'webhook-refusals',
    displayName: 'The webhook refuses every delivery',
    conditions: [
      promQl(
        'more than two deliveries without a valid signature in an hour, and none with one',
        `(${deliveries('webhook_refusals')} > 2) unless (${deliveries('webhook_deliveries')} > 0)`,
      ),
    ],
    advice:
      'Payments change nothing here. Compare STRIPE_WEBHOOK_SECRETS with the secret of the endpoint at Stripe, which shows failed deliveries.',
  };
}

export function redisLimits(): Alert {
  return {
    name: 'redis-limits',
    displayName: 'Redis is at a limit',
    conditions: [
      promQl(
        'Redis has refused a request, or a step of the sweep',
        `sum by (limit) (increase(${promQlName(metricType('redis_limits'))}{${REVISION}}[5m])) > 0`,
      ),
    ],
    advice:
      'The alert names the limit: commands or bandwidth (of the plan), memory, or read-only (a failover, or a token without the right to write).',
  };
}

export function certificate({ uptimeCheckId }: monitoring.UptimeCheckConfig): Alert {
  const daysLeft = promQlName('monitoring.googleapis.com/uptime_check/time_until_ssl_cert_expires');
  return {
    name: 'certificate',
    displayName: 'The certificate of the public origin ends soon',
    conditions: [
      promQl(
        `it is valid for less than ${LEAST_CERTIFICATE_DAYS} days`,
        interpolate`min(${daysLeft}{monitored_resource="uptime_url",check_id="${uptimeCheckId}"}) < ${LEAST_CERTIFICATE_DAYS}`,
        600,
      ),
    ],
    advice:
      'Hosting renews it by itself while the domain points to Hosting. Look at the domain in the Firebase console.',
  };
}

/** Admin activity is always logged, and cannot be excluded: https://cloud.google.com/kms/docs/audit-logging */
export function keyChanged(): Alert {
  const methods = ['DestroyCryptoKeyVersion', 'UpdateCryptoKeyVersion', 'SetIamPolicy'];
  return {
    name: 'key-changed',
    displayName: 'The signing key was changed',
    conditions: [
      matchedLog(
        'a version was disabled, enabled or scheduled for destruction, or a policy was changed',
        [
          'log_id("cloudaudit.googleapis.com/activity")',
          'protoPayload.serviceName="cloudkms.googleapis.com"',
          `protoPayload.methodName=(${methods.map((method) => `"${method}"`).join(' OR ')})`,
          `protoPayload.resourceName:"/keyRings/${KEY_RING}"`,
        ],
        {
          method: 'protoPayload.methodName',
          resource: 'protoPayload.resourceName',
          who: 'protoPayload.authenticationInfo.principalEmail',
        },
      ),
    ],
    notifyEverySeconds: 300,
    advice:
      'Expected after a rotation, and at the first deploy. A version that is scheduled for destruction can be restored for 30 days; a disabled one can be enabled. If none of you did it, the key is compromised.',
  };
}

/** What the code does not recognise is an ERROR. So are lines of Cloud Run itself, such as an instance without memory. */
export function errors(): Alert {
  return {
    name: 'errors',
    displayName: 'A function logs errors',
    conditions: [
      matchedLog(
        'a line with severity ERROR',
        [
          'resource.type="cloud_run_revision"',
          'resource.labels.service_name=~"^seatlease-"',
          'severity>=ERROR',
          // A request that failed has a line of ours, too.
          'NOT log_id("run.googleapis.com/requests")',
        ],
        { function: 'resource.labels.service_name' },
      ),
    ],
    notifyEverySeconds: 3_600,
    advice:
      'At most once an hour for each function. The field because says what failed; unavailable dependencies end by themselves.',
  };
}

/** A copy that starts and fails later is not seen here: Firestore logs its end only as Data Access. */
export function copyFailed(): Alert {
  return {
    name: 'copy-failed',
    displayName: 'The records could not be copied out of the project',
    conditions: [
      matchedLog('the call to Firestore failed', [
        'resource.type="cloud_scheduler_job"',
        `resource.labels.job_id="${COPY_JOB}"`,
        'severity>=ERROR',
      ]),
    ],
    notifyEverySeconds: 3_600,
    advice: 'Check the role of the account seatlease-copy, and that Firestore may write to the bucket.',
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

/**
 * A condition on single log lines. It must be the alert's only one, needs no metric, and sees no excluded lines
 * (https://cloud.google.com/logging/docs/alerting/log-based-alerts). A notification names the labels.
 */
function matchedLog(
  displayName: string,
  filters: readonly string[],
  labels: Readonly<Record<string, string>> = {},
): Condition {
  const labelExtractors = Object.fromEntries(
    Object.entries(labels).map(([label, field]) => [label, `EXTRACT(${field})`]),
  );
  return { displayName, conditionMatchedLog: { filter: filters.join(' AND '), labelExtractors } };
}
