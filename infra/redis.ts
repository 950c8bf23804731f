import * as compute from '@pulumi/gcp/compute/index.js';
import * as memorystore from '@pulumi/gcp/memorystore/index.js';
import * as networkconnectivity from '@pulumi/gcp/networkconnectivity/index.js';
import type { CustomResourceOptions, Output } from '@pulumi/pulumi';
import type { FromMemorystore } from './environment.ts';
import { REDIS_INSTANCE, REDIS_NETWORK } from './names.ts';
import { after } from './project.ts';
import type { StackSettings } from './settings.ts';

/** The Memorystore instance of the stack, and what a function needs to reach it. */
export interface Memorystore {
  readonly instance: memorystore.Instance;
  readonly environment: Readonly<Record<FromMemorystore, Output<string>>>;
  /** Fields of a function's `serviceConfig`. */
  readonly egress: {
    readonly directVpcEgress: string;
    readonly directVpcNetworkInterfaces: { network: Output<string>; subnetwork: Output<string> }[];
  };
}

/**
 * Functions take two addresses an instance, twice as many while a deploy replaces them, and 16 at a time
 * (https://docs.cloud.google.com/run/docs/configuring/vpc-direct-vpc#direct-vpc-ip-allocation): 4,096 are enough for about
 * 1,000 instances. No other network knows these ranges.
 */
const RANGE_OF_FUNCTIONS = '10.64.0.0/20';

/** An instance has two endpoints. Nothing else may take their addresses (https://cloud.google.com/vpc/docs/about-service-connection-policies). */
const RANGE_OF_ENDPOINTS = '10.64.16.0/28';

/**
 * Creates the Memorystore for Valkey instance and its network, if the stack keeps its seats there.
 *
 * The service connection policy lets Memorystore create endpoints in a subnet. The instance must wait for it, although it
 * uses none of its outputs (https://docs.cloud.google.com/memorystore/docs/valkey/networking; the examples of
 * https://registry.terraform.io/providers/hashicorp/google/latest/docs/resources/memorystore_instance).
 */
export function makeMemorystore(
  settings: StackSettings,
  options: CustomResourceOptions,
): Memorystore | undefined {
  const { redis, project, region, protect } = settings;
  if (redis.kind !== 'memorystore') return undefined;
  const network = new compute.Network(
    REDIS_NETWORK,
    { name: REDIS_NETWORK, autoCreateSubnetworks: false },
    options,
  );
  const subnet = (name: string, ipCidrRange: string) =>
    new compute.Subnetwork(name, { name, region, network: network.id, ipCidrRange }, options);
  const ofFunctions = subnet(REDIS_NETWORK, RANGE_OF_FUNCTIONS);
  const ofEndpoints = subnet(`${REDIS_NETWORK}-endpoints`, RANGE_OF_ENDPOINTS);
  const policy = new networkconnectivity.ServiceConnectionPolicy(
    REDIS_NETWORK,
    {
      name: REDIS_NETWORK,
      location: region,
      serviceClass: 'gcp-memorystore',
      network: network.id,
      pscConfig: { subnetworks: [ofEndpoints.id] },
    },
    options,
  );
  const isCluster = redis.shards > 1;
  const instance = new memorystore.Instance(
    REDIS_INSTANCE,
    {
      instanceId: REDIS_INSTANCE,
      location: region,
      engineVersion: 'VALKEY_8_0',
      // A mode cannot be changed later (https://docs.cloud.google.com/memorystore/docs/valkey/cluster-mode-enabled-and-disabled).
      mode: isCluster ? 'CLUSTER' : 'CLUSTER_DISABLED',
      shardCount: redis.shards,
      nodeType: redis.nodeType,
      // A replica in another zone takes over with the seats, without waiting for a restart
      // (https://docs.cloud.google.com/memorystore/docs/valkey/ha-and-replicas).
      replicaCount: redis.replicas,
      zoneDistributionConfig: { mode: 'MULTI_ZONE' },
      // If all nodes of a shard stop, at most the last second is lost. Snapshots would lose an hour: longer than a lease.
      // Writing at each command would make every acquire wait for a disk, and a failover loses unreplicated writes all the
      // same (https://docs.cloud.google.com/memorystore/docs/valkey/about-aof-persistence).
      persistenceConfig: { mode: 'AOF', aofConfig: { appendFsync: 'EVERY_SEC' } },
      // The default, volatile-lru, deletes keys that have an expiry when memory is full
      // (https://docs.cloud.google.com/memorystore/docs/valkey/supported-instance-configurations).
      engineConfigs: { 'maxmemory-policy': 'noeviction' },
      transitEncryptionMode: 'SERVER_AUTHENTICATION',
      // Only functions are in the network. With IAM_AUTH, the password would be an access token that ends after an hour, and
      // functions have a fixed one (https://docs.cloud.google.com/memorystore/docs/valkey/about-iam-auth). The provider has
      // TOKEN_AUTH only in its beta. Neither this nor the encryption can be changed later.
      authorizationMode: 'AUTH_DISABLED',
      // Not desiredPscAutoConnections, which the provider deprecates.
      desiredAutoCreatedEndpoints: [{ network: network.id, projectId: project }],
      deletionProtectionEnabled: protect,
    },
    { ...after(options, policy), protect },
  );
  return {
    instance,
    environment: {
      REDIS_URL: addressOf(instance, isCluster ? 'CONNECTION_TYPE_DISCOVERY' : 'CONNECTION_TYPE_PRIMARY'),
      REDIS_CA_CERTIFICATE: authoritiesOf(instance),
    },
    egress: {
      // Stripe, Google and the like are reached as without a network, without a NAT gateway
      // (https://docs.cloud.google.com/functions/docs/running/direct-vpc).
      directVpcEgress: 'VPC_EGRESS_PRIVATE_RANGES_ONLY',
      directVpcNetworkInterfaces: [{ network: network.name, subnetwork: ofFunctions.name }],
    },
  };
}

/**
 * The address of the primary, also after a failover; of a cluster, that from which clients find the nodes
 * (https://docs.cloud.google.com/memorystore/docs/valkey/connect-instance). Fails the deploy if there is none.
 */
function addressOf({ endpoints }: memorystore.Instance, type: string): Output<string> {
  return endpoints.apply((each) => {
    const found = each
      .flatMap(({ connections = [] }) => connections)
      .find(({ pscAutoConnection }) => pscAutoConnection?.connectionType === type)?.pscAutoConnection;
    if (!found) throw new Error(`The Memorystore instance ${REDIS_INSTANCE} has no ${type}.`);
    return `rediss://${found.ipAddress}:${found.port}`;
  });
}

/**
 * All authorities of the instance, which has its own. Each is valid for ten years, and the next one appears five years
 * before (https://docs.cloud.google.com/memorystore/docs/valkey/manage-in-transit-encryption): `pulumi refresh` and a deploy
 * let functions trust it too.
 */
function authoritiesOf({ managedServerCas }: memorystore.Instance): Output<string> {
  return managedServerCas.apply((all) => {
    const certificates = all.flatMap(({ caCerts }) => caCerts).flatMap((chain) => chain.certificates);
    if (certificates.length === 0)
      throw new Error(`The Memorystore instance ${REDIS_INSTANCE} names no certificate authority.`);
    return certificates.map((certificate) => `${certificate.trim()}\n`).join('');
  });
}
