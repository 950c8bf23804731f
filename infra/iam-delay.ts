import { setTimeout as pause } from 'node:timers/promises';
import { type CustomResourceOptions, log, ResourceHook } from '@pulumi/pulumi';

/**
 * How long IAM takes to apply a new grant. Google's example of a function with its own build account waits as long
 * (https://registry.terraform.io/providers/hashicorp/google/latest/docs/resources/cloudfunctions2_function, "Basic
 * Builder"). It can take longer: then a build or a start fails, and a second deploy goes on from there.
 */
export const IAM_DELAY_SECONDS = 60;

export interface IamDelay {
  /** The options of a grant that `waiting` resources need. */
  granting(options: CustomResourceOptions): CustomResourceOptions;
  /** The options of a resource that is created or changed only when IAM has had time to apply the last grant. */
  waiting(options: CustomResourceOptions): CustomResourceOptions;
}

/**
 * Lets resources wait for IAM, only in a deploy that creates grants, and all of them at the same time. These are hooks of
 * Pulumi (since 3.182), which a preview does not run. `@pulumiverse/time` would do the same with a resource, but its
 * provider is one more program that Pulumi downloads, from GitHub, to run with the deployer's credentials; and its
 * triggers miss a grant that is replaced by an equal one.
 */
export function delayForIam(): IamDelay {
  const clock = grantClock(Date.now, async (milliseconds) => {
    await log.info(`Waiting ${Math.ceil(milliseconds / 1_000)} s until IAM has applied new grants.`);
    await pause(milliseconds);
  });
  const granted = new ResourceHook('iam-granted', () => clock.granted());
  const applied = new ResourceHook('iam-applied', () => clock.applied());
  return {
    granting: (options) => ({ ...options, hooks: { afterCreate: [granted] } }),
    waiting: (options) => ({ ...options, hooks: { beforeCreate: [applied], beforeUpdate: [applied] } }),
  };
}

/** Knows when the last grant was created. */
export function grantClock(now: () => number, sleep: (milliseconds: number) => Promise<unknown>) {
  let lastMs = Number.NEGATIVE_INFINITY;
  return {
    granted(): void {
      lastMs = now();
    },
    /** Returns when IAM has had time to apply every grant so far. */
    async applied(): Promise<void> {
      const leftMs = lastMs + IAM_DELAY_SECONDS * 1_000 - now();
      if (leftMs > 0) await sleep(leftMs);
    },
  };
}
