import { entryPointOf } from '../../functions/names.ts';
import { readConfig } from '../../shared/config.ts';
import type { EndpointContract, FunctionContract } from '../../shared/http/contract.ts';
import { QUERIES } from '../../shared/ports/queries.ts';
import type { SecretName } from '../../shared/settings.ts';
import { readBundle } from '../bundle.ts';
import { standInsFor } from '../environment.ts';
import type { StackSettings } from '../settings.ts';
import type { Graph, Made } from './graph.ts';

/** What a check looks at: what the stack makes, and what that has to follow from. */
export interface Stack {
  readonly graph: Graph;
  readonly manifest: readonly FunctionContract[];
  readonly settings: StackSettings;
}

/** What is wrong, in words; nothing where all is well. */
export type Check = (stack: Stack) => string[];

const FUNCTION = 'gcp:cloudfunctionsv2/function:Function';
const ACCOUNT = 'gcp:serviceaccount/account:Account';
const TOPIC = 'gcp:pubsub/topic:Topic';
const SUBSCRIPTION = 'gcp:pubsub/subscription:Subscription';
const KEY = 'gcp:kms/cryptoKey:CryptoKey';
const PROJECT_ROLE = 'gcp:projects/iAMMember:IAMMember';
const INVOKER = 'gcp:cloudrunv2/serviceIamMember:ServiceIamMember';
const JOB = 'gcp:cloudscheduler/job:Job';

/**
 * The promises that the infrastructure keeps, by their names. They are derived from the contracts anew, not by the
 * program's own rules.
 */
