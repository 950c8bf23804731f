import * as projects from '@pulumi/gcp/projects/index.js';
import type { CustomResourceOptions, Input } from '@pulumi/pulumi';
import type { StackSettings } from './settings.ts';

/** Every API that the stack makes something in. */
const APIS = [
  'artifactregistry',
  'billingbudgets',
  'cloudbuild',
  'cloudfunctions',
  'cloudkms',
  'cloudresourcemanager',
  'cloudscheduler',
  'firebaserules',
  'firestore',
  'iam',
  'logging',
  'monitoring',
  'pubsub',
  'run',
  'secretmanager',
  'storage',
];

/** The APIs of the project, switched on: everything else comes after them. They stay on when the stack is taken down. */
export function enableApis(): CustomResourceOptions {
  const apis = APIS.map((api) => {
    const service = `${api}.googleapis.com`;
    return new projects.Service(service, { service, disableOnDestroy: false });
  });
  return { dependsOn: apis };
}

/** `options`, and after `resources` too. */
export function after(
  options: CustomResourceOptions,
  ...resources: Extract<CustomResourceOptions['dependsOn'], readonly unknown[]>
): CustomResourceOptions {
  const { dependsOn } = options;
  return { ...options, dependsOn: [...(Array.isArray(dependsOn) ? dependsOn : []), ...resources] };
}

/** The account by which a Google service acts in this project. Asking for its name makes it, where it is not there yet. */
export function serviceAgent(
  service: string,
  options: CustomResourceOptions,
): { readonly member: Input<string> } {
  return new projects.ServiceIdentity(service, { service }, options);
}

/** Who signed what, and read which key: off by default, and not to be had afterwards. */
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
