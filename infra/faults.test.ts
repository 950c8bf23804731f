import { afterAll, beforeAll, expect, test } from 'vitest';
import { MANIFEST } from '../functions/manifest.ts';
import type { Stack } from './testing/checks/stack.ts';
import { CHECKS, type CheckName } from './testing/checks.ts';
import { describeInfra } from './testing/describe-infra.ts';
import { type Graph, type Made, recordStack } from './testing/graph.ts';
import { makeBundles, settingsOf } from './testing/stacks.ts';

type Seed = (graph: Graph) => Graph;

/** Every resource of the kind, or the one of that name, changed. */
function changed(kind: string, name: string | undefined, change: (made: Made) => Partial<Made>): Seed {
  return (graph) => ({
    ...graph,
    made: replaced(graph, kind, name, (made) => [{ ...made, ...change(structuredClone(made)) }]),
  });
}

/** The same, gone. */
function without(kind: string, name?: string): Seed {
  return (graph) => ({ ...graph, made: replaced(graph, kind, name, () => []) });
}

function replaced(graph: Graph, kind: string, name: string | undefined, by: (made: Made) => Made[]): Made[] {
  const isMeant = (made: Made): boolean =>
    made.type.endsWith(`:${kind}`) && (name === undefined || made.name === name);
  if (!graph.made.some(isMeant)) throw new Error(`there is no ${kind} ${name}: the fault is none`);
  return graph.made.flatMap((made) => (isMeant(made) ? by(made) : [made]));
}

const serviceConfig = (name: string, change: (config: Made['inputs']) => object): Seed =>
  changed('Function', name, ({ inputs }) => ({
    inputs: { ...inputs, serviceConfig: { ...inputs.serviceConfig, ...change(inputs.serviceConfig) } },
  }));

const FAULTS: readonly (readonly [fault: string, finds: CheckName, seed: Seed])[] = [
  [
    'public access everywhere',
    'only what the public calls can be called by everybody',
    changed('ServiceIamMember', undefined, ({ inputs }) => ({ inputs: { ...inputs, member: 'allUsers' } })),
  ],
  [
    'a shared account',
    'every function acts as an account of its own',
    serviceConfig('seatlease-audit', ({ serviceAccountEmail }) => ({
      serviceAccountEmail: serviceAccountEmail.replace('audit', 'sign'),
    })),
  ],
  [
    'an unprotected key',
    'the signing key is of the one algorithm, watched, and guarded in every stack',
    changed('CryptoKey', 'licenses', () => ({ protect: false })),
  ],
  [
    'a wrong audience of the schedule',
    'tokens are made for the function that they are shown to',
    changed('Job', 'sweep', ({ inputs: { httpTarget, ...inputs } }) => ({
      inputs: {
        ...inputs,
        httpTarget: {
          ...httpTarget,
          oidcToken: { ...httpTarget.oidcToken, audience: 'https://licenses.example.com' },
        },
      },
    })),
  ],
  [
    'a wrong audience at the function',
    'tokens are made for the function that they are shown to',
    serviceConfig('seatlease-record-event', ({ environmentVariables }) => ({
      environmentVariables: { ...environmentVariables, SERVICE_AUDIENCE: 'https://licenses.example.com' },
    })),
  ],
  [
    'a secret in the plain environment',
    'no secret stands in plain sight, and each has a pinned version',
    serviceConfig('seatlease-usage', ({ environmentVariables, secretEnvironmentVariables }) => ({
      environmentVariables: { ...environmentVariables, OPERATOR_KEY: 'x'.repeat(40) },
      secretEnvironmentVariables: secretEnvironmentVariables.filter(
        ({ key }: { key: string }) => key !== 'OPERATOR_KEY',
      ),
    })),
  ],
  [
    'a secret of whatever version is the latest',
    'no secret stands in plain sight, and each has a pinned version',
    serviceConfig('seatlease-usage', ({ secretEnvironmentVariables }) => ({
      secretEnvironmentVariables: secretEnvironmentVariables.map((variable: object) => ({
        ...variable,
        version: 'latest',
      })),
    })),
  ],
  [
    'no dead letters',
    'events that cannot be recorded are kept, and wait for somebody',
    changed('Subscription', 'record-event', ({ inputs: { deadLetterPolicy: _, ...inputs } }) => ({ inputs })),
  ],
  [
    'dead letters that nobody keeps',
    'events that cannot be recorded are kept, and wait for somebody',
    without('Subscription', 'seatlease-events-dead'),
  ],
  [
    'dead letters that Pub/Sub may not move',
    'events that cannot be recorded are kept, and wait for somebody',
    without('TopicIAMMember', 'seatlease-events-dead-publisher'),
  ],
  [
    'no most instances',
    'no function can grow without end',
    serviceConfig('seatlease-acquire', () => ({ maxInstanceCount: undefined })),
  ],
  [
    'a role on the whole project, by a condition that was lost',
    'no account has a role on the whole project',
    changed('IAMMember', 'seatlease-audit-datastore.viewer', ({ inputs: { condition: _, ...inputs } }) => ({
      inputs,
    })),
  ],
  [
    'a role on the whole project, by one that nobody asked for',
    'no account has a role on the whole project',
    (graph) => ({
      ...graph,
      made: graph.made.flatMap((made) =>
        made.name === 'build-writes-logs'
          ? [
              made,
              {
                ...made,
                name: 'editor',
                inputs: { ...made.inputs, role: 'roles/editor', member: 'user:a@b.c' },
              },
            ]
          : [made],
      ),
    }),
  ],
  [
    'no index for a query of the catalogue',
    'every query of the catalogue has its index',
    without('Index', 'audit-tenantId-type-atMs'),
  ],
  [
    'a function without its role',
    'every function has the roles and secrets that its contract names',
    without('CryptoKeyIAMMember', 'seatlease-sign-cloudkms.signerVerifier'),
  ],
  [
    'a function that may not read its secret',
    'every function has the roles and secrets that its contract names',
    without('SecretIamMember', 'seatlease-heartbeat-SESSION_TOKEN_KEYS'),
  ],
];

const bundles = makeBundles();
afterAll(() => bundles.remove());

describeInfra('of all checks, exactly the one that is meant to finds', () => {
  let stack: Stack;
  beforeAll(async () => {
    const settings = await settingsOf('prod', bundles.path);
    stack = { graph: await recordStack(settings), manifest: MANIFEST, settings };
  });

  test.each(FAULTS)('%s', (_, finds, seed) => {
    const spoilt = { ...stack, graph: seed(stack.graph) };
    const finding = Object.entries(CHECKS).filter(([, check]) => check(spoilt).length > 0);
    expect(finding.map(([name]) => name)).toEqual([finds]);
  });
});
