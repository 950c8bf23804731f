import { readFunctionConfig } from '../../../functions/function-config.ts';
import { entryPointOf } from '../../../functions/names.ts';
import type { SecretName } from '../../../shared/settings.ts';
import { readBundle } from '../../bundle.ts';
import { samplesFor } from '../../environment.ts';
import type { Resource } from '../graph.ts';
import { type Check, differences, eachFunction, emailOf, expected, FUNCTION, idOf, of } from './stack.ts';

/** What is deployed, and how it runs. */
export const FUNCTION_CHECKS = {
  'every function of the manifest is deployed, and nothing else': ({ graph, manifest }) => {
    const deployed = of(graph, FUNCTION).map(({ inputs }) => inputs.name);
    return differences(
      'function',
      deployed,
      manifest.map(({ name }) => `seatlease-${name}`),
    );
  },

  'every function runs on Node 24 with the resources that its contract names': (stack) =>
    eachFunction(stack, ({ name, memoryMiB, concurrency, timeoutSeconds }, { inputs }) => {
      const { buildConfig, serviceConfig } = inputs;
      return expected(name, [
        ['runtime', buildConfig.runtime, 'nodejs24'],
        ['entry point', buildConfig.entryPoint, entryPointOf(name)],
        ['memory', serviceConfig.availableMemory, `${memoryMiB}Mi`],
        ['CPU', serviceConfig.availableCpu, '1'],
        ['concurrency', serviceConfig.maxInstanceRequestConcurrency, concurrency],
        ['timeout', serviceConfig.timeoutSeconds, timeoutSeconds],
        ['NODE_ENV', serviceConfig.environmentVariables.NODE_ENV, 'production'],
      ]);
    }),

  'every function has a limit of instances, and those that seats need fit the quota': (stack) => {
    const { vcpuQuota, hot, others } = stack.settings.instances;
    const limits = new Map(
      of(stack.graph, FUNCTION).map(({ inputs }) => [inputs.name, inputs.serviceConfig.maxInstanceCount]),
    );
    const needed = ['acquire', 'heartbeat', 'release', 'record-event', 'sweep']
      .map((name) => Number(limits.get(`seatlease-${name}`)))
      .reduce((sum, limit) => sum + limit, 0);
    return [
      ...eachFunction(stack, ({ name, maxInstances }, { inputs }) => {
        const most = ['acquire', 'heartbeat', 'release'].includes(name) ? hot : others;
        return expected(name, [
          ['maximum of instances', inputs.serviceConfig.maxInstanceCount, Math.min(most, maxInstances)],
          ['fits the quota alone', inputs.serviceConfig.maxInstanceCount <= vcpuQuota, true],
        ]);
      }),
      ...expected('instances that seats need', [['fit the quota', needed <= vcpuQuota, true]]),
    ];
  },

  'only the functions that acquire and hold seats have warm instances': (stack) =>
    eachFunction(stack, ({ name }, { inputs }) => {
      const minimum = ['acquire', 'heartbeat', 'release'].includes(name) ? stack.settings.minInstances : 0;
      return expected(name, [['minimum of instances', inputs.serviceConfig.minInstanceCount, minimum]]);
    }),

  'every function starts with its environment': (stack) =>
    eachFunction(stack, (contract, { inputs }) => {
      const { name } = contract;
      try {
        readFunctionConfig(contract, { K_SERVICE: `seatlease-${name}`, ...environmentIn(inputs) });
        return [];
      } catch (error) {
        return [`${name}: ${String(error)}`];
      }
    }),

  'bundles are private, and built by their own account': ({ graph, manifest, settings }) => {
    const [bucket] = of(graph, 'gcp:storage/bucket:Bucket');
    const [repository] = of(graph, 'gcp:artifactregistry/repository:Repository');
    const objects = of(graph, 'gcp:storage/bucketObject:BucketObject').map(({ inputs }) => inputs.name);
    return [
      ...expected('bucket', [
        ['public access', bucket?.inputs.publicAccessPrevention, 'enforced'],
        ['access by bucket', bucket?.inputs.uniformBucketLevelAccess, true],
      ]),
      ...expected('images', [
        ['format', repository?.inputs.format, 'DOCKER'],
        [
          'clean-up',
          repository?.inputs.cleanupPolicies?.map(({ action }: { action: string }) => action).toSorted(),
          ['DELETE', 'KEEP'],
        ],
      ]),
      ...eachFunction({ graph, manifest, settings }, ({ name }, { inputs }) => {
        const { storageSource } = inputs.buildConfig.source;
        const { serviceAccount, dockerRepository } = inputs.buildConfig;
        return expected(name, [
          ['bucket', storageSource.bucket, bucket?.inputs.name],
          ['uploaded', objects.includes(storageSource.object), true],
          ['bundle', storageSource.object, `${name}-${readBundle(settings.bundles, name).hash}.zip`],
          ['built by', serviceAccount.split('/').at(-1), emailOf('seatlease-build', { settings })],
          ['images', dockerRepository, repository && idOf(repository)],
        ]);
      }),
    ];
  },
} as const satisfies Readonly<Record<string, Check>>;

/** The function's environment, with sample values for the secrets. */
function environmentIn({ serviceConfig }: Resource['inputs']): Record<string, string> {
  const secrets = serviceConfig.secretEnvironmentVariables.map(({ key }: { key: SecretName }) => key);
  return { ...serviceConfig.environmentVariables, ...samplesFor(secrets) };
}
