import type { FunctionContract } from '../../../shared/http/contract.ts';
import { dependenciesOf } from '../../../shared/http/dependencies.ts';
import { keyOf } from '../graph.ts';
import { type Check, differences, eachFunction, expected, idOf, of, type Stack } from './stack.ts';

const INSTANCE = 'gcp:memorystore/instance:Instance';
const POLICY = 'gcp:networkconnectivity/serviceConnectionPolicy:ServiceConnectionPolicy';
const NETWORK = 'gcp:compute/network:Network';
const SUBNET = 'gcp:compute/subnetwork:Subnetwork';

/** The Redis of the seats. */
export const REDIS_CHECKS = {
  'Memorystore keeps seats when a node fails, deletes none when full, and is protected': ({
    graph,
    settings,
  }) => {
    const { redis, region, protect } = settings;
    const [instance, ...others] = of(graph, INSTANCE);
    if (redis.kind !== 'memorystore') return instance ? ['Memorystore: is not configured'] : [];
    const { inputs } = instance ?? { inputs: {} };
    return expected('Memorystore', [
      ['number of others', others.length, 0],
      ['location', inputs.location, region],
      ['version', inputs.engineVersion, 'VALKEY_8_0'],
      ['node type', inputs.nodeType, redis.nodeType],
      ['mode', inputs.mode, redis.shards === 1 ? 'CLUSTER_DISABLED' : 'CLUSTER'],
      ['shards', inputs.shardCount, redis.shards],
      ['replicas', inputs.replicaCount, redis.replicas],
      ['zones', inputs.zoneDistributionConfig?.mode, 'MULTI_ZONE'],
      ['persistence', inputs.persistenceConfig, { aofConfig: { appendFsync: 'EVERY_SEC' }, mode: 'AOF' }],
      ['settings of Valkey', inputs.engineConfigs, { 'maxmemory-policy': 'noeviction' }],
      ['delete protection', inputs.deletionProtectionEnabled, protect],
      ['protected', instance?.protect, protect],
    ]);
  },

  'Memorystore has its endpoints in a network of its own, whose policy allows them first': ({
    graph,
    settings: { redis, project, region },
  }) => {
    const own = graph.resources.filter(({ type }) => /^gcp:(compute|networkconnectivity)\//.test(type));
    if (redis.kind !== 'memorystore') return own.map(({ name }) => `${name}: is not configured`);
    const [network] = of(graph, NETWORK);
    const subnets = of(graph, SUBNET);
    const endpoints = subnets.find(({ name }) => name === 'seatlease-endpoints');
    const [policy] = of(graph, POLICY);
    const [instance] = of(graph, INSTANCE);
    const networkId = network && idOf(network);
    return [
      ...differences(
        'part of the network',
        own.map(({ type, name }) => `${type} ${name}`),
        [
          `${NETWORK} seatlease`,
          `${SUBNET} seatlease`,
          `${SUBNET} seatlease-endpoints`,
          `${POLICY} seatlease`,
        ],
      ),
      // Functions must not take the addresses of endpoints.
      ...differences(
        'subnet',
        subnets.map(
          ({ inputs }) => `${inputs.name} ${inputs.region} ${inputs.network} ${inputs.ipCidrRange}`,
        ),
        [
          `seatlease ${region} ${networkId} 10.64.0.0/20`,
          `seatlease-endpoints ${region} ${networkId} 10.64.16.0/28`,
        ],
      ),
      ...expected('network', [
        ['subnets that Google makes', network?.inputs.autoCreateSubnetworks, false],
        ['service', policy?.inputs.serviceClass, 'gcp-memorystore'],
        ['region of the policy', policy?.inputs.location, region],
        ['network of the policy', policy?.inputs.network, networkId],
        ['subnets of the policy', policy?.inputs.pscConfig?.subnetworks, endpoints && [idOf(endpoints)]],
        [
          'endpoints',
          instance?.inputs.desiredAutoCreatedEndpoints,
          [{ network: networkId, projectId: project }],
        ],
        ['the instance waits for the policy', policy && instance?.dependsOn.includes(keyOf(policy)), true],
      ]),
    ];
  },

  'only functions that use Redis are in its network, and only their private traffic': (stack) => {
    const { redis } = stack.settings;
    return eachFunction(stack, (contract, { inputs: { serviceConfig } }) => {
      const isInside = redis.kind === 'memorystore' && usesRedis(contract);
      return expected(contract.name, [
        ['egress', serviceConfig.directVpcEgress, isInside ? 'VPC_EGRESS_PRIVATE_RANGES_ONLY' : undefined],
        [
          'network',
          serviceConfig.directVpcNetworkInterfaces,
          isInside ? [{ network: 'seatlease', subnetwork: 'seatlease' }] : undefined,
        ],
        ['connector', serviceConfig.vpcConnector, undefined],
      ]);
    });
  },

  'functions that use Redis get the primary of the settings, with TLS and its own authorities alone': (
    stack,
  ) => {
    const [instance] = of(stack.graph, INSTANCE);
    const wanted = addressOf(stack.settings);
    return [
      ...expected('Memorystore', [
        [
          'encryption',
          instance?.inputs.transitEncryptionMode,
          stack.settings.redis.kind === 'memorystore' ? 'SERVER_AUTHENTICATION' : undefined,
        ],
      ]),
      ...eachFunction(stack, (contract, { inputs }) => {
        const { REDIS_URL, REDIS_CLUSTER, REDIS_CA_CERTIFICATE } = inputs.serviceConfig.environmentVariables;
        return expected(contract.name, [
          ['Redis', { REDIS_URL, REDIS_CLUSTER, REDIS_CA_CERTIFICATE }, usesRedis(contract) ? wanted : {}],
        ]);
      }),
    ];
  },

  'the APIs of Memorystore are enabled for it, and only for it': ({ graph, settings }) => {
    const own = ['compute', 'memorystore', 'networkconnectivity', 'serviceconsumermanagement'].map(
      (api) => `${api}.googleapis.com`,
    );
    const enabled = of(graph, 'gcp:projects/service:Service').map(({ inputs }) => inputs.service);
    return differences(
      'API',
      enabled.filter((api) => own.includes(api)),
      settings.redis.kind === 'memorystore' ? own : [],
    );
  },
} as const satisfies Readonly<Record<string, Check>>;

function usesRedis(contract: FunctionContract): boolean {
  const own = dependenciesOf(contract);
  return own.has('seats') || own.has('seatMaintenance') || own.has('limits');
}

/** The plain variables of a function that uses Redis. The addresses and certificates are those of the fake cloud. */
function addressOf({ redis }: Stack['settings']): Record<string, string | undefined> {
  if (redis.kind === 'upstash') return {};
  if (redis.kind === 'url')
    return { REDIS_CLUSTER: String(redis.cluster), REDIS_CA_CERTIFICATE: redis.caCertificate };
  const isCluster = redis.shards > 1;
  const certificates = ['root', 'next'].map(
    (name) => `-----BEGIN CERTIFICATE-----\n${name}_of_seatlease\n-----END CERTIFICATE-----\n`,
  );
  return {
    REDIS_URL: `rediss://10.64.16.${isCluster ? 2 : 3}:6379`,
    REDIS_CLUSTER: String(isCluster),
    REDIS_CA_CERTIFICATE: certificates.join(''),
  };
}
