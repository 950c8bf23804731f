import * as kms from '@pulumi/gcp/kms/index.js';
import * as projects from '@pulumi/gcp/projects/index.js';
import * as pubsub from '@pulumi/gcp/pubsub/index.js';
import * as secretmanager from '@pulumi/gcp/secretmanager/index.js';
import type { CustomResourceOptions, Resource } from '@pulumi/pulumi';
import { deployedName } from '../functions/names.ts';
import type { FunctionContract } from '../shared/http/contract.ts';
import type { Account } from './accounts.ts';
import { secretsOf } from './environment.ts';
import type { Secrets } from './secrets.ts';
import type { StackSettings } from './settings.ts';

/** The resources that roles are granted on. */
export interface Grantable {
  readonly topic: pubsub.Topic;
  readonly signingKey: kms.CryptoKey;
  readonly secrets: Secrets;
}

/** Grants the roles and secrets that a contract names, each on one resource only. The function must wait for them. */
export function grant(
  contract: FunctionContract,
  { member }: Account,
  { topic, signingKey, secrets }: Grantable,
  settings: StackSettings,
  options: CustomResourceOptions,
): Resource[] {
  const roles = contract.roles.map((role) => {
    const resourceName = `${deployedName(contract.name)}-${role.replace('roles/', '')}`;
    if (role.startsWith('roles/datastore.')) {
      const { project } = settings;
      return new projects.IAMMember(
        resourceName,
        { project, role, member, condition: onDatabase(settings) },
        options,
      );
    }
    if (role.startsWith('roles/pubsub.'))
      return new pubsub.TopicIAMMember(resourceName, { topic: topic.name, role, member }, options);
    if (role.startsWith('roles/cloudkms.'))
      return new kms.CryptoKeyIAMMember(resourceName, { cryptoKeyId: signingKey.id, role, member }, options);
    throw new Error(`${contract.name}: no resource is known to grant ${role} on`);
  });
  const accesses = secretsOf(contract, settings).map((setting) => {
    const secret = secrets.get(setting);
    if (!secret) throw new Error(`${contract.name}: secret ${setting} does not exist`);
    return new secretmanager.SecretIamMember(
      `${deployedName(contract.name)}-${setting}`,
      { secretId: secret.secretId, role: 'roles/secretmanager.secretAccessor', member },
      options,
    );
  });
  return [...roles, ...accesses];
}

/** Firestore's roles can only be granted on a project; the condition limits them to the database that functions use. */
export function onDatabase({ project, database }: StackSettings) {
  return { title: 'records', expression: `resource.name == "projects/${project}/databases/${database}"` };
}
