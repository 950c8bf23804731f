import { afterAll, beforeAll, expect, test } from 'vitest';
import { MANIFEST } from '../functions/manifest.ts';
import type { Stack } from './testing/checks/stack.ts';
import { CHECKS, type CheckName } from './testing/checks.ts';
import { describeInfra } from './testing/describe-infra.ts';
import { type Graph, keyOf, type Resource, recordStack } from './testing/graph.ts';
import { makeBundles, settingsOf, withRedis } from './testing/stacks.ts';

type Seed = (graph: Graph) => Graph;

/** Changes every resource of the kind, or only the one with that name. What waited for it still does. */
function changed(
  kind: string,
  name: string | undefined,
  change: (resource: Resource) => Partial<Resource>,
): Seed {
  return (graph) => {
    const keys = new Map<string, string>();
    const resources = replaced(graph, kind, name, (resource) => {
      const other = { ...resource, ...change(structuredClone(resource)) };
      keys.set(keyOf(resource), keyOf(other));
      return [other];
    });
    return {
      ...graph,
      resources: resources.map((resource) => ({
        ...resource,
        dependsOn: resource.dependsOn.map((key) => keys.get(key) ?? key),
      })),
    };
  };
}

/** Functions that do not wait for resources of a kind, or only for the one with that name. */
function notWaiting(functionName: string | undefined, kind: string, name?: string): Seed {
  return changed('Function', functionName, ({ dependsOn }) => ({
    dependsOn: dependsOn.filter((key) => !key.includes(`:${kind} ${name ?? ''}`)),
  }));
}

/** Removes every resource of the kind, or only the one with that name. */
function without(kind: string, name?: string): Seed {
  return (graph) => ({ ...graph, resources: replaced(graph, kind, name, () => []) });
}

function replaced(
  graph: Graph,
  kind: string,
  name: string | undefined,
  by: (resource: Resource) => Resource[],
): Resource[] {
  const matches = (resource: Resource): boolean =>
    resource.type.endsWith(`:${kind}`) && (name === undefined || resource.name === name);
  if (!graph.resources.some(matches)) throw new Error(`${kind} ${name} does not exist: this seeds no fault`);
  return graph.resources.flatMap((resource) => (matches(resource) ? by(resource) : [resource]));
}

const serviceConfig = (name: string, change: (config: Resource['inputs']) => object): Seed =>
  changed('Function', name, ({ inputs }) => ({
    inputs: { ...inputs, serviceConfig: { ...inputs.serviceConfig, ...change(inputs.serviceConfig) } },
  }));

const changedQuery = (name: string, change: (query: string) => string): Seed =>
  changed('AlertPolicy', name, ({ inputs: { conditions, ...inputs } }) => ({
    inputs: {
      ...inputs,
      conditions: conditions.map(({ conditionPrometheusQueryLanguage: promQl }: Resource['inputs']) => ({
        conditionPrometheusQueryLanguage: { ...promQl, query: change(promQl.query) },
      })),
    },
  }));

/** The settings are those of the stack, or with changes that its resources do not have. */
type Fault = readonly [fault: string, check: CheckName, seed: Seed, settings?: Partial<Stack['settings']>];