export const CHECKS = {
  'every function of the manifest is deployed, and nothing else': ({ graph, manifest }) => {
    const deployed = of(graph, FUNCTION).map(({ inputs }) => inputs.name);
    return differences(
      'function',
      deployed,
      manifest.map(({ name }) => `seatlease-${name}`),
    );
  },

  'no two things of a kind are called alike': ({ graph }) => {
    const names = graph.made.map(({ type, name }) => `${type} ${name}`);
    return differences('', names, [...new Set(names)]);
  },

  'every function runs on Node 24, as its contract says': (stack) =>
    eachFunction(stack, ({ name, memoryMiB, concurrency, timeoutSeconds }, { inputs }) => {
      const { buildConfig, serviceConfig } = inputs;
      return expected(name, [
        ['runtime', buildConfig.runtime, 'nodejs24'],
        ['entry point', buildConfig.entryPoint, entryPointOf(name)],
        ['memory', serviceConfig.availableMemory, `${memoryMiB}Mi`],
        ['CPU', serviceConfig.availableCpu, '1'],
        ['concurrency', serviceConfig.maxInstanceRequestConcurrency, concurrency],
        ['timeout', serviceConfig.timeoutSeconds, timeoutSeconds],
        ['NODE_ENV', serviceConfig.environmentVariables.NODE_ENV, 'production'],
      ]);
    }),

  'no function can grow without end': (stack) =>
    eachFunction(stack, ({ name, maxInstances }, { inputs }) =>
      expected(name, [['most instances', inputs.serviceConfig.maxInstanceCount, maxInstances]]),
    ),

  'instances are kept warm for taking and keeping seats alone': (stack) =>
    eachFunction(stack, ({ name }, { inputs }) => {
      const least = ['acquire', 'heartbeat', 'release'].includes(name) ? stack.settings.minInstances : 0;
      return expected(name, [['least instances', inputs.serviceConfig.minInstanceCount, least]]);
    }),

  'every function acts as an account of its own': (stack) => [
    ...differences(
      'account',
      of(stack.graph, ACCOUNT).map(({ inputs }) => inputs.accountId),
      [
        ...stack.manifest.map(({ name }) => `seatlease-${name}`),
        'seatlease-build',
        'seatlease-push',
        'seatlease-scheduler',
      ],
    ),
    ...eachFunction(stack, ({ name }, { inputs }) =>
      expected(name, [
        ['account', inputs.serviceConfig.serviceAccountEmail, emailOf(`seatlease-${name}`, stack)],
      ]),
    ),
  ],

  'only what the public calls can be called by everybody': (stack) =>
    stack.manifest.flatMap((contract) => {
      const members = of(stack.graph, INVOKER)
        .filter(({ inputs }) => inputs.name === `seatlease-${contract.name}`)
        .map(({ inputs }) => `${inputs.role} ${inputs.member}`);
      return differences(`${contract.name}: invoker`, members, [
        `roles/run.invoker ${callerMember(contract, stack)}`,
      ]);
    }),

  'what only the cloud itself calls cannot be reached from outside': (stack) =>
    eachFunction(stack, (contract, { inputs }) =>
      expected(contract.name, [
        [
          'ingress',
          inputs.serviceConfig.ingressSettings,
          serviceOf(contract) ? 'ALLOW_INTERNAL_ONLY' : 'ALLOW_ALL',
        ],
      ]),
    ),

  'every function has the roles and secrets that its contract names': (stack) => {
    const due = stack.manifest.flatMap((contract) => grantsOf(contract, stack));
    return missing(stack.graph, due);
  },

  'no account has a grant that no contract names': (stack) => {
    const due = new Set([
      ...stack.manifest.flatMap((contract) => grantsOf(contract, stack)),
      ...grantsOfBuild(stack),
      ...grantsOfAgent(),
    ]);
    return grantsIn(stack.graph)
      .filter((grant) => !due.has(grant))
      .map((grant) => `too much: ${grant}`);
  },

  'no account has a role on the whole project': ({ graph, settings: { project } }) => {
    const database = `resource.name == "projects/${project}/databases/(default)"`;
    const wide = graph.made.filter(({ type }) =>
      /^gcp:(projects|organizations|folder)\/iAM(?!Audit)/.test(type),
    );
    return wide
      .filter(
        ({ type, inputs }) =>
          type !== PROJECT_ROLE ||
          !(
            (inputs.role.startsWith('roles/datastore.') && inputs.condition?.expression === database) ||
            // Entries can only be added with it; there is nothing narrower.
            (inputs.role === 'roles/logging.logWriter' && inputs.member.includes(':seatlease-build@'))
          ),
      )
      .map(({ name, inputs }) => `${name}: ${inputs.role} for ${inputs.member}`);
  },

  'no secret stands in plain sight, and each has a pinned version': (stack) => {
    const secret = new Set<string>(stack.manifest.flatMap(({ secrets }) => secrets));
    return eachFunction(stack, (contract, { inputs }) => {
      const { environmentVariables, secretEnvironmentVariables } = inputs.serviceConfig;
      const pinned = secretEnvironmentVariables.map(describeSecret);
      const due = secretsIn(contract, stack).map((key) =>
        describeSecret({
          key,
          projectId: stack.settings.project,
          secret: nameOfSecret(key),
          version: String(stack.settings.secretVersions[key]),
        }),
      );
      return [
        ...Object.keys(environmentVariables)
          .filter((name) => secret.has(name))
          .map((name) => `${contract.name}: ${name} is plain`),
        ...differences(`${contract.name}: secret`, pinned, due),
      ];
    });
  },

  'every function starts with the environment it is given': (stack) =>
    eachFunction(stack, ({ name }, { inputs }) => {
      try {
        readConfig({ K_SERVICE: `seatlease-${name}`, ...environmentIn(inputs) });
        return [];
      } catch (error) {
        return [`${name}: ${String(error)}`];
      }
    }),

  'tokens are made for the function that they are shown to': (stack) =>
    (['scheduler', 'pubsub'] as const).flatMap((service) => {
      const { contract, path } = calledBy(service, stack);
      const [target] =
        service === 'scheduler'
          ? of(stack.graph, JOB).map(({ inputs }) => ({
              url: inputs.httpTarget.uri,
              token: inputs.httpTarget.oidcToken,
            }))
          : pushes(stack.graph).map(({ inputs }) => ({
              url: inputs.pushConfig.pushEndpoint,
              token: inputs.pushConfig.oidcToken,
            }));
      const deployed = functionOf(contract, stack.graph);
      const { SERVICE_AUDIENCE, SCHEDULER_ACCOUNT, PUSH_ACCOUNT } =
        deployed?.inputs.serviceConfig.environmentVariables ?? {};
      const { projectNumber, region } = stack.settings;
      const url = `https://seatlease-${contract.name}-${projectNumber}.${region}.run.app`;
      return expected(contract.name, [
        ['audience that it asks for', SERVICE_AUDIENCE, url],
        ['audience of tokens', target?.token?.audience, url],
        ['address that is called', target?.url, `${url}${path}`],
        [
          'account of tokens',
          target?.token?.serviceAccountEmail,
          service === 'scheduler' ? SCHEDULER_ACCOUNT : PUSH_ACCOUNT,
        ],
      ]);
    }),

  'the sweep runs every minute': (stack) => {
    const { contract } = calledBy('scheduler', stack);
    const [job, ...others] = of(stack.graph, JOB);
    return expected('job', [
      ['number of others', others.length, 0],
      ['schedule', job?.inputs.schedule, '* * * * *'],
      ['method', job?.inputs.httpTarget.httpMethod, 'POST'],
      ['deadline', job?.inputs.attemptDeadline, `${contract.timeoutSeconds}s`],
      ['paused', job?.inputs.paused ?? false, false],
    ]);
  },

  'events that cannot be recorded are kept, and wait for somebody': ({ graph }) =>
    pushes(graph).flatMap(({ name, inputs }) => {
      const policy = inputs.deadLetterPolicy;
      const topic = of(graph, TOPIC).find((each) => idOf(each) === policy?.deadLetterTopic);
      if (!topic) return [`${name}: dead letters go nowhere`];
      const keepers = of(graph, SUBSCRIPTION).filter((each) => each.inputs.topic === idOf(topic));
      return [
        ...(topic.inputs.name === 'seatlease-events' ? [`${name}: dead letters come back`] : []),
        ...(policy.maxDeliveryAttempts === 20 ? [] : [`${name}: gives up too soon, or too late`]),
        ...(keepers.some(({ inputs: kept }) => kept.expirationPolicy?.ttl === '' && !kept.pushConfig)
          ? []
          : [`${name}: nobody keeps dead letters`]),
        ...missing(graph, grantsOfAgent()),
      ];
    }),

  'no event is lost for want of a subscriber that keeps up': ({ graph }) => {
    const topic = of(graph, TOPIC).find(({ inputs }) => inputs.name === 'seatlease-events');
    const [push, ...others] = pushes(graph);
    return [
      ...expected('topic', [['retention', topic?.inputs.messageRetentionDuration, '604800s']]),
      ...expected('push', [
        ['number of others', others.length, 0],
        ['topic', push?.inputs.topic, topic && idOf(topic)],
        ['ordering', push?.inputs.enableMessageOrdering, true],
        ['expiry', push?.inputs.expirationPolicy?.ttl, ''],
        ['retention', push?.inputs.messageRetentionDuration, '604800s'],
        ['shortest pause', push?.inputs.retryPolicy?.minimumBackoff, '10s'],
        ['longest pause', push?.inputs.retryPolicy?.maximumBackoff, '600s'],
      ]),
    ];
  },

  'the signing key is of the one algorithm, watched, and guarded in every stack': ({ graph, settings }) => {
    const [key, ...others] = of(graph, KEY);
    const [ring] = of(graph, 'gcp:kms/keyRing:KeyRing');
    const audits = of(graph, 'gcp:projects/iAMAuditConfig:IAMAuditConfig').flatMap(({ inputs }) =>
      inputs.auditLogConfigs.map(({ logType }: { logType: string }) => `${inputs.service} ${logType}`),
    );
    return [
      ...expected('key', [
        ['number of others', others.length, 0],
        ['guarded', key?.protect, true],
        ['guarded ring', ring?.protect, true],
        ['location', ring?.inputs.location, settings.region],
        ['purpose', key?.inputs.purpose, 'ASYMMETRIC_SIGN'],
        ['algorithm', key?.inputs.versionTemplate?.algorithm, 'RSA_SIGN_PKCS1_4096_SHA256'],
        ['protection', key?.inputs.versionTemplate?.protectionLevel, settings.signingKey.protectionLevel],
      ]),
      ...['DATA_READ', 'DATA_WRITE']
        .filter((logType) => !audits.includes(`cloudkms.googleapis.com ${logType}`))
        .map((logType) => `nobody writes down ${logType} of keys`),
    ];
  },

  'every query of the catalogue has its index': ({ graph }) => {
    const made = of(graph, 'gcp:firestore/index:Index').map(({ inputs }) =>
      [
        inputs.collection,
        inputs.queryScope,
        ...inputs.fields.map(
          ({ fieldPath, order }: { fieldPath: string; order: string }) => `${fieldPath} ${order}`,
        ),
      ].join(', '),
    );
    const due = QUERIES.filter(({ where }) => where.length > 0).map(({ collection, where, orderBy }) =>
      [
        collection.name,
        'COLLECTION',
        ...where.map((field) => `${field} ASCENDING`),
        `${orderBy.field} ${orderBy.direction === 'asc' ? 'ASCENDING' : 'DESCENDING'}`,
      ].join(', '),
    );
    return differences('index', made, due);
  },

  'records can be brought back, and no client can read them by itself': ({ graph, settings }) => {
    const [database] = of(graph, 'gcp:firestore/database:Database');
    const [backup] = of(graph, 'gcp:firestore/backupSchedule:BackupSchedule');
    const [ruleset] = of(graph, 'gcp:firebaserules/ruleset:Ruleset');
    const [release] = of(graph, 'gcp:firebaserules/release:Release');
    const rules: string = ruleset?.inputs.source.files[0]?.content ?? '';
    return expected('records', [
      ['mode', database?.inputs.type, 'FIRESTORE_NATIVE'],
      ['location', database?.inputs.locationId, settings.firestoreLocation],
      [
        'point-in-time recovery',
        database?.inputs.pointInTimeRecoveryEnablement,
        'POINT_IN_TIME_RECOVERY_ENABLED',
      ],
      [
        'delete protection',
        database?.inputs.deleteProtectionState,
        settings.protect ? 'DELETE_PROTECTION_ENABLED' : 'DELETE_PROTECTION_DISABLED',
      ],
      ['guarded', database?.protect, settings.protect],
      ['daily backup', backup?.inputs.dailyRecurrence !== undefined, true],
      ['backups kept', backup?.inputs.retention, '604800s'],
      ['rules that let somebody in', /allow(?![^;]*: if false;)/.test(rules), false],
      ['rules that shut everybody out', rules.includes('allow read, write: if false;'), true],
      ['release', release?.inputs.name, 'cloud.firestore'],
    ]);
  },

  'secrets are guarded, and none has a value in the stack': ({ graph, manifest, settings }) => {
    const secrets = of(graph, 'gcp:secretmanager/secret:Secret');
    const due = new Set(manifest.flatMap((contract) => secretsIn(contract, { settings })));
    return [
      ...differences(
        'secret',
        secrets.map(({ inputs }) => inputs.secretId),
        [...due].map(nameOfSecret),
      ),
      ...secrets
        .filter(({ protect }) => protect !== settings.protect)
        .map(({ name }) => `${name}: not as guarded as the stack`),
      ...graph.made
        .filter(({ type }) => type.startsWith('gcp:secretmanager/secretVersion:'))
        .map(({ name }) => `${name}: its value is in the state of the stack`),
    ];
  },

  'nothing is made before its API is on, and no function before its grants': ({ graph, manifest }) => {
    const apis = of(graph, 'gcp:projects/service:Service');
    const waiting = graph.made.filter((made) => !apis.includes(made));
    const names = apis.map(({ name }) => name);
    const grants = (name: string): string[] =>
      graph.made
        .filter(({ type, inputs }) => isGrant(type) && inputs.member?.includes(`:seatlease-${name}@`))
        .map((made) => made.name);
    return [
      ...apis
        .filter(({ inputs }) => inputs.disableOnDestroy !== false)
        .map(({ name }) => `${name}: goes off with the stack`),
      ...[...new Set(waiting.map(({ type }) => apiOf(type)))]
        .filter((api) => !names.includes(api))
        .map((api) => `${api}: is not switched on`),
      ...waiting
        .filter(({ dependsOn }) => !names.every((name) => dependsOn.includes(name)))
        .map(({ name }) => `${name}: does not wait for the APIs`),
      ...manifest.flatMap((contract) => {
        const dependsOn = functionOf(contract, graph)?.dependsOn ?? [];
        return [...grants(contract.name), ...grants('build')]
          .filter((grant) => !dependsOn.includes(grant))
          .map((grant) => `${contract.name}: does not wait for ${grant}`);
      }),
    ];
  },

  'bundles are private, and built by an account that can do nothing else': ({
    graph,
    manifest,
    settings,
  }) => {
    const [bucket] = of(graph, 'gcp:storage/bucket:Bucket');
    const [repository] = of(graph, 'gcp:artifactregistry/repository:Repository');
    const objects = of(graph, 'gcp:storage/bucketObject:BucketObject').map(({ inputs }) => inputs.name);
    return [
      ...expected('bucket', [
        ['public access', bucket?.inputs.publicAccessPrevention, 'enforced'],
        ['access by bucket', bucket?.inputs.uniformBucketLevelAccess, true],
      ]),
      ...expected('images', [
        ['format', repository?.inputs.format, 'DOCKER'],
        [
          'clean-up',
          repository?.inputs.cleanupPolicies?.map(({ action }: { action: string }) => action).toSorted(),
          ['DELETE', 'KEEP'],
        ],
      ]),
      ...missing(graph, grantsOfBuild({ graph, settings })),
      ...eachFunction({ graph, manifest, settings }, ({ name }, { inputs }) => {
        const { storageSource } = inputs.buildConfig.source;
        const { serviceAccount, dockerRepository } = inputs.buildConfig;
        return expected(name, [
          ['bucket', storageSource.bucket, bucket?.inputs.name],
          ['uploaded', objects.includes(storageSource.object), true],
          ['bundle', storageSource.object, `${name}-${readBundle(settings.bundles, name).hash}.zip`],
          ['built by', serviceAccount.split('/').at(-1), emailOf('seatlease-build', { settings })],
          ['images', dockerRepository, repository && idOf(repository)],
        ]);
      }),
    ];
  },

  'somebody is told of everything that is watched': ({ graph, settings }) => {
    const [channel] = of(graph, 'gcp:monitoring/notificationChannel:NotificationChannel');
    const [uptime] = of(graph, 'gcp:monitoring/uptimeCheckConfig:UptimeCheckConfig');
    const alerts = of(graph, 'gcp:monitoring/alertPolicy:AlertPolicy');
    const objectives = of(graph, 'gcp:monitoring/slo:Slo').map(({ name }) => name);
    const metrics = of(graph, 'gcp:logging/metric:Metric').map(({ inputs }) => inputs.name);
    return [
      ...differences(
        'alert',
        alerts.map(({ name }) => name),
        [
          ...['availability', 'latency'].flatMap((name) => [`${name}-fast`, `${name}-slow`]),
          ...['sweep-missing', 'sweep-lag', 'dead-letters', 'unreachable'],
        ],
      ),
      ...differences('objective', objectives, ['availability', 'latency']),
      ...differences(
        'metric',
        metrics,
        ['denials', 'revivals', 'sweeps', 'sweep_lag'].map((name) => `seatlease/${name}`),
      ),
      ...alerts.flatMap(({ name, inputs }) =>
        expected(name, [
          ['told', inputs.notificationChannels, channel && [idOf(channel)]],
          ['switched on', inputs.enabled ?? true, true],
        ]),
      ),
      ...expected('watching', [
        ['told', channel?.inputs.labels.email_address, settings.alertEmail],
        ['path', uptime?.inputs.httpCheck.path, '/health'],
        ['host', uptime?.inputs.monitoredResource.labels.host, new URL(settings.publicUrl).hostname],
      ]),
    ];
  },

  'alerts and charts look at what is deployed, and at what is logged': ({ graph }) => {
    const watching = graph.made.filter(({ type }) => /^gcp:(monitoring|logging)\//.test(type));
    // Filters stand in strings, and those of the dashboard in a string once more.
    const text = watching
      .map(({ inputs }) => JSON.stringify(inputs))
      .join('\n')
      .replaceAll('\\', '');
    const names = (pattern: RegExp): string[] => [
      ...new Set([...text.matchAll(pattern)].map(([, name = '']) => name)),
    ];
    const things = [FUNCTION, SUBSCRIPTION, TOPIC].flatMap((type) =>
      of(graph, type).map(({ inputs }) => String(inputs.name)),
    );
    const services = of(graph, 'gcp:monitoring/customService:CustomService').map(
      ({ inputs }) => inputs.serviceId,
    );
    const metrics = of(graph, 'gcp:logging/metric:Metric').map(({ inputs }) => String(inputs.name));
    const logged = names(/logging\.googleapis\.com\/user\/([\w/]+)/g);
    const queried = names(/logging_googleapis_com:user_(\w+)/g);
    return [
      ...names(/"(seatlease-[\w-]+)"/g)
        .filter((name) => ![...things, ...services].includes(name))
        .map((name) => `${name}: is not there to be watched`),
      ...logged.filter((name) => !metrics.includes(name)).map((name) => `${name}: is not measured`),
      ...queried
        .filter((name) => !metrics.some((metric) => metric.replace('/', '_') === name))
        .map((name) => `${name}: is not measured`),
      ...metrics
        .filter((name) => !logged.includes(name) && !queried.includes(name.replace('/', '_')))
        .map((name) => `${name}: nobody looks at it`),
    ];
  },

  'alerts tell in time, and not for nothing': ({ graph }) => {
    const conditionsOf = (name: string): Made['inputs'][] =>
      of(graph, 'gcp:monitoring/alertPolicy:AlertPolicy').find((alert) => alert.name === name)?.inputs
        .conditions ?? [];
    const limits = (name: string) =>
      conditionsOf(name).map(({ conditionThreshold: { filter, thresholdValue } }) => [
        /"(\d+)s"\)$/.exec(filter)?.[1],
        thresholdValue,
      ]);
    const [missing] = conditionsOf('sweep-missing');
    return [
      ...['availability', 'latency'].flatMap((objective) =>
        expected(objective, [
          [
            'fast burn',
            limits(`${objective}-fast`),
            [
              ['3600', 14.4],
              ['300', 14.4],
            ],
          ],
          [
            'slow burn',
            limits(`${objective}-slow`),
            [
              ['21600', 6],
              ['1800', 6],
            ],
          ],
        ]),
      ),
      ...expected('sweep', [
        ['time without one', /\[(\w+)\]/.exec(missing?.conditionPrometheusQueryLanguage.query)?.[1], '10m'],
        ['most lag', conditionsOf('sweep-lag')[0]?.conditionThreshold.thresholdValue, 300],
      ]),
      ...expected('dead letters', [
        ['most', conditionsOf('dead-letters')[0]?.conditionThreshold.thresholdValue, 0],
      ]),
    ];
  },

  'the month has a budget where the stack has one': ({ graph, settings }) => {
    const budgets = of(graph, 'gcp:billing/budget:Budget');
    if (!settings.budget) return budgets.map(({ name }) => `${name}: nobody asked for it`);
    const [budget] = budgets;
    const [channel] = of(graph, 'gcp:monitoring/notificationChannel:NotificationChannel');
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
      ['told', budget?.inputs.allUpdatesRule.monitoringNotificationChannels, channel && [idOf(channel)]],
    ]);
  },
} as const satisfies Readonly<Record<string, Check>>;

