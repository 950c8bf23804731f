import * as billing from '@pulumi/gcp/billing/index.js';
import type { CustomResourceOptions } from '@pulumi/pulumi';
import type { Channels } from './channels.ts';
import type { StackSettings } from './settings.ts';

/** Alerts when 50 %, 90 % and 100 % of the month's budget is spent. It stops nothing. */
export function setBudget(
  { emails }: Channels,
  { budget, project, projectNumber }: StackSettings,
  options: CustomResourceOptions,
): void {
  if (!budget) return;
  new billing.Budget(
    'month',
    {
      displayName: `Seatlease in ${project}`,
      billingAccount: budget.billingAccount,
      budgetFilter: { projects: [`projects/${projectNumber}`] },
      amount: {
        specifiedAmount: { currencyCode: budget.currency, units: String(budget.monthlyAmount) },
      },
      thresholdRules: [0.5, 0.9, 1].map((thresholdPercent) => ({ thresholdPercent })),
      allUpdatesRule: { monitoringNotificationChannels: emails },
    },
    options,
  );
}
