import { keyOf, type Resource } from '../graph.ts';
import { type Check, differences, expected, FUNCTION, idOf, JOB, of, SUBSCRIPTION, TOPIC } from './stack.ts';

const ALERT = 'gcp:monitoring/alertPolicy:AlertPolicy';
const CHANNEL = 'gcp:monitoring/notificationChannel:NotificationChannel';
const METRIC = 'gcp:logging/metric:Metric';
const DASHBOARD = 'gcp:monitoring/dashboard:Dashboard';
const OBJECTIVE = 'gcp:monitoring/slo:Slo';

/** Metrics, alerts and their recipients. */
export const MONITORING_CHECKS = {
  'every alert exists, and every recipient gets it': ({ graph, settings }) => {
    const channels = of(graph, CHANNEL);
    const alerts = of(graph, ALERT);
    const recipients = [...channels.map(idOf), ...settings.alerts.channels].toSorted();
    return [
      ...differences(
        'alert',
        alerts.map(({ name }) => name),
        [
          ...['availability', 'latency'].flatMap((name) => [`${name}-fast`, `${name}-slow`]),
          ...['sweep-missing', 'sweep-lag', 'push-backlog', 'dead-letters'],
          ...['function-errors', 'webhook-refusals', 'redis-limits', 'key-changed', 'errors'],
          ...['unreachable', 'certificate'],
          ...(settings.backups.copy ? ['copy-failed'] : []),
        ],
      ),
      ...differences(
        'channel',
        channels.map(({ inputs: { type, labels } }) => `${type} ${JSON.stringify(labels)}`),
        [
          ...settings.alerts.emails.map((address) => `email {"email_address":"${address}"}`),
          ...settings.alerts.webhooks.map((url) => `webhook_tokenauth {"url":"${url}"}`),
        ],
      ),
      ...alerts.flatMap(({ name, inputs }) =>
        expected(name, [
          ['recipients', inputs.notificationChannels.toSorted(), recipients],
          ['enabled', inputs.enabled ?? true, true],
        ]),
      ),
    ];
  },

  'the public origin is watched from outside': ({ graph, settings }) => {
    const [uptime] = of(graph, 'gcp:monitoring/uptimeCheckConfig:UptimeCheckConfig');
    return expected('watching', [
      ['path', uptime?.inputs.httpCheck.path, '/health'],
      ['checks the certificate', uptime?.inputs.httpCheck.validateSsl, true],
      ['host', uptime?.inputs.monitoredResource.labels.host, new URL(settings.publicUrl).hostname],
    ]);
  },

  'objectives and metrics are those that we chose': ({ graph }) => [
    ...differences(
      'objective',
      of(graph, OBJECTIVE).map(({ name }) => name),
      ['availability', 'latency'],
    ),
    ...differences(
      'metric',
      of(graph, METRIC).map(({ inputs }) => inputs.name),
      [
        ...['denials', 'revivals', 'sweeps', 'sweep_lag'],
        ...['webhook_deliveries', 'webhook_refusals', 'redis_limits'],
      ].map((name) => `seatlease/${name}`),
    ),
    ...of(graph, METRIC).flatMap(({ inputs: { name, metricDescriptor, labelExtractors = {} } }) =>
      expected(name, [
        [
          'labels',
          (metricDescriptor.labels ?? []).map(({ key }: { key: string }) => key),
          Object.keys(labelExtractors),
        ],
      ]),
    ),
  ],

  // Cloud Monitoring leaves such values out, and the provider compares its answer with our text: each deploy would change
  // the dashboard (https://github.com/GoogleCloudPlatform/magic-modules/pull/18515).
  'the dashboard has no empty value and no zero': ({ graph }) =>
    of(graph, DASHBOARD).flatMap(({ name, inputs }) => {
      const empty: string[] = [];
      JSON.parse(inputs.dashboardJson, (key, value) => {
        if (value === 0 || value === '' || value === false || (Array.isArray(value) && value.length === 0))
          empty.push(`${name}: ${key} is ${JSON.stringify(value)}`);
        return value;
      });
      return empty;
    }),

  // Cloud Monitoring refuses an objective on a metric that it does not know
  // (https://github.com/GoogleCloudPlatform/cloud-ops-sandbox/issues/896). Whether it knows Cloud Run's before the first
  // call of a service is not documented. If not, a deploy must have made the functions before it stops.
  'objectives and the alert on missing sweeps wait for the functions that they measure': ({ graph }) => {
    const functions = of(graph, FUNCTION).map(keyOf);
    const missing = of(graph, 'gcp:monitoring/alertPolicy:AlertPolicy').filter(
      ({ name }) => name === 'sweep-missing',
    );
    return [...of(graph, OBJECTIVE), ...missing].flatMap(({ name, dependsOn }) =>
      functions
        .filter((each) => !dependsOn.includes(each))
        .map((each) => `${name}: does not wait for ${each}`),
    );
  },

  'alerts and charts use only deployed functions and existing metrics': ({ graph }) => {
    const watching = graph.resources.filter(({ type }) => /^gcp:(monitoring\/|logging\/metric:)/.test(type));
    // Filters are in strings, and those of the dashboard in JSON within a string.
    const text = watching
      .map(({ inputs }) => JSON.stringify(inputs))
      .join('\n')
      .replaceAll('\\', '');
    const names = (pattern: RegExp): string[] => [
      ...new Set([...text.matchAll(pattern)].map(([, name = '']) => name)),
    ];
    const things = [FUNCTION, SUBSCRIPTION, TOPIC, JOB].flatMap((type) =>
      of(graph, type).map(({ inputs }) => String(inputs.name)),
    );
    const services = of(graph, 'gcp:monitoring/customService:CustomService').map(
      ({ inputs }) => inputs.serviceId,
    );
    const metrics = of(graph, METRIC).map(({ inputs }) => String(inputs.name));
    const logged = names(/logging\.googleapis\.com\/user\/([\w/]+)/g);
    // A distribution is queried by its parts.
    const queried = names(/logging_googleapis_com:user_(\w+?)(?:_(?:sum|count|bucket))?\{/g);
    return [
      ...names(/"(seatlease-[\w-]+)"/g)
        .filter((name) => ![...things, ...services].includes(name))
        .map((name) => `${name}: is not deployed`),
      ...logged.filter((name) => !metrics.includes(name)).map((name) => `${name}: has no metric`),
      ...queried
        .filter((name) => !metrics.some((metric) => metric.replace('/', '_') === name))
        .map((name) => `${name}: has no metric`),
      ...metrics
        .filter((name) => !logged.includes(name) && !queried.includes(name.replace('/', '_')))
        .map((name) => `${name}: is not used`),
    ];
  },

  'no alert needs a metric that exists only some time after a deploy': ({ graph }) =>
    of(graph, ALERT).flatMap(({ name, inputs: { conditions, combiner } }) =>
      conditions.flatMap((condition: Resource['inputs']) => {
        const { conditionPrometheusQueryLanguage: promQl, conditionThreshold: threshold } = condition;
        // The objective is named, and the stack creates it first.
        if (/^select_slo_burn_rate\("[^"]+", "\d+s"\)$/.test(threshold?.filter)) return [];
        // Single log lines are no metric.
        if (condition.conditionMatchedLog) return [];
        if (!promQl) return [`${name}: its condition cannot skip the check that its metric exists`];
        return expected(name, [
          ['skips the check that its metric exists', promQl.disableMetricValidation, true],
          ['number of conditions beside a PromQL query', conditions.length - 1, 0],
          ['combiner', combiner, 'OR'],
        ]);
      }),
    ),

  'alerts on single log lines match what they must, and do not flood': ({ graph }) =>
    of(graph, ALERT).flatMap(({ name, inputs: { conditions, alertStrategy } }) => {
      const [condition, ...others] = conditions;
      const log = condition.conditionMatchedLog;
      if (!log) return expected(name, [['limit that only log lines can have', alertStrategy, undefined]]);
      const [parts, perSeconds] = LOG_ALERTS[name] ?? [[], undefined];
      return [
        ...differences(`${name}: filter`, log.filter.split(' AND '), parts),
        ...expected(name, [
          ['number of conditions beside the one on a log line', others.length, 0],
          ['time between notifications', alertStrategy?.notificationRateLimit?.period, `${perSeconds}s`],
        ]),
      ];
    }),

  'alerts have the thresholds and windows that we chose': ({ graph }) => {
    const conditionsOf = (name: string): Resource['inputs'][] =>
      of(graph, ALERT).find((alert) => alert.name === name)?.inputs.conditions ?? [];
    const limits = (name: string) =>
      conditionsOf(name).map(({ conditionThreshold: { filter, thresholdValue } }) => [
        /"(\d+)s"\)$/.exec(filter)?.[1],
        thresholdValue,
      ]);
    const queryOf = (name: string): string =>
      conditionsOf(name)[0]?.conditionPrometheusQueryLanguage?.query ?? '';
    const mostOf = (name: string) => / > (\d+)$/.exec(queryOf(name))?.[1];
    return [
      ...['availability', 'latency'].flatMap((objective) =>
        expected(objective, [
          [
            'fast burn',
            limits(`${objective}-fast`),
            [
              ['3600', 14.4],
              ['300', 14.4],
            ],
          ],
          [
            'slow burn',
            limits(`${objective}-slow`),
            [
              ['21600', 6],
              ['1800', 6],
            ],
          ],
        ]),
      ),
      ...expected('sweep', [
        ['window', /\[(\w+)\]/.exec(queryOf('sweep-missing'))?.[1], '5m'],
        [
          'time without a sweep in the window',
          conditionsOf('sweep-missing')[0]?.conditionPrometheusQueryLanguage?.duration,
          '300s',
        ],
        ['most lag', mostOf('sweep-lag'), '300'],
      ]),
      ...expected('dead letters', [['most', mostOf('dead-letters'), '0']]),
      ...expected('backlog', [
        ['most', mostOf('push-backlog'), '600'],
        [
          'subscription',
          /subscription_id="([^"]+)"/.exec(queryOf('push-backlog'))?.[1],
          'seatlease-events-record-event',
        ],
      ]),
      ...expected('errors of functions', [
        ['most in 10 minutes', mostOf('function-errors'), '2'],
        [
          'functions',
          /service_name=~"([^"]+)"/.exec(queryOf('function-errors'))?.[1]?.split('|').toSorted(),
          ['public-key', 'sign', 'stripe-webhook', 'token'].map((name) => `seatlease-${name}`),
        ],
        ['status', /response_code_class="(\w+)"/.exec(queryOf('function-errors'))?.[1], '5xx'],
      ]),
      ...expected('webhook', [
        [
          'refusals, unless there are deliveries',
          [
            ...queryOf('webhook-refusals').matchAll(/seatlease_(\w+)\{[^}]*\}\[1h\]\)\) > (\d)\)|(unless)/g),
          ].map(([, metric, most, word]) => word ?? `${metric} ${most}`),
          ['webhook_refusals 2', 'unless', 'webhook_deliveries 0'],
        ],
      ]),
      ...expected('Redis', [
        ['most refusals', mostOf('redis-limits'), '0'],
        ['by limit', queryOf('redis-limits').startsWith('sum by (limit) '), true],
      ]),
      ...expected('public origin', [
        ['most places that fail', mostOf('unreachable'), '1'],
        ['least days of the certificate', / < (\d+)$/.exec(queryOf('certificate'))?.[1], '14'],
      ]),
    ];
  },
} as const satisfies Readonly<Record<string, Check>>;

/** What a line must match, and the seconds between two notifications. */
const LOG_ALERTS: Readonly<Record<string, readonly [filter: readonly string[], seconds: number]>> = {
  'key-changed': [
    [
      'log_id("cloudaudit.googleapis.com/activity")',
      'protoPayload.serviceName="cloudkms.googleapis.com"',
      'protoPayload.methodName=("DestroyCryptoKeyVersion" OR "UpdateCryptoKeyVersion" OR "SetIamPolicy")',
      'protoPayload.resourceName:"/keyRings/seatlease"',
    ],
    300,
  ],
  errors: [
    [
      'resource.type="cloud_run_revision"',
      'resource.labels.service_name=~"^seatlease-"',
      'severity>=ERROR',
      'NOT log_id("run.googleapis.com/requests")',
    ],
    3_600,
  ],
  'copy-failed': [
    ['resource.type="cloud_scheduler_job"', 'resource.labels.job_id="seatlease-copy"', 'severity>=ERROR'],
    3_600,
  ],
};