export type CheckName = keyof typeof CHECKS;

function of({ made }: Graph, type: string): Made[] {
  return made.filter((each) => each.type === type);
}

/** What the stand-in for the cloud says is the resource's id. */
function idOf({ type, name }: Made): string {
  return `${type}/${name}`;
}

function functionOf({ name }: FunctionContract, graph: Graph): Made | undefined {
  return of(graph, FUNCTION).find(({ inputs }) => inputs.name === `seatlease-${name}`);
}

/** What is wrong with each function that is deployed. */
function eachFunction(
  { graph, manifest }: Stack,
  look: (contract: FunctionContract, deployed: Made) => string[],
): string[] {
  return manifest.flatMap((contract) => {
    const deployed = functionOf(contract, graph);
    return deployed ? look(contract, deployed) : [];
  });
}

function expected(thing: string, facts: readonly (readonly [string, unknown, unknown])[]): string[] {
  return facts
    .filter(([, is, should]) => JSON.stringify(is) !== JSON.stringify(should))
    .map(([fact, is, should]) => `${thing}: ${fact} is ${JSON.stringify(is)}, not ${JSON.stringify(should)}`);
}

function differences(kind: string, are: readonly string[], should: readonly string[]): string[] {
  return [
    ...should.filter((each) => !are.includes(each)).map((each) => `${kind} ${each} is missing`),
    ...are
      .filter((each, i) => !should.includes(each) || are.indexOf(each) !== i)
      .map((each) => `${kind} ${each} is too much`),
  ];
}

