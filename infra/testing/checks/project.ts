import { keyOf } from '../graph.ts';
import { isGrant } from './grants.ts';
import { type Check, differences, expected, functionOf, idOf, of } from './stack.ts';

/** The stack as a whole. */
export const PROJECT_CHECKS = {
  'no two resources of a kind have the same name': ({ graph }) => {
    const names = graph.resources.map(({ type, name }) => `${type} ${name}`);
    return differences('', names, [...new Set(names)]);
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
