import type { FunctionName } from '../functions/manifest.ts';
import { deployedName } from '../functions/names.ts';

/** Functions that acquire and hold seats. Their instances are kept warm, and they have objectives. */
export const HOT_PATH = ['acquire', 'heartbeat', 'release'] as const satisfies readonly FunctionName[];

export function isHot(functionName: string): boolean {
  return HOT_PATH.some((name) => name === functionName);
}

/** A Cloud Monitoring filter for the hot path's series of a Cloud Run metric. */
export function hotPathFilter(metric: 'request_count' | 'request_latencies', more = ''): string {
  const services = HOT_PATH.map((name) => `"${deployedName(name)}"`).join(',');
  return [
    `metric.type="run.googleapis.com/${metric}"`,
    'resource.type="cloud_run_revision"',
    `resource.labels.service_name=one_of(${services})`,
    ...(more ? [more] : []),
  ].join(' AND ');
}
