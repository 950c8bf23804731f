import { setTimeout as sleep } from 'node:timers/promises';
import { ErrorReply } from '@redis/client';
import { type RespClient, type RespReply, respClient } from '../../local/redis/resp-client.ts';
import { freePort } from './free-port.ts';
import { type RedisServer, startRedisServer } from './redis-server.ts';

const SHARDS = 3;
const SLOTS = 16_384;
/** A primary that is unreachable for this long is replaced about a second later. */
const NODE_TIMEOUT_MS = 1_000;
const START_TIMEOUT_MS = 30_000;
const POLL_MS = 20;

export interface ClusterNode extends RedisServer {
  readonly id: string;
  readonly redis: RespClient;
}

export interface RedisCluster {
  /** Six nodes; at the start the first three are primaries, and each of the others is the replica of one. */
  readonly nodes: readonly ClusterNode[];
  /** URL of any node. */
  readonly url: string;
  /** The nodes that are primaries now, in the order of `nodes`. Nodes that hang or ended are left out. */
  primaries(): Promise<ClusterNode[]>;
  /** The primary that serves the slot of this key now. */
  primaryOf(key: string): Promise<ClusterNode>;
  /** Moves the slot of this key, with its keys, to another primary; calls `halfway` while both nodes have some. */
  moveSlot(key: string, halfway?: () => Promise<void>): Promise<void>;
  stop(): Promise<void>;
}

/**
 * Starts a Redis Cluster of three primaries with a replica each on 127.0.0.1. Resolves when every node serves and every
 * replica has its primary's data.
 */
export async function startRedisCluster(): Promise<RedisCluster> {
  const servers = await Promise.all(Array.from({ length: 2 * SHARDS }, startNode));
  const stop = async (): Promise<void> => {
    for (const { redis } of nodes) redis.close();
    await Promise.all(servers.map((server) => server.stop()));
  };
  const nodes: ClusterNode[] = [];
  try {
    for (const server of servers) {
      const redis = respClient(server);
      nodes.push({ ...server, redis, id: await textOf(redis, ['CLUSTER', 'MYID']) });
    }
    await join(nodes, servers);
  } catch (error) {
    await stop();
    throw error;
  }

  /** The reply of a node that serves. */
  async function ask(command: readonly string[]): Promise<string> {
    for (const node of nodes) {
      const text = await Promise.race([textOf(node.redis, command).catch(() => ''), sleep(500, '')]);
      if (text) return text;
    }
    throw new Error('No node of the cluster answers.');
  }

  /** The lines of `CLUSTER NODES`. */
  async function view(): Promise<string[][]> {
    const text = await ask(['CLUSTER', 'NODES']);
    return text
      .trim()
      .split('\n')
      .map((line) => line.split(' '));
  }

  const slotOf = async (key: string): Promise<number> => Number(await ask(['CLUSTER', 'KEYSLOT', key]));

  const cluster: RedisCluster = {
    nodes,
    url: `redis://${nodes[0]?.host}:${nodes[0]?.port}`,
    async primaries() {
      const seen = await view();
      return nodes.filter(({ id }) => {
        const flags = seen.find(([each]) => each === id)?.[2]?.split(',') ?? [];
        return flags.includes('master') && !flags.some((flag) => flag.startsWith('fail'));
      });
    },
    async primaryOf(key) {
      const slot = await slotOf(key);
      const owner = (await view()).find(([, , flags = '', , , , , , ...ranges]) => {
        if (!flags.includes('master') || flags.includes('fail')) return false;
        return ranges.some((range) => {
          const [first = 0, last = first] = range.split('-').map(Number);
          return first <= slot && slot <= last;
        });
      });
      const node = nodes.find(({ id }) => id === owner?.[0]);
      if (!node) throw new Error(`No primary serves slot ${slot}.`);
      return node;
    },
    async moveSlot(key, halfway = async () => {}) {
      const slot = String(await slotOf(key));
      const primaries = await cluster.primaries();
      const from = await cluster.primaryOf(key);
      const to = primaries.find(({ id }) => id !== from.id);
      if (!to) throw new Error('There is no other primary.');
      await textOf(to.redis, ['CLUSTER', 'SETSLOT', slot, 'IMPORTING', from.id]);
      await textOf(from.redis, ['CLUSTER', 'SETSLOT', slot, 'MIGRATING', to.id]);
      const migrate = async (limit: string): Promise<number> => {
        const keys = await from.redis.command(['CLUSTER', 'GETKEYSINSLOT', slot, limit]);
        if (!Array.isArray(keys) || keys.length === 0) return 0;
        const target = [to.host, String(to.port), '', '0', '5000', 'KEYS', ...keys.map(String)];
        await textOf(from.redis, ['MIGRATE', ...target]);
        return keys.length;
      };
      await migrate('1');
      await halfway();
      while ((await migrate('100')) > 0);
      for (const node of [to, from, ...primaries])
        await textOf(node.redis, ['CLUSTER', 'SETSLOT', slot, 'NODE', to.id]);
    },
    stop,
  };
  return cluster;
}