const FAULTS: readonly Fault[] = [
  [
    'public access everywhere',
    'a token without its signature is accepted only where IAM and ingress guard the function',
    changed('ServiceIamMember', undefined, ({ inputs }) => ({ inputs: { ...inputs, member: 'allUsers' } })),
  ],
  [
    'a token without its signature accepted where everyone may call',
    'a token without its signature is accepted only where IAM and ingress guard the function',
    changed('ServiceIamMember', 'seatlease-sweep-invoker', ({ inputs }) => ({
      inputs: { ...inputs, member: 'allUsers' },
    })),
  ],
  [
    'a token without its signature accepted from more than one account',
    'a token without its signature is accepted only where IAM and ingress guard the function',
    (graph) => ({
      ...graph,
      resources: graph.resources.flatMap((resource) =>
        resource.name === 'seatlease-record-event-invoker'
          ? [
              resource,
              { ...resource, name: 'more', inputs: { ...resource.inputs, member: 'group:all@example.com' } },
            ]
          : [resource],
      ),
    }),
  ],
  [
    'a sweep that verifies a signature which Cloud Run removes',
    'a token without its signature is accepted only where IAM and ingress guard the function',
    serviceConfig('seatlease-sweep', ({ environmentVariables: { SERVICE_TOKENS: _, ...others } }) => ({
      environmentVariables: others,
    })),
  ],
  [
    'a sweep that can be reached from outside',
    'a token without its signature is accepted only where IAM and ingress guard the function',
    serviceConfig('seatlease-sweep', () => ({ ingressSettings: 'ALLOW_ALL' })),
  ],
  [
    'allUsers in an organization that refuses it',
    'functions with public endpoints can be called by everyone, in the way that the stack says',
    (graph) => graph,
    { publicAccess: 'invoker-check-off' },
  ],
  [
    'builds that can read our bundles, but not the bucket that Cloud Functions builds from',
    'builds can read their source, and write images and log entries, and nothing else',
    changed('IAMMember', 'build-reads-sources', ({ inputs: { member, role } }) => ({
      type: 'gcp:storage/bucketIAMMember:BucketIAMMember',
      inputs: { bucket: 'my-project-seatlease-bundles', member, role },
    })),
  ],
  [
    'builds that can also read the sources of another region, whose name starts the same',
    'no account has a role on the whole project',
    changed('IAMMember', 'build-reads-sources', ({ inputs }) => ({
      inputs: {
        ...inputs,
        condition: {
          ...inputs.condition,
          expression: inputs.condition.expression.replace(
            /^.*startsWith\("(.*)\/objects\/"\)$/,
            (_: string, bucket: string) => `resource.name.startsWith("${bucket}")`,
          ),
        },
      },
    })),
  ],
  [
    'a function that does not wait for IAM',
    'functions wait until IAM has applied new grants',
    changed('Function', 'seatlease-sign', () => ({ hooks: [] })),
  ],
  [
    'a grant that nothing waits for',
    'functions wait until IAM has applied new grants',
    changed('SecretIamMember', 'seatlease-heartbeat-SESSION_TOKEN_KEYS', () => ({ hooks: [] })),
  ],
  [
    'a function that is deployed before an index of its queries',
    'functions wait for the indexes of their queries',
    notWaiting('seatlease-audit', 'Index', 'records-2-audit-tenantId-type-atMs'),
  ],
  [
    'a function that sends new events before record-event knows them',
    'events and sweeps are handled by the new code before anything else changes',
    notWaiting('seatlease-acquire', 'Function', 'seatlease-record-event'),
  ],
  [
    'a sweep that is deployed with the rest',
    'events and sweeps are handled by the new code before anything else changes',
    notWaiting(undefined, 'Function', 'seatlease-sweep'),
  ],
  [
    'more instances than the quota of the region',
    'every function has a limit of instances, and those that seats need fit the quota',
    (graph) => graph,
    { instances: { vcpuQuota: 17, hot: 5, others: 2 } },
  ],
  [
    'a shared account',
    'every function has its own service account',
    serviceConfig('seatlease-audit', ({ serviceAccountEmail }) => ({
      serviceAccountEmail: serviceAccountEmail.replace('audit', 'sign'),
    })),
  ],
  [
    'an unprotected key',
    'the signing key has the right algorithm, audit logs and protection in every stack',
    changed('CryptoKey', 'licenses', () => ({ protect: false })),
  ],
  [
    'a wrong audience of the schedule',
    'each token has the audience of the function that it is sent to',
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
    'each token has the audience of the function that it is sent to',
    serviceConfig('seatlease-record-event', ({ environmentVariables }) => ({
      environmentVariables: { ...environmentVariables, SERVICE_AUDIENCE: 'https://licenses.example.com' },
    })),
  ],
  [
    'a secret in the plain environment',
    'every function gets exactly the secrets that it reads, in pinned versions and not as plain variables',
    serviceConfig('seatlease-usage', ({ environmentVariables, secretEnvironmentVariables }) => ({
      environmentVariables: { ...environmentVariables, OPERATOR_KEY_HASH: 'a'.repeat(64) },
      secretEnvironmentVariables: secretEnvironmentVariables.filter(
        ({ key }: { key: string }) => key !== 'OPERATOR_KEY_HASH',
      ),
    })),
  ],
  [
    'the latest version of a secret',
    'every function gets exactly the secrets that it reads, in pinned versions and not as plain variables',
    serviceConfig('seatlease-usage', ({ secretEnvironmentVariables }) => ({
      secretEnvironmentVariables: secretEnvironmentVariables.map((variable: object) => ({
        ...variable,
        version: 'latest',
      })),
    })),
  ],
  [
    'a secret that the function does not read',
    'every function gets exactly the secrets that it reads, in pinned versions and not as plain variables',
    serviceConfig('seatlease-heartbeat', ({ secretEnvironmentVariables }) => ({
      secretEnvironmentVariables: [
        ...secretEnvironmentVariables,
        { ...secretEnvironmentVariables[0], key: 'STRIPE_SECRET_KEY', secret: 'seatlease-stripe-secret-key' },
      ],
    })),
  ],
  [
    'access to a secret for an account that does not read it',
    'no account has a grant that no contract names',
    (graph) => ({
      ...graph,
      resources: replaced(graph, 'SecretIamMember', 'seatlease-token-PSEUDONYM_KEY', (own) => [
        own,
        {
          ...own,
          name: 'scheduler-PSEUDONYM_KEY',
          inputs: { ...own.inputs, member: own.inputs.member.replace('-token@', '-scheduler@') },
        },
      ]),
    }),
  ],
  [
    'a setting that the function does not read',
    'no function gets a setting that it does not read',
    serviceConfig('seatlease-heartbeat', ({ environmentVariables }) => ({
      environmentVariables: { ...environmentVariables, TRIAL_DAYS: '14' },
    })),
  ],
  [
    'the operator key itself',
    'no function gets a setting that it does not read',
    serviceConfig('seatlease-users', ({ environmentVariables }) => ({
      environmentVariables: { ...environmentVariables, OPERATOR_KEY: 'x'.repeat(40) },
    })),
  ],
  [
    'no dead letters',
    'events that cannot be recorded are kept as dead letters',
    changed('Subscription', 'record-event', ({ inputs: { deadLetterPolicy: _, ...inputs } }) => ({ inputs })),
  ],
  [
    'no subscription for dead letters',
    'events that cannot be recorded are kept as dead letters',
    without('Subscription', 'seatlease-events-dead'),
  ],
  [
    'Pub/Sub without the role to move dead letters',
    'events that cannot be recorded are kept as dead letters',
    without('TopicIAMMember', 'seatlease-events-dead-publisher'),
  ],
  [
    'no limit of instances',
    'every function has a limit of instances, and those that seats need fit the quota',
    serviceConfig('seatlease-acquire', () => ({ maxInstanceCount: undefined })),
  ],
  [
    'a role on the whole project, because its condition is missing',
    'no account has a role on the whole project',
    changed('IAMMember', 'seatlease-audit-datastore.user', ({ inputs: { condition: _, ...inputs } }) => ({
      inputs,
    })),
  ],
  [
    'an unexpected role on the whole project',
    'no account has a role on the whole project',
    (graph) => ({
      ...graph,
      resources: graph.resources.flatMap((resource) =>
        resource.name === 'build-writes-logs'
          ? [
              resource,
              {
                ...resource,
                name: 'editor',
                inputs: { ...resource.inputs, role: 'roles/editor', member: 'user:a@b.c' },
              },
            ]
          : [resource],
      ),
    }),
  ],
  [
    'a missing index',
    'every query in shared/ports/queries.ts has its index',
    without('Index', '(default)-audit-tenantId-type-atMs'),
  ],
  [
    'an alert that stops the first deploy, because its metric does not exist yet',
    'no alert needs a metric that exists only some time after a deploy',
    changed('AlertPolicy', 'sweep-lag', ({ inputs: { conditions, ...inputs } }) => ({
      inputs: {
        ...inputs,
        conditions: conditions.map((condition: Resource['inputs']) => ({
          conditionPrometheusQueryLanguage: {
            ...condition.conditionPrometheusQueryLanguage,
            disableMetricValidation: undefined,
          },
        })),
      },
    })),
  ],
  [
    'a query without the index of its only field',
    'Firestore indexes no single field that no query needs, and each that one does',
    without('Field', '(default)-audit-recordedAtMs'),
  ],
  [
    'every field indexed both ways, as Firestore does by itself',
    'Firestore indexes no single field that no query needs, and each that one does',
    without('Field', 'records-2-session-histories-*'),
  ],
  [
    'an index that is deleted before its replacement exists',
    'Firestore indexes no single field that no query needs, and each that one does',
    changed('Field', '(default)-audit-*', ({ dependsOn }) => ({
      dependsOn: dependsOn.filter((name) => !name.endsWith('-audit-atMs')),
    })),
  ],
  [
    'a function that uses another database',
    'functions use the database of the settings',
    serviceConfig('seatlease-licenses', ({ environmentVariables }) => ({
      environmentVariables: { ...environmentVariables, FIRESTORE_DATABASE: 'records-1' },
    })),
  ],
  [
    'backups that are deleted too soon',
    'records can be restored for as long as the settings say',
    changed('BackupSchedule', undefined, ({ inputs }) => ({ inputs: { ...inputs, retention: '604800s' } })),
  ],
  [
    'a copy of the records with a token that Google refuses',
    'records are copied out of the project if the stack has a bucket for that',
    changed('Job', 'seatlease-copy', ({ inputs: { httpTarget, ...inputs } }) => {
      const { oauthToken, ...others } = httpTarget;
      return { inputs: { ...inputs, httpTarget: { ...others, oidcToken: oauthToken } } };
    }),
  ],
  [
    'copies of the records that overwrite each other',
    'records are copied out of the project if the stack has a bucket for that',
    changed('Job', 'seatlease-copy', ({ inputs: { httpTarget, ...inputs } }) => ({
      inputs: {
        ...inputs,
        httpTarget: {
          ...httpTarget,
          body: Buffer.from('{"outputUriPrefix":"gs://my-copies/records"}').toString('base64'),
        },
      },
    })),
  ],
  [
    'a database whose rules were released for another',
    'no client can read the records directly',
    changed('Release', 'records-2', ({ inputs }) => ({ inputs: { ...inputs, name: 'cloud.firestore' } })),
  ],
  [
    'a use of the key that is forgotten after 30 days',
    'the use of the key and the heads of audit chains are logged for 400 days',
    changed('ProjectSink', 'key-use', ({ inputs }) => ({
      inputs: {
        ...inputs,
        filter: inputs.filter.replace(' OR log_id("cloudaudit.googleapis.com/data_access")', ''),
      },
    })),
  ],
  [
    'errors that are excluded from the log',
    'only calls for seats lose log lines, only without WARNING, and only the share of the settings',
    changed('ProjectExclusion', 'seatlease-requests-own', ({ inputs }) => ({
      inputs: { ...inputs, filter: inputs.filter.replace('severity<WARNING AND ', '') },
    })),
  ],
  [
    'an alert that only the first of several recipients gets',
    'every alert exists, and every recipient gets it',
    changed('AlertPolicy', 'errors', ({ inputs }) => ({
      inputs: { ...inputs, notificationChannels: inputs.notificationChannels.slice(0, 1) },
    })),
  ],
  [
    'no alert for errors that the code does not recognise',
    'every alert exists, and every recipient gets it',
    without('AlertPolicy', 'errors'),
  ],
  [
    'an alert on the age of dead letters instead of waiting events',
    'alerts have the thresholds and windows that we chose',
    changedQuery('push-backlog', (query) => query.replace('events-record-event', 'events-dead')),
  ],
  [
    'a function whose errors cause no alert',
    'alerts have the thresholds and windows that we chose',
    changedQuery('function-errors', (query) => query.replace('|seatlease-token', '')),
  ],
  [
    'an alert that anyone can raise by posting to the webhook',
    'alerts have the thresholds and windows that we chose',
    changedQuery('webhook-refusals', (query) => query.replace(' unless ', ' or ')),
  ],
  [
    'a disabled signing key that causes no alert',
    'alerts on single log lines match what they must, and do not flood',
    changed('AlertPolicy', 'key-changed', ({ inputs: { conditions, ...inputs } }) => ({
      inputs: {
        ...inputs,
        conditions: conditions.map((condition: Resource['inputs']) => ({
          conditionMatchedLog: {
            filter: condition.conditionMatchedLog.filter.replace(' OR "UpdateCryptoKeyVersion"', ''),
          },
        })),
      },
    })),
  ],
  [
    'a dashboard that each deploy changes',
    'the dashboard has no empty value and no zero',
    changed('Dashboard', undefined, ({ inputs: { dashboardJson } }) => ({
      inputs: { dashboardJson: dashboardJson.replace('"height":16', '"height":16,"xPos":0') },
    })),
  ],
  [
    'an objective that stops the first deploy before there is a function to measure',
    'objectives and the alert on missing sweeps wait for the functions that they measure',
    changed('Slo', 'latency', ({ dependsOn }) => ({
      dependsOn: dependsOn.filter((key) => !key.includes(':Function ')),
    })),
  ],
  [
    'an alert on missing sweeps that fires while the first deploy runs',
    'objectives and the alert on missing sweeps wait for the functions that they measure',
    changed('AlertPolicy', 'sweep-missing', ({ dependsOn }) => ({
      dependsOn: dependsOn.filter((key) => !key.includes(':Function ')),
    })),
  ],
  [
    'a notification for every error',
    'alerts on single log lines match what they must, and do not flood',
    changed('AlertPolicy', 'errors', ({ inputs }) => ({
      inputs: { ...inputs, alertStrategy: { notificationRateLimit: { period: '0s' } } },
    })),
  ],
  [
    'a budget that notifies a webhook, which it cannot',
    'the project has a budget if the stack has one',
    changed('Budget', 'month', ({ inputs }) => ({
      inputs: {
        ...inputs,
        allUpdatesRule: {
          monitoringNotificationChannels: [
            'gcp:monitoring/notificationChannel:NotificationChannel/https://alerts.example.com/google',
          ],
        },
      },
    })),
  ],
  [
    'a Redis that deletes keys when its memory is full',
    'Memorystore keeps seats when a node fails, deletes none when full, and is protected',
    changed('Instance', 'seatlease', ({ inputs: { engineConfigs: _, ...inputs } }) => ({ inputs })),
  ],
  [
    'seats that a restart loses',
    'Memorystore keeps seats when a node fails, deletes none when full, and is protected',
    changed('Instance', 'seatlease', ({ inputs }) => ({
      inputs: { ...inputs, persistenceConfig: { mode: 'DISABLED' } },
    })),
  ],
  [
    'no replica that takes over',
    'Memorystore keeps seats when a node fails, deletes none when full, and is protected',
    changed('Instance', 'seatlease', ({ inputs: { replicaCount: _, ...inputs } }) => ({ inputs })),
  ],
  [
    'a Redis that a wrong change of the stack deletes',
    'Memorystore keeps seats when a node fails, deletes none when full, and is protected',
    changed('Instance', 'seatlease', () => ({ protect: false })),
  ],
  [
    'an instance that is created before its network lets it have endpoints',
    'Memorystore has its endpoints in a network of its own, whose policy allows them first',
    changed('Instance', 'seatlease', ({ dependsOn }) => ({
      dependsOn: dependsOn.filter((key) => !key.includes(':ServiceConnectionPolicy ')),
    })),
  ],
  [
    'a policy for another service',
    'Memorystore has its endpoints in a network of its own, whose policy allows them first',
    changed('ServiceConnectionPolicy', 'seatlease', ({ inputs }) => ({
      inputs: { ...inputs, serviceClass: 'gcp-memorystore-redis' },
    })),
  ],
  [
    'endpoints whose addresses functions can take',
    'Memorystore has its endpoints in a network of its own, whose policy allows them first',
    changed('ServiceConnectionPolicy', 'seatlease', ({ inputs }) => ({
      inputs: { ...inputs, pscConfig: { subnetworks: ['gcp:compute/subnetwork:Subnetwork/seatlease'] } },
    })),
  ],
  [
    'a function that reaches Stripe only through the network, which has no way out',
    'only functions that use Redis are in its network, and only their private traffic',
    serviceConfig('seatlease-stripe-webhook', () => ({ directVpcEgress: 'VPC_EGRESS_ALL_TRAFFIC' })),
  ],
  [
    'a function in the network of Redis that does not use it',
    'only functions that use Redis are in its network, and only their private traffic',
    serviceConfig('seatlease-public-key', () => ({
      directVpcEgress: 'VPC_EGRESS_PRIVATE_RANGES_ONLY',
      directVpcNetworkInterfaces: [{ network: 'seatlease', subnetwork: 'seatlease' }],
    })),
  ],
  [
    'a function that cannot reach Redis',
    'only functions that use Redis are in its network, and only their private traffic',
    serviceConfig('seatlease-authorize', () => ({
      directVpcEgress: undefined,
      directVpcNetworkInterfaces: undefined,
    })),
  ],
  [
    'a Redis without TLS',
    'functions that use Redis get the primary of the settings, with TLS and its own authorities alone',
    changed('Instance', 'seatlease', ({ inputs }) => ({
      inputs: { ...inputs, transitEncryptionMode: 'TRANSIT_ENCRYPTION_DISABLED' },
    })),
  ],
  [
    'seats that are written to a replica',
    'functions that use Redis get the primary of the settings, with TLS and its own authorities alone',
    serviceConfig('seatlease-acquire', ({ environmentVariables }) => ({
      environmentVariables: { ...environmentVariables, REDIS_URL: 'rediss://10.64.16.2:6379' },
    })),
  ],
  [
    'a Redis whose certificate functions do not trust',
    'functions that use Redis get the primary of the settings, with TLS and its own authorities alone',
    serviceConfig(
      'seatlease-acquire',
      ({ environmentVariables: { REDIS_CA_CERTIFICATE: _, ...others } }) => ({
        environmentVariables: others,
      }),
    ),
  ],
  [
    'an API that only creating the endpoints would miss',
    'the APIs of Memorystore are enabled for it, and only for it',
    without('Service', 'serviceconsumermanagement.googleapis.com'),
  ],
  [
    'a function without its role',
    'every function may read its secrets and has the roles that its contract names',
    without('CryptoKeyIAMMember', 'seatlease-sign-cloudkms.signerVerifier'),
  ],
  [
    'a function without access to its secret',
    'every function may read its secrets and has the roles that its contract names',
    without('SecretIamMember', 'seatlease-heartbeat-SESSION_TOKEN_KEYS'),
  ],
];

const bundles = makeBundles();
afterAll(() => bundles.remove());

describeInfra('exactly one check finds', () => {
  let stack: Stack;
  beforeAll(async () => {
    // A stack with every part that a setting can add.
    const settings = await settingsOf('prod', bundles.path, {
      requestLogs: { cloudRun: 0, own: 0.1 },
      database: 'records-2',
      otherDatabases: ['(default)'],
      ...withRedis('prod', { kind: 'memorystore' }),
    });
    stack = { graph: await recordStack(settings), manifest: MANIFEST, settings };
  });

  test.each(FAULTS.map((fault) => [fault[0], fault] as const))('%s', (_, [, expected, seed, settings]) => {
    const faulty = { ...stack, graph: seed(stack.graph), settings: { ...stack.settings, ...settings } };
    const finding = Object.entries(CHECKS).filter(([, check]) => check(faulty).length > 0);
    expect(finding.map(([name]) => name)).toEqual([expected]);
  });
});
