import type { Inputs, runtime } from '@pulumi/pulumi';
import type { StackSettings } from './settings.ts';

/** A resource that the program registers with Pulumi. */
export interface Resource {
  /** `gcp:module/kind:Kind`. */
  readonly type: string;
  /** The resource's name in the program. */
  readonly name: string;
  // biome-ignore lint/suspicious/noExplicitAny: checks look into resources of every kind
  readonly inputs: any;
  readonly protect: boolean;
  /** Keys (`keyOf`) of the resources that it waits for: those in its `dependsOn`, and those whose outputs it uses. */
  readonly dependsOn: readonly string[];
  /** Its hooks, such as `beforeCreate iam-applied`. */
  readonly hooks: readonly string[];
}

export interface Graph {
  readonly resources: readonly Resource[];
  // biome-ignore lint/suspicious/noExplicitAny: outputs can have any type
  readonly outputs: any;
}

/** What identifies a resource in the program: resources of different types can have the same name. */
export function keyOf({ type, name }: Pick<Resource, 'type' | 'name'>): string {
  return `${type} ${name}`;
}

/**
 * Runs the program with a stack's settings on Pulumi's mocks, and records the resources. `load` imports the program: it
 * runs when it is imported.
 */
export async function recordStack(
  settings: StackSettings,
  load: () => Promise<object> = () => import('./index.ts'),
): Promise<Graph> {
  const pulumi = await import('@pulumi/pulumi');
  const recorded: Pick<Resource, 'type' | 'name' | 'inputs'>[] = [];
  const mocks: runtime.Mocks = {
    newResource({ type, name, inputs }) {
      if (type !== STACK) recorded.push({ type, name, inputs });
      return { id: `${type}/${name}`, state: { name, ...inputs, ...computed(inputs, name, settings) } };
    },
    call: ({ token }) => {
      throw new Error(`the program must not read from the cloud: ${token}`);
    },
  };
  await pulumi.runtime.setMocks(mocks, 'seatlease', settings.project);
  const requests = recordRequests(pulumi.runtime.getMonitor());
  const { project, region, ...others } = settings;
  pulumi.runtime.setAllConfig({
    'gcp:project': project,
    'gcp:region': region,
    'seatlease:settings': JSON.stringify(others),
  });
  const outputs = await pulumi.runtime.runInPulumiStack(async () => resolved(pulumi, { ...(await load()) }));
  await pulumi.runtime.disconnect();
  return {
    resources: recorded.map((resource) => {
      const request = requests.get(keyOf(resource));
      if (!request) throw new Error(`${keyOf(resource)} was not registered`);
      return { ...resource, ...request };
    }),
    outputs,
  };
}

const STACK = 'pulumi:pulumi:Stack';

/** The part of a registration that mocks do not get. */
type Request = Pick<Resource, 'protect' | 'dependsOn' | 'hooks'>;

/** Records what each registration asks of Pulumi's engine, as it arrives there. By the resource's key. */
function recordRequests(monitor: ReturnType<typeof runtime.getMonitor>): ReadonlyMap<string, Request> {
  const requests = new Map<string, Request>();
  // biome-ignore lint/suspicious/noExplicitAny: the mocks' monitor has no type
  const mock: any = monitor;
  const register = mock.registerResource.bind(mock);
  // biome-ignore lint/suspicious/noExplicitAny: requests of gRPC have no public type
  mock.registerResource = (request: any, callback: unknown) => {
    const bound: Record<string, unknown> = request.getHooks()?.toObject() ?? {};
    requests.set(keyOf({ type: request.getType(), name: request.getName() }), {
      protect: request.getProtect() === true,
      dependsOn: request.getDependenciesList().map(keyOfUrn),
      hooks: Object.entries(bound).flatMap(([list, names]) =>
        Array.isArray(names) ? names.map((name) => `${list.replace(/List$/, '')} ${name}`) : [],
      ),
    });
    return register(request, callback);
  };
  // The mocks of @pulumi/pulumi 3.270 say that they support hooks, but have no method to register one.
  mock.registerResourceHook ??= (_: unknown, callback: (error: null, response: object) => void) =>
    callback(null, {});
  return requests;
}

/** The key in a URN: `urn:pulumi:stack::project::parent$type::name`. */
function keyOfUrn(urn: string): string {
  const [, , types = '', name = ''] = urn.split('::');
  return keyOf({ type: types.slice(types.lastIndexOf('$') + 1), name });
}

/** Properties that Google computes. */
function computed(inputs: Resource['inputs'], name: string, { project }: StackSettings) {
  return {
    ...(inputs.accountId === undefined
      ? {}
      : { email: `${inputs.accountId}@${project}.iam.gserviceaccount.com` }),
    ...(inputs.httpCheck === undefined ? {} : { uptimeCheckId: name }),
    ...(inputs.instanceId === undefined ? {} : instanceOf(inputs)),
    member: inputs.member ?? `serviceAccount:agent-of-${inputs.service}`,
  };
}

/** The endpoints and authority of a Memorystore instance. In the fake cloud, the certificate names the instance. */
function instanceOf({ instanceId, mode }: Resource['inputs']) {
  const types = mode === 'CLUSTER' ? ['DISCOVERY', 'UNSPECIFIED'] : ['READER', 'PRIMARY'];
  const connections = types.map((type, i) => ({
    pscAutoConnection: {
      connectionType: `CONNECTION_TYPE_${type}`,
      ipAddress: `10.64.16.${i + 2}`,
      port: 6379,
    },
  }));
  const certificates = ['root', 'next'].map(
    (name) => `-----BEGIN CERTIFICATE-----\n${name}_of_${instanceId}\n-----END CERTIFICATE-----\n`,
  );
  return {
    endpoints: [{ connections }],
    managedServerCas: [{ caCerts: certificates.map((certificate) => ({ certificates: [certificate] })) }],
  };
}

function resolved(pulumi: typeof import('@pulumi/pulumi'), outputs: Inputs): Promise<unknown> {
  return new Promise((resolve) => {
    pulumi.output(outputs).apply(resolve);
  });
}