async function startNode(): Promise<RedisServer> {
  const args = {
    'cluster-enabled': 'yes',
    'cluster-port': String(await freePort()),
    'cluster-node-timeout': String(NODE_TIMEOUT_MS),
    // A replica may always replace its primary, however long it had no connection.
    'cluster-replica-validity-factor': '0',
    'repl-diskless-sync-delay': '0',
  };
  return startRedisServer({ args: Object.entries(args).flatMap(([name, value]) => [`--${name}`, value]) });
}

async function join(nodes: readonly ClusterNode[], servers: readonly RedisServer[]): Promise<void> {
  const [first] = nodes;
  if (!first) throw new TypeError('A cluster has nodes.');
  for (const [n, { redis }] of nodes.slice(0, SHARDS).entries()) {
    await textOf(redis, ['CLUSTER', 'SET-CONFIG-EPOCH', String(n + 1)]);
    const [from, to] = [n, n + 1].map((each) => Math.ceil((each * SLOTS) / SHARDS));
    await textOf(redis, ['CLUSTER', 'ADDSLOTSRANGE', String(from), String(Number(to) - 1)]);
  }
  for (const { redis, host, port } of nodes.slice(1)) {
    const bus = await busPortOf(redis);
    await textOf(first.redis, ['CLUSTER', 'MEET', host, String(port), bus]);
  }
  await until(nodes, ['CLUSTER', 'INFO'], (text) =>
    text.includes(`cluster_known_nodes:${servers.length}\r\n`),
  );
  for (const [n, { redis }] of nodes.slice(SHARDS).entries()) {
    await textOf(redis, ['CLUSTER', 'REPLICATE', nodes[n]?.id ?? '']);
  }
  await until(nodes.slice(SHARDS), ['INFO', 'replication'], (text) => text.includes('master_link_status:up'));
  await until(nodes, ['CLUSTER', 'INFO'], (text) => text.includes('cluster_state:ok'));
  // Every node knows every replica as one.
  await until(nodes, ['CLUSTER', 'NODES'], (text) => countReplicas(text) === SHARDS);
}

function countReplicas(text: string): number {
  return text.split('\n').filter((line) => /[ ,]slave /.test(line)).length;
}

async function busPortOf(redis: RespClient): Promise<string> {
  const reply = await redis.command(['CONFIG', 'GET', 'cluster-port']);
  return Array.isArray(reply) ? String(reply[1]) : '';
}

async function until(
  nodes: readonly ClusterNode[],
  command: readonly string[],
  isDone: (text: string) => boolean,
): Promise<void> {
  const startedAtMs = performance.now();
  for (const { redis } of nodes) {
    while (!isDone(await textOf(redis, command))) {
      if (performance.now() - startedAtMs > START_TIMEOUT_MS)
        throw new Error(`The cluster did not start: ${command.join(' ')}`);
      await sleep(POLL_MS);
    }
  }
}

async function textOf(redis: RespClient, command: readonly string[]): Promise<string> {
  const reply: RespReply = await redis.command(command);
  if (reply instanceof ErrorReply) throw reply;
  return String(reply);
}
