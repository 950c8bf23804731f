import * as cloudfunctions from '@pulumi/gcp/cloudfunctionsv2/index.js';
import * as cloudrun from '@pulumi/gcp/cloudrunv2/index.js';
import * as storage from '@pulumi/gcp/storage/index.js';
import { asset, type CustomResourceOptions, interpolate } from '@pulumi/pulumi';
import { deployedName, entryPointOf } from '../functions/names.ts';
import { callerOf } from '../shared/http/callers.ts';
import type { FunctionContract } from '../shared/http/contract.ts';
import type { Account, Accounts } from './accounts.ts';
import type { BuildPlace } from './build.ts';
import { readBundle } from './bundle.ts';
import { environmentOf, readsRedis, secretsOf } from './environment.ts';
import { isHot } from './hot-path.ts';
import type { IamDelay } from './iam-delay.ts';
import { mostInstances, VCPU_PER_INSTANCE } from './instances.ts';
import { RUNTIME, secretId } from './names.ts';
import type { Memorystore } from './redis.ts';
import type { StackSettings } from './settings.ts';

/** What all functions of a stack have in common. */
export interface Surroundings {
  readonly place: BuildPlace;
  readonly services: Accounts['services'];
  readonly memorystore: Memorystore | undefined;
  readonly settings: StackSettings;
  readonly iam: IamDelay;
  readonly options: CustomResourceOptions;
}

/**
 * Deploys one function and lets its callers invoke it. `ready` are the options of the function alone: it must wait for
 * its grants, which it needs to start.
 */
export function deploy(
  contract: FunctionContract,
  account: Account,
  { place, services, memorystore, settings, iam, options }: Surroundings,
  ready: CustomResourceOptions,
): cloudfunctions.Function {
  const name = deployedName(contract.name);
  const { project, region: location } = settings;
  const caller = callerOf(contract);
  const redis = readsRedis(contract) ? memorystore : undefined;
  const deployed = new cloudfunctions.Function(
    name,
    {
      name,
      location,
      description: contract.summary,
      buildConfig: {
        runtime: RUNTIME,
        entryPoint: entryPointOf(contract.name),
        serviceAccount: place.serviceAccount,
        dockerRepository: place.repository,
        source: { storageSource: uploadBundle(contract.name, place, settings, options) },
        // Security updates of Node and the base image are applied without a deploy.
        automaticUpdatePolicy: {},
      },
      serviceConfig: {
        serviceAccountEmail: account.email,
        availableMemory: `${contract.memoryMiB}Mi`,
        availableCpu: String(VCPU_PER_INSTANCE),
        maxInstanceRequestConcurrency: contract.concurrency,
        minInstanceCount: isHot(contract.name) ? settings.minInstances : 0,
        maxInstanceCount: mostInstances(contract, settings),
        timeoutSeconds: contract.timeoutSeconds,
        // Calls from Cloud Scheduler and Pub/Sub in the same project count as internal.
        ingressSettings: caller === 'anyone' ? 'ALLOW_ALL' : 'ALLOW_INTERNAL_ONLY',
        allTrafficOnLatestRevision: true,
        environmentVariables: { ...environmentOf(contract, settings), ...redis?.environment },
        secretEnvironmentVariables: secretsOf(contract, settings).map((key) => ({
          key,
          projectId: project,
          secret: secretId(key),
          version: String(settings.secretVersions[key]),
        })),
        ...redis?.egress,
      },
    },
    iam.waiting(ready),
  );
  const member = caller === 'anyone' ? everyone(settings) : services[caller].member;
  if (member)
    new cloudrun.ServiceIamMember(
      `${name}-invoker`,
      { name: deployed.name, location, role: 'roles/run.invoker', member },
      options,
    );
  return deployed;
}

/**
 * External callers send our own credentials, which the function itself checks. Undefined if the organization refuses this
 * member: then the deploy program switches Cloud Run's check off.
 */
function everyone({ publicAccess }: StackSettings): 'allUsers' | undefined {
  return publicAccess === 'allUsers' ? publicAccess : undefined;
}

/** Uploads the bundle under a name with its hash, so that an unchanged function is not deployed again. */
function uploadBundle(
  functionName: string,
  { bucket }: BuildPlace,
  { bundles }: StackSettings,
  options: CustomResourceOptions,
) {
  const { folder, hash } = readBundle(bundles, functionName);
  const object = new storage.BucketObject(
    deployedName(functionName),
    {
      name: `${functionName}-${hash}.zip`,
      bucket: bucket.name,
      source: new asset.FileArchive(folder),
    },
    options,
  );
  return { bucket: bucket.name, object: interpolate`${object.name}` };
}
