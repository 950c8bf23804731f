import * as logging from '@pulumi/gcp/logging/index.js';
import type { CustomResourceOptions } from '@pulumi/pulumi';
import { deployedName } from '../functions/names.ts';
import { HOT_PATH } from './hot-path.ts';
import { after } from './project.ts';
import type { StackSettings } from './settings.ts';

/** As long as Google keeps the log of admin activity: https://cloud.google.com/logging/docs/storage */
const KEPT_DAYS = 400;

const KEPT_BUCKET = 'seatlease-kept';

/**
 * Entries that an investigation may need long after the 30 days of other logs. They name no customer: those of Cloud KMS
 * name our accounts, and members of staff who use the key by hand, with their e-mail and IP address; chain heads have
 * the ids of tenants.
 */
const KEPT = {
  'key-use': [
    '(log_id("cloudaudit.googleapis.com/activity") OR log_id("cloudaudit.googleapis.com/data_access"))',
    'protoPayload.serviceName="cloudkms.googleapis.com"',
  ],
  'chain-heads': [
    'resource.type="cloud_run_revision"',
    `resource.labels.service_name="${deployedName('sweep')}"`,
    'jsonPayload.chain_heads:*',
  ],
} as const;

/** Keeps the entries in a bucket of their own. Its sinks need no role: it is in the same project. */
export function keepLogs(
  { project, region: location, protect }: StackSettings,
  options: CustomResourceOptions,
): void {
  const bucket = new logging.ProjectBucketConfig(
    KEPT_BUCKET,
    {
      project,
      location,
      bucketId: KEPT_BUCKET,
      retentionDays: KEPT_DAYS,
      description: 'Use and changes of the signing key, and heads of audit chains.',
    },
    { ...options, protect },
  );
  for (const [name, filter] of Object.entries(KEPT)) {
    new logging.ProjectSink(
      name,
      {
        name: `seatlease-${name}`,
        destination: `logging.googleapis.com/projects/${project}/locations/${location}/buckets/${KEPT_BUCKET}`,
        filter: filter.join(' AND '),
      },
      after(options, bucket),
    );
  }
}

/**
 * Keeps only a share of the lines of calls for seats in the bucket `_Default`. Lines with WARNING or ERROR are always
 * kept. Our log metrics count excluded lines, too (https://cloud.google.com/logging/docs/logs-based-metrics), and sinks
 * see them: these exclusions are those of the sink `_Default` alone
 * (https://github.com/hashicorp/terraform-provider-google/issues/29165).
 */
export function excludeRequestLines({ requestLogs }: StackSettings, options: CustomResourceOptions): void {
  const exclude = (name: string, log: string, keptShare: number): void => {
    if (keptShare === 1) return;
    const services = HOT_PATH.map((each) => `"${deployedName(each)}"`).join(' OR ');
    const filter = [
      'resource.type="cloud_run_revision"',
      `resource.labels.service_name=(${services})`,
      `log_id("${log}")`,
      'severity<WARNING',
      // Without it, all of them.
      ...(keptShare > 0 ? [`sample(insertId, ${Number((1 - keptShare).toFixed(6))})`] : []),
    ];
    new logging.ProjectExclusion(name, { name, filter: filter.join(' AND ') }, options);
  };
  exclude('seatlease-requests-cloud-run', 'run.googleapis.com/requests', requestLogs.cloudRun);
  exclude('seatlease-requests-own', 'run.googleapis.com/stdout', requestLogs.own);
}
