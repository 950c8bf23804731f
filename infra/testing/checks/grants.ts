import type { FunctionContract } from '../../../shared/http/contract.ts';
import type { Graph } from '../graph.ts';
import {
  emailOf,
  INVOKER,
  idOf,
  KEY,
  nameOfSecret,
  of,
  PROJECT_ROLE,
  type Stack,
  secretsIn,
} from './stack.ts';

export function isGrant(type: string): boolean {
  return /iam(Member|Binding|Policy):/i.test(type) && type !== INVOKER;
}

/** Every grant in words: member, role and resource. Of the roles on the project, only some: another check covers them. */
export function grantsIn({ resources }: Graph): string[] {
  return resources
    .filter(({ type }) => isGrant(type))
    .flatMap(({ type, inputs }) => {
      const { member, role } = inputs;
      if (type !== PROJECT_ROLE) {
        const thing = ['topic', 'subscription', 'cryptoKeyId', 'secretId', 'bucket', 'repository'];
        return [describeGrant(member, role, thing.map((name) => inputs[name]).find(Boolean))];
      }
      if (role.startsWith('roles/datastore.')) return [describeGrant(member, role, 'records')];
      if (role.startsWith('roles/storage.'))
        return [describeGrant(member, role, 'the bucket of its condition')];
      return role === 'roles/logging.logWriter' ? [describeGrant(member, role, 'the project')] : [];
    });
}

export function grantsOf(contract: FunctionContract, stack: Stack): string[] {
  const member = `serviceAccount:${emailOf(`seatlease-${contract.name}`, stack)}`;
  const [key] = of(stack.graph, KEY);
  const thing = (role: string): string | undefined =>
    ({ datastore: 'records', pubsub: 'seatlease-events', cloudkms: key && idOf(key) })[
      role.replace(/^roles\/|\..*/g, '')
    ];
  return [
    ...contract.roles.map((role) => describeGrant(member, role, thing(role))),
    ...secretsIn(contract, stack).map((secret) =>
      describeGrant(member, 'roles/secretmanager.secretAccessor', nameOfSecret(secret)),
    ),
  ];
}

/** What builds need, by https://cloud.google.com/functions/docs/building#secure_your_build_with_a_custom_service_account. */
export function grantsOfBuild(stack: Pick<Stack, 'settings'>): string[] {
  const build = `serviceAccount:${emailOf('seatlease-build', stack)}`;
  return [
    describeGrant(build, 'roles/storage.objectViewer', 'the bucket of its condition'),
    describeGrant(build, 'roles/artifactregistry.writer', 'images'),
    describeGrant(build, 'roles/logging.logWriter', 'the project'),
  ];
}

/** What Pub/Sub needs to move dead letters. */
export function grantsOfAgent(): string[] {
  const agent = 'serviceAccount:agent-of-pubsub.googleapis.com';
  return [
    describeGrant(agent, 'roles/pubsub.publisher', 'seatlease-events-dead'),
    describeGrant(agent, 'roles/pubsub.subscriber', 'seatlease-events-record-event'),
  ];
}

/** What the account that copies the records out of the project needs. */
export function grantsOfCopy(stack: Stack): string[] {
  if (!stack.settings.backups.copy) return [];
  const member = `serviceAccount:${emailOf('seatlease-copy', stack)}`;
  return [describeGrant(member, 'roles/datastore.importExportAdmin', 'records')];
}

export function missing(graph: Graph, required: readonly string[]): string[] {
  const existing = grantsIn(graph);
  return required.filter((grant) => !existing.includes(grant)).map((grant) => `missing: ${grant}`);
}

function describeGrant(member: string, role: string, thing: string | undefined): string {
  return `${member}: ${role} on ${thing}`;
}
