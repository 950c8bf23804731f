import { type Check, differences, expected, of } from './stack.ts';

/** Which log lines are kept, and for how long. */
export const LOG_CHECKS = {
  'the use of the key and the heads of audit chains are logged for 400 days': ({ graph, settings }) => {
    const [bucket, ...others] = of(graph, 'gcp:logging/projectBucketConfig:ProjectBucketConfig');
    const sinks = of(graph, 'gcp:logging/projectSink:ProjectSink');
    const { project, region, protect } = settings;
    return [
      ...expected('bucket', [
        ['number of others', others.length, 0],
        ['days', bucket?.inputs.retentionDays, 400],
        ['location', bucket?.inputs.location, region],
        ['protected', bucket?.protect, protect],
      ]),
      ...differences(
        'sink',
        sinks.map(({ inputs: { filter, destination } }) => `${filter} -> ${destination}`),
        [
          '(log_id("cloudaudit.googleapis.com/activity") OR log_id("cloudaudit.googleapis.com/data_access")) AND protoPayload.serviceName="cloudkms.googleapis.com"',
          'resource.type="cloud_run_revision" AND resource.labels.service_name="seatlease-sweep" AND jsonPayload.chain_heads:*',
        ].map(
          (filter) =>
            `${filter} -> logging.googleapis.com/projects/${project}/locations/${region}/buckets/${bucket?.inputs.bucketId}`,
        ),
      ),
      ...sinks.flatMap(({ name, inputs }) => expected(name, [['disabled', inputs.disabled ?? false, false]])),
    ];
  },

  'only calls for seats lose log lines, only without WARNING, and only the share of the settings': ({
    graph,
    settings,
  }) => {
    const calls =
      'resource.labels.service_name=("seatlease-acquire" OR "seatlease-heartbeat" OR "seatlease-release")';
    const required = [
      ['requests', settings.requestLogs.cloudRun] as const,
      ['stdout', settings.requestLogs.own] as const,
    ].flatMap(([log, kept]) => {
      const all = `resource.type="cloud_run_revision" AND ${calls} AND log_id("run.googleapis.com/${log}") AND severity<WARNING`;
      if (kept === 1) return [];
      return [kept === 0 ? all : `${all} AND sample(insertId, ${(100 - 100 * kept) / 100})`];
    });
    const exclusions = graph.resources.filter(({ type }) => /Exclusion$/.test(type));
    return differences(
      'exclusion',
      exclusions.map(({ inputs }) => inputs.filter),
      required,
    );
  },
} as const satisfies Readonly<Record<string, Check>>;
