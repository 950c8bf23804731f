import * as serviceaccount from '@pulumi/gcp/serviceaccount/index.js';
import { type CustomResourceOptions, interpolate, type Output } from '@pulumi/pulumi';
import { deployedName } from '../functions/names.ts';
import type { FunctionContract } from '../shared/http/contract.ts';
import type { ServiceCaller } from '../shared/ports/deps.ts';
import { BUILD_ACCOUNT, PUSH_ACCOUNT, SCHEDULER_ACCOUNT } from './names.ts';

export interface Account {
  readonly email: Output<string>;
  /** The form that IAM policies use. */
  readonly member: Output<string>;
}

export interface Accounts {
  /** One account per function, by the function's name, so that each has only the roles that it needs. */
  readonly functions: ReadonlyMap<string, Account>;
  /** The accounts of Cloud Scheduler and Pub/Sub. */
  readonly services: Readonly<Record<ServiceCaller, Account>>;
  /** The account that builds the bundles. */
  readonly build: Account;
}

export function makeAccounts(
  manifest: readonly FunctionContract[],
  options: CustomResourceOptions,
): Accounts {
  const make = (accountId: string, description: string): Account => {
    const { email } = new serviceaccount.Account(accountId, { accountId, description }, options);
    return { email, member: interpolate`serviceAccount:${email}` };
  };
  return {
    functions: new Map(
      manifest.map(({ name }) => [name, make(deployedName(name), `Runs the function ${name}.`)]),
    ),
    services: {
      scheduler: make(SCHEDULER_ACCOUNT, 'Cloud Scheduler calls the sweep with this account.'),
      pubsub: make(PUSH_ACCOUNT, 'Pub/Sub pushes events with this account.'),
    },
    build: make(BUILD_ACCOUNT, 'Cloud Build builds images of the functions with this account.'),
  };
}
