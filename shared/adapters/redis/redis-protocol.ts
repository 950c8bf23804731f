import net from 'node:net';
import type tls from 'node:tls';
import { Cluster, Command, Redis, type RedisOptions, ReplyError } from 'iovalkey';
import { Unavailable } from '../../errors.ts';
import {
  type Call,
  DEFAULT_TIMEOUT_MS,
  noAnswer,
  type RedisEngine,
  refusalOf,
  sendAtMostTwice,
  startCall,
  unreadable,
} from './engine.ts';

const DEFAULT_PORT = 6379;
const KEEP_ALIVE_MS = 60_000;

/** How often a command in a cluster is sent again: to the node that serves its slot, or 100 ms after a loss. */
const MAX_REDIRECTIONS = 5;

/** The number of nodes that a call has time to ask for the slots if they do not answer. */
const NODES_ASKED = 3;

/**
 * If a cluster has not replied for this many times `timeoutMs`, its nodes are looked up again, starting from the URL too:
 * they may all have new addresses, and the library never goes back to the URL.
 */
const SILENT_CALLS = 3;

export interface RedisProtocolOptions {
  /** `redis:` or `rediss:` (TLS), with user and password if the server wants them, and the number of a database. */
  readonly url: string;
  /** Whether the URL is a node of a Redis Cluster, from which the others are found. Default: no. */
  readonly isCluster?: boolean | undefined;
  /**
   * Certificates in PEM of the authorities that sign the server's certificate, in place of the public ones. Then the name
   * in the certificate is not compared: Memorystore puts an IP address into its common name
   * (https://github.com/envoyproxy/ratelimit/pull/409), where TLS clients no longer look, and gives each instance an
   * authority of its own (https://docs.cloud.google.com/memorystore/docs/valkey/about-in-transit-encryption). Pass only
   * an authority that signs for this Redis alone.
   */
  readonly caCertificate?: string | undefined;
  /** Limit for one call, including retries and the time to connect. Default: 1,200. */
  readonly timeoutMs?: number | undefined;
}

// As Redis sent it: a list. The library would return an object.
Command.setReplyTransformer('hgetall', (reply) => reply);

/**
 * The Redis protocol (RESP2), for Redis, Valkey, Memorystore and Redis Cloud, by iovalkey, the client of the Valkey
 * project. It has one connection to each server, which the first command opens.
 *
 * Two things are done here and not by the library. The deadline of a call: the library's `commandTimeout` does not count
 * the time in which the nodes of a cluster are unknown (https://github.com/redis/ioredis/issues/1604). And reconnecting:
 * the next call opens a new connection, because the library would keep the process alive, and resend commands whose
 * callers have given up. No command is sent before the server has accepted the user, the password and the database.
 *
 * What can happen to a command:
 * - On a single server, it is sent at most twice, and never after its deadline. A connection on which a call got no reply
 *   in time takes no further command.
 * - In a cluster, the library sends it up to 6 times because of `MOVED`, `ASK`, `TRYAGAIN`, `CLUSTERDOWN` or a lost
 *   connection, and again if all nodes are lost and found again. The library does not know the deadline: a
 *   command for a node that hangs can still run if the node continues within about `4 * timeoutMs`. A node that sends
 *   nothing for `timeoutMs` loses its connection, and the client asks for the slots again. Otherwise it would wait for
 *   TCP (https://github.com/redis/ioredis/issues/559).
 *
 * A server that needs no password is used even if the URL has one; the library then logs a warning. The nodes of a
 * cluster must report their addresses (not `cluster-preferred-endpoint-type unknown-endpoint`). While a server loads its
 * data, calls get no answer in time.
 *
 * Measured with Node 24 on one core, bundled, on loopback: 42 ms from the import to the first reply, 38 µs a call, 21 µs
 * with ten calls at a time.
 */
export function redisEngine(options: RedisProtocolOptions): RedisEngine {
  const timeoutMs = options.timeoutMs ?? DEFAULT_TIMEOUT_MS;
  const { seed, ...access } = readUrl(options);
  const server: RedisOptions = {
    ...access,
    // IPv6, too.
    family: 0,
    lazyConnect: true,
    connectTimeout: timeoutMs,
    disconnectTimeout: timeoutMs,
    keepAlive: KEEP_ALIVE_MS,
  };
  const silenceMs = options.isCluster ? SILENT_CALLS * timeoutMs : 0;
  let connection: Connection | undefined;
  let isClosed = false;

  function open(): Connection {
    if (!options.isCluster) return connect(serverAt(seed, server));
    const known = connection?.client instanceof Cluster ? connection.client.nodes().map(addressOf) : [];
    return connect(clusterAt([seed, ...known], server, timeoutMs));
  }

  function usable(): Connection {
    if (isClosed) throw new Unavailable('seats', 'the connection was closed');
    if (!connection || connection.isStale || isEnded(connection.client)) connection = open();
    return connection;
  }

  async function send(name: string, words: readonly string[], call: Call): Promise<unknown> {
    const used = usable();
    const sent = used.ready.then(() => {
      if (performance.now() >= call.deadlineMs) throw noAnswer(timeoutMs);
      return used.client.call(name, ...words);
    });
    try {
      const reply = await within(sent, call.deadlineMs, timeoutMs);
      used.answeredAtMs = performance.now();
      return reply;
    } catch (error) {
      const isReply = isErrorReply(error);
      if (isReply) used.answeredAtMs = performance.now();
      // A primary that became a replica keeps its connections; its name leads to the new primary.
      const isLost = !isReply || (!options.isCluster && error.message.startsWith('READONLY'));
      if (isLost && performance.now() - used.answeredAtMs >= silenceMs) retire(used);
      throw failureOf(error, name);
    }
  }

  return {
    timeoutMs,
    // Redis 7.0 refuses a script with a flag that it does not know, and Redis 6.2 the whole line.
    scriptPrefix: () => '',
    async command([name, ...args], call = startCall(timeoutMs)) {
      // The library finds the keys of commands in small letters only.
      const lowerName = String(name).toLowerCase();
      const words = args.map(String);
      return sendAtMostTwice(call, () => send(lowerName, words, call));
    },
    close() {
      isClosed = true;
      if (connection) retire(connection);
    },
  };
}

