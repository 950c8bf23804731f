import type { Resource } from '../graph.ts';
import { type Check, differences, expected, FUNCTION, idOf, of, SUBSCRIPTION, TOPIC } from './stack.ts';

/** Metrics, alerts and their recipient. */
export const MONITORING_CHECKS = {
  'every alert has a recipient': ({ graph, settings }) => {
    const [channel] = of(graph, 'gcp:monitoring/notificationChannel:NotificationChannel');
    const [uptime] = of(graph, 'gcp:monitoring/uptimeCheckConfig:UptimeCheckConfig');
    const alerts = of(graph, 'gcp:monitoring/alertPolicy:AlertPolicy');
    const objectives = of(graph, 'gcp:monitoring/slo:Slo').map(({ name }) => name);
    const metrics = of(graph, 'gcp:logging/metric:Metric').map(({ inputs }) => inputs.name);
    return [
      ...differences(
        'alert',
        alerts.map(({ name }) => name),
        [
          ...['availability', 'latency'].flatMap((name) => [`${name}-fast`, `${name}-slow`]),
          ...['sweep-missing', 'sweep-lag', 'dead-letters', 'unreachable'],
        ],
      ),
      ...differences('objective', objectives, ['availability', 'latency']),
      ...differences(
        'metric',
        metrics,
        ['denials', 'revivals', 'sweeps', 'sweep_lag'].map((name) => `seatlease/${name}`),
      ),
      ...alerts.flatMap(({ name, inputs }) =>
        expected(name, [
          ['recipient', inputs.notificationChannels, channel && [idOf(channel)]],
          ['enabled', inputs.enabled ?? true, true],
        ]),
      ),
      ...expected('watching', [
        ['recipient', channel?.inputs.labels.email_address, settings.alertEmail],
        ['path', uptime?.inputs.httpCheck.path, '/health'],
        ['host', uptime?.inputs.monitoredResource.labels.host, new URL(settings.publicUrl).hostname],
      ]),
    ];
  },

  'alerts and charts use only deployed functions and existing metrics': ({ graph }) => {
    const watching = graph.resources.filter(({ type }) => /^gcp:(monitoring|logging)\//.test(type));
    // Filters are in strings, and those of the dashboard in JSON within a string.
    const text = watching
      .map(({ inputs }) => JSON.stringify(inputs))
      .join('\n')
      .replaceAll('\\', '');
    const names = (pattern: RegExp): string[] => [
      ...new Set([...text.matchAll(pattern)].map(([, name = '']) => name)),
    ];
    const things = [FUNCTION, SUBSCRIPTION, TOPIC].flatMap((type) =>
      of(graph, type).map(({ inputs }) => String(inputs.name)),
    );
    const services = of(graph, 'gcp:monitoring/customService:CustomService').map(
      ({ inputs }) => inputs.serviceId,
    );
    const metrics = of(graph, 'gcp:logging/metric:Metric').map(({ inputs }) => String(inputs.name));
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
    of(graph, 'gcp:monitoring/alertPolicy:AlertPolicy').flatMap(
      ({ name, inputs: { conditions, combiner } }) =>
        conditions.flatMap((condition: Resource['inputs']) => {
          const { conditionPrometheusQueryLanguage: promQl, conditionThreshold: threshold } = condition;
          // The objective is named, and the stack creates it first.
          if (/^select_slo_burn_rate\("[^"]+", "\d+s"\)$/.test(threshold?.filter)) return [];
          if (!promQl) return [`${name}: its condition cannot skip the check that its metric exists`];
          return expected(name, [
            ['skips the check that its metric exists', promQl.disableMetricValidation, true],
            ['number of conditions beside a PromQL query', conditions.length - 1, 0],
            ['combiner', combiner, 'OR'],
          ]);
        }),
    ),

  'alerts have the thresholds and windows that we chose': ({ graph }) => {
    const conditionsOf = (name: string): Resource['inputs'][] =>
      of(graph, 'gcp:monitoring/alertPolicy:AlertPolicy').find((alert) => alert.name === name)?.inputs
        .conditions ?? [];
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
        ['window', /\[(\w+)\]/.exec(queryOf('sweep-missing'))?.[1], '10m'],
        ['most lag', mostOf('sweep-lag'), '300'],
      ]),
      ...expected('dead letters', [['most', mostOf('dead-letters'), '0']]),
      ...expected('public origin', [['most places that fail', mostOf('unreachable'), '1']]),
    ];
  },
} as const satisfies Readonly<Record<string, Check>>;
