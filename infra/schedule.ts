import * as cloudscheduler from '@pulumi/gcp/cloudscheduler/index.js';
import type { CustomResourceOptions } from '@pulumi/pulumi';
import { deployedName } from '../functions/names.ts';
import { endpointFor } from '../shared/http/callers.ts';
import type { FunctionContract } from '../shared/http/contract.ts';
import type { Accounts } from './accounts.ts';
import { urlOf } from './names.ts';
import type { StackSettings } from './settings.ts';

/** Runs the sweep every minute. A failed run is not retried: the next one starts within a minute. */
export function scheduleSweep(
  manifest: readonly FunctionContract[],
  { services }: Accounts,
  settings: StackSettings,
  options: CustomResourceOptions,
): void {
  const { contract, endpoint } = endpointFor('scheduler', manifest);
  const url = urlOf(contract.name, settings);
  new cloudscheduler.Job(
    contract.name,
    {
      name: deployedName(contract.name),
      region: settings.region,
      schedule: '* * * * *',
      timeZone: 'Etc/UTC',
      attemptDeadline: `${contract.timeoutSeconds}s`,
      retryConfig: { retryCount: 0 },
      httpTarget: {
        httpMethod: endpoint.method,
        uri: `${url}${endpoint.path}`,
        oidcToken: { serviceAccountEmail: services.scheduler.email, audience: url },
      },
    },
    options,
  );
}
