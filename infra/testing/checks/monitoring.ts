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
    const queried = names(/logging_googleapis_com:user_(\w+)/g);
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

  'alerts have the thresholds and windows that we chose': ({ graph }) => {
    const conditionsOf = (name: string): Resource['inputs'][] =>
      of(graph, 'gcp:monitoring/alertPolicy:AlertPolicy').find((alert) => alert.name === name)?.inputs
        .conditions ?? [];
    const limits = (name: string) =>
      conditionsOf(name).map(({ conditionThreshold: { filter, thresholdValue } }) => [
        /"(\d+)s"\)$/.exec(filter)?.[1],
        thresholdValue,
      ]);
    const [missing] = conditionsOf('sweep-missing');
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
        ['window', /\[(\w+)\]/.exec(missing?.conditionPrometheusQueryLanguage.query)?.[1], '10m'],
        ['most lag', conditionsOf('sweep-lag')[0]?.conditionThreshold.thresholdValue, 300],
      ]),
      ...expected('dead letters', [
        ['most', conditionsOf('dead-letters')[0]?.conditionThreshold.thresholdValue, 0],
      ]),
    ];
  },
} as const satisfies Readonly<Record<string, Check>>;
