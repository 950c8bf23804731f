import * as projects from '@pulumi/gcp/projects/index.js';
import type { CustomResourceOptions, Input } from '@pulumi/pulumi';
import { apisOf } from './apis.ts';
import type { StackSettings } from './settings.ts';

/** Enables the project's APIs; every other resource waits for them. They stay enabled when the stack is destroyed. */
export function enableApis(settings: StackSettings): CustomResourceOptions {
  const apis = apisOf(settings).map((api) => {
    const service = `${api}.googleapis.com`;
    return new projects.Service(service, { service, disableOnDestroy: false });
  });
  return { dependsOn: apis };
}

/** `options`, waiting for `resources` too. */
export function after(
  options: CustomResourceOptions,
  ...resources: Extract<CustomResourceOptions['dependsOn'], readonly unknown[]>
): CustomResourceOptions {
  const { dependsOn } = options;
  return { ...options, dependsOn: [...(Array.isArray(dependsOn) ? dependsOn : []), ...resources] };
}

/** The account that a Google service uses in this project. Reading it creates it if it does not exist yet. */
export function serviceAgent(
  service: string,
  options: CustomResourceOptions,
): { readonly member: Input<string> } {
  return new projects.ServiceIdentity(service, { service }, options);
}

/** Logs who signed with and who read which key. Off by default, and not available afterwards for calls that were not logged. */
export function auditKeyAccess({ project }: StackSettings, options: CustomResourceOptions): void {
  new projects.IAMAuditConfig(
    'kms-access',
    {
      project,
      service: 'cloudkms.googleapis.com',
      auditLogConfigs: ['ADMIN_READ', 'DATA_READ', 'DATA_WRITE'].map((logType) => ({ logType })),
    },
    options,
  );
}
