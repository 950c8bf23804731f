import { isInternal } from '../shared/http/callers.ts';
import type { FunctionContract } from '../shared/http/contract.ts';
import { isHot } from './hot-path.ts';
import type { StackSettings } from './settings.ts';

/** With less, an instance serves only one request at a time. */
export const VCPU_PER_INSTANCE = 1;

/** The limit of the function's instances: that of the stack, if it is lower than the contract's. */
export function mostInstances(
  { name, maxInstances }: FunctionContract,
  { instances: { hot, others } }: Pick<StackSettings, 'instances'>,
): number {
  return Math.min(maxInstances, isHot(name) ? hot : others);
}

/**
 * The reasons why the limits do not fit the quota of the region. Cloud Run refuses a service whose own limit exceeds it
 * (https://github.com/googlecodelabs/feedback/issues/1856), but compares the sum only with the instances that run: it
 * then starts no more (https://cloud.google.com/run/docs/configuring/max-instances-limits). A small quota has not one
 * vCPU for each function. So only the functions that seats need must fit together: with all of their instances running,
 * none of them is refused because of the others.
 */
export function quotaProblems(
  manifest: readonly FunctionContract[],
  settings: Pick<StackSettings, 'instances' | 'minInstances'>,
): string[] {
  const { vcpuQuota, hot } = settings.instances;
  const vcpuOf = (contract: FunctionContract): number =>
    mostInstances(contract, settings) * VCPU_PER_INSTANCE;
  const needed = manifest.filter((contract) => isHot(contract.name) || isInternal(contract));
  const neededVcpu = needed.reduce((sum, contract) => sum + vcpuOf(contract), 0);
  const names = needed.map(({ name }) => name).join(', ');
  return [
    ...(neededVcpu > vcpuQuota
      ? [`instances: ${names} need ${neededVcpu} vCPU together, but vcpuQuota is ${vcpuQuota}`]
      : []),
    ...(manifest.some((contract) => vcpuOf(contract) > vcpuQuota)
      ? [`instances: no function can have more instances than vcpuQuota, ${vcpuQuota}`]
      : []),
    ...(settings.minInstances > hot ? [`minInstances: is more than instances.hot, ${hot}`] : []),
  ];
}
