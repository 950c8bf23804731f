import type { FunctionContract } from '../../../shared/http/contract.ts';
import { grantsIn, grantsOf, grantsOfAgent, grantsOfBuild, grantsOfCopy, missing } from './grants.ts';
import {
  ACCOUNT,
  type Check,
  differences,
  eachFunction,
  emailOf,
  expected,
  INVOKER,
  nameOfSecret,
  of,
  PROJECT_ROLE,
  type Stack,
  secretsIn,
  serviceOf,
} from './stack.ts';

/** Who can call and read what. */
export const ACCESS_CHECKS = {
  'every function has its own service account': (stack) => [
    ...differences(
      'account',
      of(stack.graph, ACCOUNT).map(({ inputs }) => inputs.accountId),
      [
        ...stack.manifest.map(({ name }) => `seatlease-${name}`),
        'seatlease-build',
        'seatlease-push',
        'seatlease-scheduler',
        ...(stack.settings.backups.copy ? ['seatlease-copy'] : []),
      ],
    ),
    ...eachFunction(stack, ({ name }, { inputs }) =>
      expected(name, [
        ['account', inputs.serviceConfig.serviceAccountEmail, emailOf(`seatlease-${name}`, stack)],
      ]),
    ),
  ],

  'only functions with public endpoints can be invoked by everyone': (stack) =>
    stack.manifest.flatMap((contract) => {
      const members = of(stack.graph, INVOKER)
        .filter(({ inputs }) => inputs.name === `seatlease-${contract.name}`)
        .map(({ inputs }) => `${inputs.role} ${inputs.member}`);
      return differences(`${contract.name}: invoker`, members, [
        `roles/run.invoker ${callerMember(contract, stack)}`,
      ]);
    }),

  'functions that only the cloud calls cannot be reached from outside': (stack) =>
    eachFunction(stack, (contract, { inputs }) =>
      expected(contract.name, [
        [
          'ingress',
          inputs.serviceConfig.ingressSettings,
          serviceOf(contract) ? 'ALLOW_INTERNAL_ONLY' : 'ALLOW_ALL',
        ],
      ]),
    ),

  'every function has the roles and secrets that its contract names': (stack) => {
    const required = stack.manifest.flatMap((contract) => grantsOf(contract, stack));
    return missing(stack.graph, required);
  },

  'no account has a grant that no contract names': (stack) => {
    const allowed = new Set([
      ...stack.manifest.flatMap((contract) => grantsOf(contract, stack)),
      ...grantsOfBuild(stack),
      ...grantsOfAgent(),
      ...grantsOfCopy(stack),
    ]);
    return grantsIn(stack.graph)
      .filter((grant) => !allowed.has(grant))
      .map((grant) => `unexpected: ${grant}`);
  },

  'no account has a role on the whole project': ({ graph, settings }) => {
    const database = `resource.name == "projects/${settings.project}/databases/${settings.database}"`;
    const onProject = graph.resources.filter(({ type }) =>
      /^gcp:(projects|organizations|folder)\/iAM(?!Audit)/.test(type),
    );
    return onProject
      .filter(
        ({ type, inputs }) =>
          type !== PROJECT_ROLE ||
          !(
            (inputs.role.startsWith('roles/datastore.') && inputs.condition?.expression === database) ||
            // Writing log entries needs it, and IAM has nothing narrower.
            (inputs.role === 'roles/logging.logWriter' && inputs.member.includes(':seatlease-build@'))
          ),
      )
      .map(({ name, inputs }) => `${name}: ${inputs.role} for ${inputs.member}`);
  },

  'no secret is a plain variable, and each has a pinned version': (stack) => {
    const secret = new Set<string>(stack.manifest.flatMap(({ secrets }) => secrets));
    return eachFunction(stack, (contract, { inputs }) => {
      const { environmentVariables, secretEnvironmentVariables } = inputs.serviceConfig;
      const pinned = secretEnvironmentVariables.map(describeSecret);
      const required = secretsIn(contract, stack).map((key) =>
        describeSecret({
          key,
          projectId: stack.settings.project,
          secret: nameOfSecret(key),
          version: String(stack.settings.secretVersions[key]),
        }),
      );
      return [
        ...Object.keys(environmentVariables)
          .filter((name) => secret.has(name))
          .map((name) => `${contract.name}: ${name} is a plain variable`),
        ...differences(`${contract.name}: secret`, pinned, required),
      ];
    });
  },

  'secrets are protected, and none has a value in the stack': ({ graph, manifest, settings }) => {
    const secrets = of(graph, 'gcp:secretmanager/secret:Secret');
    const required = new Set(manifest.flatMap((contract) => secretsIn(contract, { settings })));
    return [
      ...differences(
        'secret',
        secrets.map(({ inputs }) => inputs.secretId),
        [...required].map(nameOfSecret),
      ),
      ...secrets
        .filter(({ protect }) => protect !== settings.protect)
        .map(({ name }) => `${name}: not protected like the stack`),
      ...graph.resources
        .filter(({ type }) => type.startsWith('gcp:secretmanager/secretVersion:'))
        .map(({ name }) => `${name}: its value is in the stack's state`),
    ];
  },
} as const satisfies Readonly<Record<string, Check>>;

function callerMember(contract: FunctionContract, stack: Stack): string {
  const service = serviceOf(contract);
  if (!service) return 'allUsers';
  return `serviceAccount:${emailOf(service === 'scheduler' ? 'seatlease-scheduler' : 'seatlease-push', stack)}`;
}

function describeSecret(variable: Record<'key' | 'projectId' | 'secret' | 'version', string>): string {
  const { key, projectId, secret, version } = variable;
  return `${key} = ${projectId}/${secret}/${version}`;
}