function emailOf(account: string, { settings: { project } }: Pick<Stack, 'settings'>): string {
  return `${account}@${project}.iam.gserviceaccount.com`;
}

function grantsTo({ endpoints }: FunctionContract): string[] {
  return Object.values(endpoints).flatMap(({ auth }: EndpointContract) => [...auth]);
}

/** The service of our own cloud that the function is for. */
function serviceOf(contract: FunctionContract): 'scheduler' | 'pubsub' | undefined {
  return (['scheduler', 'pubsub'] as const).find((service) => grantsTo(contract).includes(service));
}

function callerMember(contract: FunctionContract, stack: Stack): string {
  const service = serviceOf(contract);
  if (!service) return 'allUsers';
  return `serviceAccount:${emailOf(service === 'scheduler' ? 'seatlease-scheduler' : 'seatlease-push', stack)}`;
}

function calledBy(service: 'scheduler' | 'pubsub', { manifest }: Stack) {
  const contract = manifest.find((each) => serviceOf(each) === service);
  if (!contract) throw new Error(`${service} calls nothing`);
  const [endpoint] = Object.values(contract.endpoints);
  if (!endpoint) throw new Error(`${contract.name} has no endpoint`);
  return { contract, path: endpoint.path };
}

function pushes(graph: Graph): Made[] {
  return of(graph, SUBSCRIPTION).filter(({ inputs }) => inputs.pushConfig);
}