interface Address {
  readonly host: string;
  readonly port: number;
}

interface Connection {
  readonly client: Redis | Cluster;
  /** Rejects with the reason why it could not connect. */
  readonly ready: Promise<void>;
  /** On the `performance.now()` clock: when it was opened, or Redis last replied to a command. */
  answeredAtMs: number;
  /** Whether later commands need another connection. */
  isStale: boolean;
}

function connect(client: Redis | Cluster): Connection {
  const { promise: ready, resolve, reject } = Promise.withResolvers<void>();
  const connection = { client, ready, answeredAtMs: performance.now(), isStale: false };
  client.on('error', (error) => {
    connection.isStale = true;
    // Of a cluster, that of a node says more.
    reject('lastNodeError' in error ? error.lastNodeError : error);
  });
  client.connect().then(resolve, reject);
  ready.catch(() => {});
  return connection;
}

/** Commands in flight may still get their replies. */
function retire(connection: Connection): void {
  connection.isStale = true;
  if (!isEnded(connection.client)) connection.client.disconnect();
}

function isEnded({ status }: Redis | Cluster): boolean {
  return status === 'close' || status === 'end';
}

function serverAt(address: Address, options: RedisOptions): Redis {
  const server = new Redis({ ...options, ...address, retryStrategy: () => null, enableOfflineQueue: false });
  watch(server);
  return server;
}

function clusterAt(addresses: Address[], options: RedisOptions, timeoutMs: number): Cluster {
  const cluster = new Cluster(addresses, {
    lazyConnect: true,
    clusterRetryStrategy: () => null,
    enableOfflineQueue: false,
    // A cluster of which a part is down serves the rest.
    enableReadyCheck: false,
    maxRedirections: MAX_REDIRECTIONS,
    slotsRefreshTimeout: timeoutMs / NODES_ASKED,
    // Names stay names, which each connection resolves.
    dnsLookup: (host, found) => found(null, host),
    redisOptions: { ...options, socketTimeout: timeoutMs },
  });
  return cluster.on('+node', watch);
}

/** After any error the library would keep reading, and replies could go to other commands. */
function watch(server: Redis): void {
  server.on('error', () => server.disconnect());
  server.on('connect', () => server.stream.unref());
}

function addressOf({ options: { host = '', port = DEFAULT_PORT } }: Redis): Address {
  return { host, port };
}

/** Rejects at the deadline if `work` is not done by then. */
async function within<T>(work: Promise<T>, deadlineMs: number, timeoutMs: number): Promise<T> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(
    () => late.reject(noAnswer(timeoutMs)),
    Math.max(0, deadlineMs - performance.now()),
  );
  try {
    return await Promise.race([work, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}

/** The error to throw for one of the library, which can carry a command with its arguments, also those of AUTH. */
function failureOf(error: unknown, name: string): Error {
  if (error instanceof Unavailable) return error;
  if (!(error instanceof Error)) return unreadable();
  if (isErrorReply(error)) return failureOfReply(error, name);
  // Of Node: a connection that failed.
  if ('code' in error) return error;
  if (error.name === 'ParserError') return unreadable();
  if (/^(Too many Cluster redirections|None of startup nodes is available)/.test(error.message))
    return new Unavailable('seats', 'no node of the cluster serves the slot of the keys');
  // The slots were not answered in time, or the connection was closed.
  return withCode(error.message === 'timeout' ? 'ETIMEDOUT' : 'ECONNRESET');
}

/** With the command that it answers. */
type ErrorReply = Error & { readonly command?: { readonly name: string } };

function isErrorReply(error: unknown): error is ErrorReply {
  return error instanceof ReplyError;
}

function failureOfReply(error: ErrorReply, name: string): Error {
  if (/^(MOVED|ASK) \d/.test(error.message))
    return new Unavailable('seats', 'Redis is a cluster: set REDIS_CLUSTER=true');
  const refusal = refusalOf(error.message);
  const refused = error.command?.name ?? name;
  if (refused === name || refusal instanceof Unavailable) return refusal;
  // The library's own command. The text may differ between servers, and could quote the user.
  return new Unavailable('seats', `Redis refused ${refused.toUpperCase()}`);
}

/** As Node reports it. */
function withCode(code: string): Error {
  return Object.assign(new Error('the connection was lost'), { code });
}

function readUrl({ url, caCertificate, isCluster }: RedisProtocolOptions) {
  const { protocol, hostname, port, username, password, pathname } = new URL(url);
  const host = hostname.replace(/^\[(.*)\]$/, '$1');
  const user = decodeURIComponent(username);
  return {
    seed: { host, port: Number(port || DEFAULT_PORT) },
    ...(password && { password: decodeURIComponent(password), ...(user && { username: user }) }),
    // A cluster has one database.
    ...(isCluster ? {} : { db: Number(pathname.slice(1)) }),
    ...(protocol === 'rediss:' && { tls: tlsOptions(host, caCertificate) }),
  };
}

function tlsOptions(host: string, caCertificate: string | undefined): tls.ConnectionOptions {
  return {
    ...(net.isIP(host) ? {} : { servername: host }),
    ...(caCertificate === undefined ? {} : { ca: caCertificate, checkServerIdentity: () => undefined }),
  };
}
