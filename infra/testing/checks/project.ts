import { keyOf } from '../graph.ts';
import { isGrant } from './grants.ts';
import {
  type Check,
  differences,
  eachFunction,
  expected,
  FUNCTION,
  functionOf,
  idOf,
  of,
  type Stack,
  serviceOf,
} from './stack.ts';

/** The stack as a whole. */
export const PROJECT_CHECKS = {
  'no two resources of a kind have the same name': ({ graph }) => {
    const names = graph.resources.map(({ type, name }) => `${type} ${name}`);
    return differences('', names, [...new Set(names)]);
  },

  'functions wait until IAM has applied new grants': (stack) => {
    const accounts = [...stack.manifest.map(({ name }) => name), 'build'];
    const grants = stack.graph.resources.filter(
      ({ type, inputs }) =>
        isGrant(type) && accounts.some((name) => inputs.member?.includes(`:seatlease-${name}@`)),
    );
    return [
      ...grants
        .filter(({ hooks }) => !hooks.includes('afterCreate iam-granted'))
        .map(({ name }) => `${name}: nothing waits for IAM to apply it`),
      ...of(stack.graph, FUNCTION).flatMap(({ name, hooks }) =>
        ['beforeCreate iam-applied', 'beforeUpdate iam-applied']
          .filter((hook) => !hooks.includes(hook))
          .map((hook) => `${name}: has no hook ${hook}`),
      ),
    ];
  },

  'functions wait for the indexes of their queries': (stack) => {
    const indexes = stack.graph.resources.filter(
      ({ type, inputs }) =>
        ['gcp:firestore/index:Index', 'gcp:firestore/field:Field'].includes(type) &&
        inputs.database === stack.settings.database &&
        // The entry for all other fields creates no index.
        inputs.field !== '*',
    );
    return eachFunction(stack, ({ name }, { dependsOn }) =>
      indexes
        .filter((index) => !dependsOn.includes(keyOf(index)))
        .map((index) => `${name}: does not wait for the index ${index.name}`),
    );
  },

  'events and sweeps are handled by the new code before anything else changes': (stack) => {
    const first = deployedFor('pubsub', stack).concat(deployedFor('scheduler', stack));
    return eachFunction(stack, (contract, { dependsOn }) =>
      first
        .filter((each) => !serviceOf(contract) && !dependsOn.includes(keyOf(each)))
        .map((each) => `${contract.name}: does not wait for ${each.name}`),
    );
  },

  'resources wait for their API, and functions for their grants': ({ graph, manifest }) => {
    const apis = of(graph, 'gcp:projects/service:Service');
    const waiting = graph.resources.filter((resource) => !apis.includes(resource));
    const names = apis.map(({ name }) => name);
    const grants = (name: string): string[] =>
      graph.resources
        .filter(({ type, inputs }) => isGrant(type) && inputs.member?.includes(`:seatlease-${name}@`))
        .map(keyOf);
    return [
      ...apis
        .filter(({ inputs }) => inputs.disableOnDestroy !== false)
        .map(({ name }) => `${name}: is disabled when the stack is destroyed`),
      ...[...new Set(waiting.map(({ type }) => apiOf(type)))]
        .filter((api) => !names.includes(api))
        .map((api) => `${api}: is not enabled`),
      ...waiting
        .filter(({ dependsOn }) => !apis.every((api) => dependsOn.includes(keyOf(api))))
        .map(({ name }) => `${name}: does not wait for the APIs`),
      ...manifest.flatMap((contract) => {
        const dependsOn = functionOf(contract, graph)?.dependsOn ?? [];
        return [...grants(contract.name), ...grants('build')]
          .filter((grant) => !dependsOn.includes(grant))
          .map((grant) => `${contract.name}: does not wait for ${grant}`);
      }),
    ];
  },

  'the project has a budget if the stack has one': ({ graph, settings }) => {
    const budgets = of(graph, 'gcp:billing/budget:Budget');
    if (!settings.budget) return budgets.map(({ name }) => `${name}: is not configured`);
    const [budget] = budgets;
    const emails = of(graph, 'gcp:monitoring/notificationChannel:NotificationChannel').filter(
      ({ inputs }) => inputs.type === 'email',
    );
    return expected('budget', [
      ['account', budget?.inputs.billingAccount, settings.budget.billingAccount],
      ['amount', budget?.inputs.amount.specifiedAmount.units, String(settings.budget.monthlyAmount)],
      [
        'thresholds',
        budget?.inputs.thresholdRules.map(
          ({ thresholdPercent }: { thresholdPercent: number }) => thresholdPercent,
        ),
        [0.5, 0.9, 1],
      ],
      ['project', budget?.inputs.budgetFilter.projects, [`projects/${settings.projectNumber}`]],
      ['recipients', budget?.inputs.allUpdatesRule.monitoringNotificationChannels, emails.map(idOf)],
    ]);
  },
} as const satisfies Readonly<Record<string, Check>>;

function deployedFor(service: 'scheduler' | 'pubsub', { graph, manifest }: Stack) {
  const found = manifest.filter((contract) => serviceOf(contract) === service);
  return found.flatMap((contract) => functionOf(contract, graph) ?? []);
}

/** The API that creates resources of the type. */
function apiOf(type: string): string {
  const module = type.slice('gcp:'.length, type.indexOf('/'));
  const api: Readonly<Record<string, string>> = {
    billing: 'billingbudgets',
    cloudfunctionsv2: 'cloudfunctions',
    cloudrunv2: 'run',
    kms: 'cloudkms',
    projects: 'cloudresourcemanager',
    serviceaccount: 'iam',
  };
  return `${api[module] ?? module}.googleapis.com`;
}