function secretsIn({ secrets }: FunctionContract, { settings }: Pick<Stack, 'settings'>): string[] {
  return secrets.filter(
    (name) =>
      (settings.signIn || !name.startsWith('GOOGLE_')) && (settings.billing || !name.startsWith('STRIPE_')),
  );
}

function nameOfSecret(setting: string): string {
  return `seatlease-${setting.toLowerCase().split('_').join('-')}`;
}

function describeSecret(variable: Record<'key' | 'projectId' | 'secret' | 'version', string>): string {
  const { key, projectId, secret, version } = variable;
  return `${key} = ${projectId}/${secret}/${version}`;
}

/** As the function sees it, with stand-ins for the secrets. */
function environmentIn({ serviceConfig }: Made['inputs']): Record<string, string> {
  const secrets = serviceConfig.secretEnvironmentVariables.map(({ key }: { key: SecretName }) => key);
  return { ...serviceConfig.environmentVariables, ...standInsFor(secrets) };
}

function isGrant(type: string): boolean {
  return /iam(Member|Binding|Policy):/i.test(type) && type !== INVOKER;
}

/** Every grant in words: who, what, on which. Roles on the whole project are another check's, but for two. */
function grantsIn({ made }: Graph): string[] {
  return made
    .filter(({ type }) => isGrant(type))
    .flatMap(({ type, inputs }) => {
      const { member, role } = inputs;
      if (type !== PROJECT_ROLE) {
        const thing = ['topic', 'subscription', 'cryptoKeyId', 'secretId', 'bucket', 'repository'];
        return [describeGrant(member, role, thing.map((name) => inputs[name]).find(Boolean))];
      }
      if (role.startsWith('roles/datastore.')) return [describeGrant(member, role, 'records')];
      return role === 'roles/logging.logWriter' ? [describeGrant(member, role, 'the project')] : [];
    });
}

