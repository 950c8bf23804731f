import * as z from 'zod/mini';
import { quotaProblems } from '../../../infra/instances.ts';
import type { Area, Check, Stack } from '../check.ts';
import { failed, ok, unknown, type Verdict, warning } from '../finding.ts';
import { read } from '../google.ts';

const Metric = z.object({
  consumerQuotaLimits: z._default(
    z.array(
      z.object({
        unit: z.string(),
        quotaBuckets: z._default(
          z.array(
            z.object({
              effectiveLimit: z.string(),
              dimensions: z._default(z.record(z.string(), z.string()), {}),
            }),
          ),
          [],
        ),
      }),
    ),
    [],
  ),
});
type Metric = z.output<typeof Metric>;

/** A license is signed twice: itself, and its compact form. */
const SIGNATURES_OF_A_LICENSE = 2;
/** Below this, a morning on which every machine gets a license is too slow. */
const FEWEST_LICENSES_A_MINUTE = 60;

/**
 * Quotas that the stack can exceed. Firestore, Pub/Sub and Secret Manager have none that it comes near. The view with
 * default limits is part of Service Usage, which is enabled in every project.
 */
export const QUOTAS: Area = {
  name: 'quotas',
  checksOf(stack) {
    const { protectionLevel } = stack.settings.signingKey;
    return [
      quotaCheck('CPUs of Cloud Run', 'run', 'cpu_allocation', stack, judgeCpus),
      protectionLevel === 'HSM'
        ? quotaCheck('signatures', 'cloudkms', 'hsm_asymmetric_requests', stack, judgeSignatures)
        : quotaCheck('signatures', 'cloudkms', 'crypto_requests', stack, judgeSignatures),
    ];
  },
};

function quotaCheck(
  name: string,
  api: string,
  metric: string,
  stack: Stack,
  judge: (limit: number, stack: Stack) => Verdict,
): Check {
  const { project, projectNumber, region } = stack.settings;
  const service = `${api}.googleapis.com`;
  return {
    name,
    async run({ google }) {
      const answer = await google(
        `https://serviceusage.googleapis.com/v1beta1/projects/${projectNumber}/services/${service}/consumerQuotaMetrics/${service}%2F${metric}?view=FULL`,
        'roles/servicemanagement.quotaViewer',
      );
      const limit = answer.status === 404 ? undefined : limitIn(read(Metric, answer), region);
      if (limit !== undefined) return [judge(limit, stack)];
      return [
        unknown(
          `The quota ${service}/${metric} of ${region} is not known.`,
          `Look at https://console.cloud.google.com/iam-admin/quotas?project=${project}`,
        ),
      ];
    },
  };
}

/**
 * The limit in the region; -1 is none. Buckets go from the default to those of one region. A metric has limits of other
 * units too, such as those per user.
 */
function limitIn({ consumerQuotaLimits }: Metric, region: string): number | undefined {
  const limits = consumerQuotaLimits.flatMap(({ quotaBuckets }) => {
    const bucket = quotaBuckets.findLast(
      ({ dimensions }) => dimensions.region === region || Object.keys(dimensions).length === 0,
    );
    return bucket ? [Number(bucket.effectiveLimit)] : [];
  });
  const real = limits.filter((limit) => limit >= 0);
  if (real.length > 0) return Math.min(...real);
  return limits.length > 0 ? Number.POSITIVE_INFINITY : undefined;
}

/**
 * `limit` is in thousandths of a CPU: new projects have 20,000 (observed, not documented:
 * https://github.com/googlecodelabs/feedback/issues/1856). The rule is that of the settings, with the real quota.
 */
function judgeCpus(limit: number, { manifest, settings, name }: Stack): Verdict {
  const { project, region, instances } = settings;
  const real = limit / 1000;
  const request = `request more at https://console.cloud.google.com/iam-admin/quotas?project=${project} ("Total CPU allocation" of Cloud Run, ${region})`;
  const place = `in infra/Pulumi.${name}.yaml`;
  const problems = quotaProblems(manifest, { ...settings, instances: { ...instances, vcpuQuota: real } });
  if (problems.length > 0)
    return failed(
      `The project has ${real} vCPU in ${region}, which is too few. ${problems.join('; ')}.`,
      `Set instances.vcpuQuota: ${real} ${place} and lower instances.hot, or ${request}.`,
    );
  return real < instances.vcpuQuota
    ? warning(
        `The project has ${real} vCPU in ${region}, and the settings say ${instances.vcpuQuota}.`,
        `Set instances.vcpuQuota: ${real} ${place}, or ${request}.`,
      )
    : ok(`The instances of the settings fit into the ${format(real)} vCPU of ${region}.`);
}

/** `limit` is requests a minute (https://docs.cloud.google.com/kms/quotas). */
function judgeSignatures(limit: number, { settings: { project } }: Stack): Verdict {
  const licenses = Math.floor(limit / SIGNATURES_OF_A_LICENSE);
  return licenses >= FEWEST_LICENSES_A_MINUTE
    ? ok(`${format(licenses)} licenses a minute can be signed.`)
    : warning(
        `Only ${licenses} licenses a minute can be signed.`,
        `Request more at https://console.cloud.google.com/iam-admin/quotas?project=${project} (Cloud KMS).`,
      );
}

function format(count: number): string {
  return count === Number.POSITIVE_INFINITY ? 'unlimited' : count.toLocaleString('en');
}
