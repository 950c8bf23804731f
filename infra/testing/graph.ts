import type { Inputs, runtime } from '@pulumi/pulumi';
import { vi } from 'vitest';
import type { StackSettings } from '../settings.ts';

/** A resource that the program registers with Pulumi. */
export interface Resource {
  /** `gcp:module/kind:Kind`. */
  readonly type: string;
  /** The resource's name in the program. */
  readonly name: string;
  // biome-ignore lint/suspicious/noExplicitAny: checks look into resources of every kind
  readonly inputs: any;
  readonly protect: boolean;
  /** Names of the resources that it waits for. */
  readonly dependsOn: readonly string[];
}

export interface Graph {
  readonly resources: readonly Resource[];
  // biome-ignore lint/suspicious/noExplicitAny: outputs can have any type
  readonly outputs: any;
}

/** Runs the program with a stack's settings on Pulumi's mocks, and records the resources. */
export async function recordStack(settings: StackSettings): Promise<Graph> {
  const pulumi = await import('@pulumi/pulumi');
  const recorded: Omit<Resource, 'protect' | 'dependsOn'>[] = [];
  const registered = new Map<string, { protect: boolean; dependsOn: readonly string[] }>();
  const mocks: runtime.Mocks = {
    newResource({ type, name, inputs }) {
      if (type !== 'pulumi:pulumi:Stack') recorded.push({ type, name, inputs });
      return { id: `${type}/${name}`, state: { name, ...inputs, ...computed(inputs, name, settings) } };
    },
    call: ({ token }) => {
      throw new Error(`the program must not read from the cloud: ${token}`);
    },
  };
  await pulumi.runtime.setMocks(mocks, 'seatlease', settings.project);
  const { project, region, ...others } = settings;
  pulumi.runtime.setAllConfig({
    'gcp:project': project,
    'gcp:region': region,
    'seatlease:settings': JSON.stringify(others),
  });
  // The program runs when it is imported: once for each stack.
  vi.resetModules();
  const outputs = await pulumi.runtime.runInPulumiStack(async () => {
    const names = new Map<unknown, string>();
    // The mocks get neither `protect` nor `dependsOn`.
    pulumi.runtime.registerStackTransformation(({ resource, type, name, props, opts }) => {
      names.set(resource, name);
      const dependsOn = [opts.dependsOn ?? []]
        .flat()
        .map((other) => names.get(other) ?? 'an unknown resource');
      registered.set(`${type} ${name}`, { protect: opts.protect === true, dependsOn });
      return { props, opts };
    });
    return resolved(pulumi, { ...(await import('../index.ts')) });
  });
  await pulumi.runtime.disconnect();
  return {
    resources: recorded.map((resource) => {
      const options = registered.get(`${resource.type} ${resource.name}`);
      if (!options) throw new Error(`${resource.type} ${resource.name} was not registered`);
      return { ...resource, ...options };
    }),
    outputs,
  };
}

/** Properties that Google computes. */
function computed(inputs: Resource['inputs'], name: string, { project }: StackSettings) {
  return {
    ...(inputs.accountId === undefined
      ? {}
      : { email: `${inputs.accountId}@${project}.iam.gserviceaccount.com` }),
    ...(inputs.httpCheck === undefined ? {} : { uptimeCheckId: name }),
    member: inputs.member ?? `serviceAccount:agent-of-${inputs.service}`,
  };
}

function resolved(pulumi: typeof import('@pulumi/pulumi'), outputs: Inputs): Promise<unknown> {
  return new Promise((resolve) => {
    pulumi.output(outputs).apply(resolve);
  });
}
