import * as secretmanager from '@pulumi/gcp/secretmanager/index.js';
import type { CustomResourceOptions } from '@pulumi/pulumi';
import { secretId } from './names.ts';
import type { StackSettings } from './settings.ts';

/** By the setting's name. */
export type Secrets = ReadonlyMap<string, secretmanager.Secret>;

/** Creates every secret of the stack without a value. Operators add values by hand, so the stack's state has none. */
export function makeSecrets(
  { secretVersions, region, protect }: StackSettings,
  options: CustomResourceOptions,
): Secrets {
  return new Map(
    Object.keys(secretVersions).map((setting) => {
      const id = secretId(setting);
      const replication = { userManaged: { replicas: [{ location: region }] } };
      return [setting, new secretmanager.Secret(id, { secretId: id, replication }, { ...options, protect })];
    }),
  );
}