function grantsOf(contract: FunctionContract, stack: Stack): string[] {
  const member = `serviceAccount:${emailOf(`seatlease-${contract.name}`, stack)}`;
  const [key] = of(stack.graph, KEY);
  const thing = (role: string): string | undefined =>
    ({ datastore: 'records', pubsub: 'seatlease-events', cloudkms: key && idOf(key) })[
      role.replace(/^roles\/|\..*/g, '')
    ];
  return [
    ...contract.roles.map((role) => describeGrant(member, role, thing(role))),
    ...secretsIn(contract, stack).map((secret) =>
      describeGrant(member, 'roles/secretmanager.secretAccessor', nameOfSecret(secret)),
    ),
  ];
}

function grantsOfBuild(stack: Pick<Stack, 'graph' | 'settings'>): string[] {
  const build = `serviceAccount:${emailOf('seatlease-build', stack)}`;
  const [bucket] = of(stack.graph, 'gcp:storage/bucket:Bucket');
  return [
    describeGrant(build, 'roles/storage.objectViewer', bucket?.inputs.name),
    describeGrant(build, 'roles/artifactregistry.writer', 'images'),
    describeGrant(build, 'roles/logging.logWriter', 'the project'),
  ];
}

/** What Pub/Sub needs to move dead letters. */
function grantsOfAgent(): string[] {
  const agent = 'serviceAccount:agent-of-pubsub.googleapis.com';
  return [
    describeGrant(agent, 'roles/pubsub.publisher', 'seatlease-events-dead'),
    describeGrant(agent, 'roles/pubsub.subscriber', 'seatlease-events-record-event'),
  ];
}

function missing(graph: Graph, due: readonly string[]): string[] {
  const given = grantsIn(graph);
  return due.filter((grant) => !given.includes(grant)).map((grant) => `missing: ${grant}`);
}

function describeGrant(member: string, role: string, thing: string | undefined): string {
  return `${member}: ${role} on ${thing}`;
}

/** The API that a resource of the type is made by. */
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
