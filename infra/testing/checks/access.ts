import type { FunctionContract } from '../../../shared/http/contract.ts';
import { dependenciesOf, settingsOf } from '../../../shared/http/dependencies.ts';
import { SETTINGS } from '../../../shared/settings.ts';
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

  'functions with public endpoints can be called by everyone, in the way that the stack says': (stack) =>
    eachFunction(stack, (contract, { inputs }) => {
      if (serviceOf(contract)) return [];
      const everyone = stack.settings.publicAccess === 'allUsers' ? ['roles/run.invoker allUsers'] : [];
      return [
        ...differences(`${contract.name}: invoker`, invokersOf(contract, stack), everyone),
        ...expected(contract.name, [['ingress', inputs.serviceConfig.ingressSettings, 'ALLOW_ALL']]),
      ];
    }),

  'a token without its signature is accepted only where IAM and ingress guard the function': (stack) =>
    eachFunction(stack, (contract, { inputs: { serviceConfig } }) => {
      const { SERVICE_TOKENS } = serviceConfig.environmentVariables;
      const service = serviceOf(contract);
      if (!service) return expected(contract.name, [['tokens', SERVICE_TOKENS ?? 'signed', 'signed']]);
      const account = service === 'scheduler' ? 'seatlease-scheduler' : 'seatlease-push';
      return [
        ...differences(`${contract.name}: invoker`, invokersOf(contract, stack), [
          `roles/run.invoker serviceAccount:${emailOf(account, stack)}`,
        ]),
        ...expected(contract.name, [
          ['tokens', SERVICE_TOKENS, 'checked-by-cloud-run'],
          ['ingress', serviceConfig.ingressSettings, 'ALLOW_INTERNAL_ONLY'],
        ]),
      ];
    }),

  'every function may read its secrets and has the roles that its contract names': (stack) => {
    const required = stack.manifest.flatMap((contract) => grantsOf(contract, stack));
    return missing(stack.graph, required);
  },

  'no account has a grant that no contract names': (stack) => {
    const allowed = new Set([
      ...stack.manifest.flatMap((contract) => grantsOf(contract, stack)),
      ...grantsOfAgent(),
      ...grantsOfCopy(stack),
    ]);
    return grantsIn(stack.graph)
      .filter((grant) => !isOfBuild(grant) && !allowed.has(grant))
      .map((grant) => `unexpected: ${grant}`);
  },

  'builds can read their source, and write images and log entries, and nothing else': (stack) =>
    differences('grant', grantsIn(stack.graph).filter(isOfBuild), grantsOfBuild(stack)),

  'no account has a role on the whole project': ({ graph, settings }) => {
    const database = `resource.name == "projects/${settings.project}/databases/${settings.database}"`;
    const bucket = `projects/_/buckets/gcf-v2-sources-${settings.projectNumber}-${settings.region}`;
    // Not all that starts with the name: europe-west1 is also the start of europe-west10.
    const sources = `resource.name == "${bucket}" || resource.name.startsWith("${bucket}/objects/")`;
    const onProject = graph.resources.filter(({ type }) =>
      /^gcp:(projects|organizations|folder)\/iAM(?!Audit)/.test(type),
    );
    return onProject
      .filter(
        ({ type, inputs }) =>
          type !== PROJECT_ROLE ||
          !(
            (inputs.role.startsWith('roles/datastore.') && inputs.condition?.expression === database) ||
            (inputs.role === 'roles/storage.objectViewer' && inputs.condition?.expression === sources) ||
            // Writing log entries needs it, and IAM has nothing narrower.
            (inputs.role === 'roles/logging.logWriter' && inputs.member.includes(':seatlease-build@'))
          ),
      )
      .map(({ name, inputs }) => `${name}: ${inputs.role} for ${inputs.member}`);
  },

  'every function gets exactly the secrets that it reads, in pinned versions and not as plain variables': (
    stack,
  ) => {
    const secret = new Set<string>(stack.manifest.flatMap((contract) => secretsIn(contract, stack)));
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

  'no function gets a setting that it does not read': (stack) =>
    eachFunction(stack, (contract, { inputs }) => {
      const own = settingsOf(dependenciesOf(contract)).filter((name) => SETTINGS[name].source !== 'local');
      const read: readonly string[] = ['NODE_ENV', ...own];
      return Object.keys(inputs.serviceConfig.environmentVariables)
        .filter((name) => !read.includes(name))
        .map((name) => `${contract.name}: does not read ${name}`);
    }),

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

function invokersOf({ name }: FunctionContract, { graph }: Stack): string[] {
  return of(graph, INVOKER)
    .filter(({ inputs }) => inputs.name === `seatlease-${name}`)
    .map(({ inputs }) => `${inputs.role} ${inputs.member}`);
}

function isOfBuild(grant: string): boolean {
  return grant.includes(':seatlease-build@');
}

function describeSecret(variable: Record<'key' | 'projectId' | 'secret' | 'version', string>): string {
  const { key, projectId, secret, version } = variable;
  return `${key} = ${projectId}/${secret}/${version}`;
}
