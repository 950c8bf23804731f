import http, { type IncomingMessage, type ServerResponse } from 'node:http';
import { ErrorReply } from '@redis/client';
import * as z from 'zod/mini';
import { secretMatcher } from '../../domain/secret.ts';
import {
  ConnectionLost,
  type RespClient,
  type RespOptions,
  type RespReply,
  respClient,
} from './resp-client.ts';
import { type Translated, type UpstashScripts, upstashScripts } from './upstash-scripts.ts';

const MAX_BODY_BYTES = 1024 * 1024;
const KEEP_ALIVE_MS = 60_000;

/** Upstash accepts numbers and booleans in a command; Redis accepts only text. */
const word = z.pipe(z.union([z.string(), z.number(), z.boolean()]), z.transform(String));
const commandSchema = z.array(word).check(z.minLength(1));
const batchSchema = z.array(commandSchema).check(z.minLength(1));

/**
 * Commands that would block the one connection that all requests share, change its state for later requests, or
 * administer the server. Upstash's REST API does not have them either.
 */
const REFUSED = new Set(
  `SUBSCRIBE UNSUBSCRIBE PSUBSCRIBE PUNSUBSCRIBE SSUBSCRIBE SUNSUBSCRIBE MONITOR
   BLPOP BRPOP BRPOPLPUSH BLMOVE BLMPOP BZPOPMIN BZPOPMAX BZMPOP WAIT WAITAOF
   WATCH UNWATCH MULTI EXEC DISCARD SELECT SWAPDB AUTH HELLO CLIENT QUIT RESET READONLY READWRITE ASKING
   SHUTDOWN CONFIG DEBUG ACL MODULE CLUSTER LATENCY SAVE BGSAVE BGREWRITEAOF MIGRATE
   SYNC PSYNC REPLCONF REPLICAOF SLAVEOF FAILOVER`.split(/\s+/),
);

/**
 * Commands that are newer than Redis 6.2. Upstash has most of them today
 * (https://upstash.com/docs/redis/overall/rediscompatibility), but not every Redis that Seatlease runs on.
 */
const TOO_NEW = new Set(
  `FUNCTION FCALL FCALL_RO EVAL_RO EVALSHA_RO EXPIRETIME PEXPIRETIME LMPOP ZMPOP SINTERCARD ZINTERCARD LCS HEXPIRE
   HPEXPIRE HEXPIREAT HPEXPIREAT HEXPIRETIME HPEXPIRETIME HTTL HPTTL HPERSIST HGETDEL HGETEX HSETEX XDELEX
   XACKDEL`.split(/\s+/),
);

/** A limit of the database's plan. */
export type PlanLimit = 'commands' | 'memory' | 'bandwidth';

export interface UpstashServer {
  readonly url: string;
  readonly token: string;
  /** From now on, the database is at this limit; `undefined`: at none. */
  reach(limit: PlanLimit | undefined): void;
  /**
   * Commands so far, with those that scripts have run: Upstash counts these too
   * (https://upstash.com/docs/redis/sdks/ratelimit-ts/costs). A script that failed counts as one.
   */
  commandCount(): number;
  /** Closes every connection, also those with open requests. */
  close(): Promise<void>;
}

/**
 * Upstash's REST API in front of any Redis, on 127.0.0.1 only, for tests.
 *
 * `POST /` accepts one command, `POST /pipeline` several, `POST /multi-exec` several as one transaction. If one command
 * of a batch is refused, none of the batch runs. Answers are `{result}` or `{error}`: 400 for what Redis or this server
 * refuses, 401 for a wrong token, 413 for a body over 1 MiB, 503 when Redis is unavailable. The server also starts
 * while Redis is down and works as soon as Redis does. `port` defaults to a free one; a taken one rejects.
 *
 * `reach` brings it to a limit of a plan at Upstash. At the limit of commands or bandwidth every command is refused, at
 * that of its size only writes are (https://upstash.com/docs/redis/troubleshooting/db_capacity_quota_exceeded). The
 * page is silent about scripts; here they count as writes, as in Redis.
 *
 * Scripts keep to the flags of their first line, see `upstashScripts` for them and for `readableKeys`.
 */
export async function startUpstashServer(options: {
  readonly backend: RespOptions;
  readonly token: string;
  readonly port?: number;
  readonly readableKeys?: string | undefined;
}): Promise<UpstashServer> {
  const backend = limited(respClient(options.backend));
  let commandCount = 0;
  const count = (commands: number): void => {
    commandCount += commands;
  };
  const scripts = upstashScripts({ count, readableKeys: options.readableKeys });
  const database: Database = { backend, scripts, count };
  const isAuthorized = secretMatcher(`Bearer ${options.token}`);
  const server = http.createServer(
    { keepAliveTimeout: KEEP_ALIVE_MS, noDelay: true },
    (incoming, outgoing) => {
      answer(database, isAuthorized, incoming)
        .catch(asReply)
        .then((reply) => write(outgoing, reply))
        .catch(() => outgoing.destroy());
    },
  );
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port ?? 0, '127.0.0.1', resolve);
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new TypeError('The server has no port.');
  return {
    url: `http://127.0.0.1:${address.port}`,
    token: options.token,
    reach: backend.reach,
    commandCount: () => commandCount,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
        backend.close();
      }),
  };
}

/** The errors of a database at its limit; that for the bandwidth is not documented. */
const LIMIT_ERRORS: Readonly<Record<PlanLimit, string>> = {
  commands: 'ERR max requests limit exceeded. Limit: 500000, Usage: 500000.',
  memory: 'ERR DB capacity quota exceeded. Threshold: 268435456 bytes, Usage: 276006634 bytes',
  bandwidth: 'ERR max bandwidth limit exceeded',
};

/** What a full database still runs, of the commands that the suite and its tests send. */
const WITHOUT_MEMORY = new Set(
  `PING GET TTL PTTL TYPE KEYS DBSIZE TIME HGET HGETALL HMGET HLEN ZCARD ZCOUNT ZSCORE ZRANGE ZRANGEBYLEX ZRANGEBYSCORE
   XLEN XRANGE DEL UNLINK HDEL ZREM XDEL MULTI EXEC`.split(/\s+/),
);

/** A backend that refuses commands while it is at a limit. */
function limited(backend: RespClient): RespClient & { reach(limit: PlanLimit | undefined): void } {
  let reached: PlanLimit | undefined;

  /** The reply to each refused command; `undefined` for those that are sent. */
  function refusalOf([name = '']: readonly string[]): ErrorReply | undefined {
    const isRefused = reached && !(reached === 'memory' && WITHOUT_MEMORY.has(name.toUpperCase()));
    return reached && isRefused ? new ErrorReply(LIMIT_ERRORS[reached]) : undefined;
  }

  async function pipeline(commands: readonly (readonly string[])[]): Promise<RespReply[]> {
    const refusals = commands.map(refusalOf);
    if (!refusals.some(Boolean)) return backend.pipeline(commands);
    // Redis discards a transaction with a refused command.
    if (commands[0]?.[0] === 'MULTI') return refusals.filter((each) => each !== undefined).slice(0, 1);
    const sent = await backend.pipeline(commands.filter((_, n) => !refusals[n]));
    return refusals.map((refusal) => refusal ?? sent.shift() ?? null);
  }

  return {
    pipeline,
    async command(args) {
      return refusalOf(args) ?? backend.command(args);
    },
    close: () => backend.close(),
    reach(limit) {
      reached = limit;
    },
  };
}

interface HttpReply {
  readonly status: number;
  readonly body: unknown;
}

/** Ends a request with an HTTP status other than 200. */
class Refused extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

function asReply(error: unknown): HttpReply {
  if (error instanceof Refused) return { status: error.status, body: { error: error.message } };
  if (error instanceof ConnectionLost) return { status: 503, body: { error: 'ERR Redis is unavailable' } };
  return { status: 500, body: { error: 'ERR internal error' } };
}

function write(outgoing: ServerResponse, { status, body }: HttpReply): void {
  const text = JSON.stringify(body);
  outgoing.writeHead(status, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(text),
  });
  outgoing.end(text);
}

interface Database {
  readonly backend: RespClient;
  readonly scripts: UpstashScripts;
  count(commands: number): void;
}

async function answer(
  database: Database,
  isAuthorized: (header: string) => boolean,
  incoming: IncomingMessage,
): Promise<HttpReply> {
  // Read the body first: a client that still sends it would see an early answer as a reset connection.
  const text = await readBody(incoming);
  if (!isAuthorized(incoming.headers.authorization ?? ''))
    throw new Refused(401, 'WRONGPASS invalid or missing auth token');
  if (incoming.method !== 'POST') throw new Refused(405, 'ERR only POST is served');
  if (text === undefined) throw new Refused(413, 'ERR max request size exceeded');

  const encode = encoderFor(incoming.headers['upstash-encoding']);
  switch (incoming.url) {
    case '/':
      return runOne(database, read(commandSchema, text), encode);
    case '/pipeline':
      return runPipeline(database, read(batchSchema, text), encode);
    case '/multi-exec':
      return runTransaction(database, read(batchSchema, text), encode);
    default:
      throw new Refused(404, 'ERR only /, /pipeline and /multi-exec are served');
  }
}

/** The body, or `undefined` if it is too large. The rest of a large body is read and dropped. */
async function readBody(incoming: IncomingMessage): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of incoming) {
    bytes += chunk.length;
    if (bytes <= MAX_BODY_BYTES) chunks.push(chunk);
  }
  return bytes <= MAX_BODY_BYTES ? Buffer.concat(chunks).toString('utf8') : undefined;
}

function read<T>(schema: z.ZodMiniType<T>, text: string): T {
  const parsed = schema.safeParse(parseJson(text));
  if (!parsed.success) throw new Refused(400, 'ERR the body is not a command, or not a list of commands');
  return parsed.data;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new Refused(400, 'ERR the body is not JSON');
  }
}

async function runOne(database: Database, command: string[], encode: Encoder): Promise<HttpReply> {
  const [reply = null] = await run(database, [command]);
  const item = itemOf(reply, encode);
  return { status: 'error' in item ? 400 : 200, body: item };
}

async function runPipeline(database: Database, commands: string[][], encode: Encoder): Promise<HttpReply> {
  const replies = await run(database, commands);
  return { status: 200, body: replies.map((reply) => itemOf(reply, encode)) };
}

async function run({ backend, scripts, count }: Database, commands: string[][]): Promise<RespReply[]> {
  refuseUnsupported(commands);
  count(commands.length);
  const translated = commands.map((command) => scripts.translate(command));
  const sent = translated.filter((each): each is Translated => !(each instanceof ErrorReply));
  const replies = await backend.pipeline(sent.map(({ command }) => command));
  return translated.map((each) => (each instanceof ErrorReply ? each : each.read(replies.shift() ?? null)));
}

async function runTransaction(
  { backend, scripts, count }: Database,
  commands: string[][],
  encode: Encoder,
): Promise<HttpReply> {
  refuseUnsupported(commands);
  count(commands.length);
  const translated = commands.map((command) => scripts.translate(command));
  // Redis finds out only when it runs the transaction, and goes on with its other commands.
  const queued = translated.map((each) =>
    each instanceof ErrorReply ? ['EVALSHA', UNKNOWN_DIGEST, '0'] : each.command,
  );
  // One pipeline: on the shared connection, no command of another request can run between MULTI and EXEC.
  const replies = await backend.pipeline([['MULTI'], ...queued, ['EXEC']]);
  const executed = replies.at(-1);
  if (executed instanceof ErrorReply) throw new Refused(400, executed.message);
  if (!Array.isArray(executed)) throw new TypeError('EXEC must return a list, because no key is watched.');
  const items = executed.map((reply, n) => {
    const each = translated[n];
    return itemOf(each === undefined || each instanceof ErrorReply ? reply : each.read(reply), encode);
  });
  return { status: 200, body: items };
}

const UNKNOWN_DIGEST = '0'.repeat(40);

function refuseUnsupported(commands: string[][]): void {
  for (const [name = '', ...args] of commands) {
    const verb = name.toUpperCase();
    if (REFUSED.has(verb) || (verb === 'SCRIPT' && args[0]?.toUpperCase() === 'DEBUG')) {
      throw new Refused(400, `ERR ${verb} is not available over REST`);
    }
    if (TOO_NEW.has(verb)) throw new Refused(400, `ERR ${verb} is newer than Redis 6.2`);
    if ((verb === 'XREAD' || verb === 'XREADGROUP') && blocks(args)) {
      throw new Refused(400, `ERR ${verb} with BLOCK is not available over REST`);
    }
  }
}

/** Looks for BLOCK among the options only, because a stream, group or consumer can have that name. */
function blocks(args: string[]): boolean {
  const optionWords: Readonly<Record<string, number>> = { GROUP: 3, COUNT: 2 };
  for (let at = 0; at < args.length; ) {
    const option = args[at]?.toUpperCase() ?? '';
    if (option === 'BLOCK') return true;
    if (option === 'STREAMS') return false;
    at += optionWords[option] ?? 1;
  }
  return false;
}

type Encoder = (text: string) => string;

function encoderFor(encoding: string | string[] | undefined): Encoder {
  return encoding === 'base64' ? (text) => Buffer.from(text).toString('base64') : (text) => text;
}

function itemOf(reply: RespReply, encode: Encoder): { result: unknown } | { error: string } {
  if (reply instanceof ErrorReply) return { error: reply.message };
  // Upstash does not encode OK, and its client relies on that.
  return { result: reply === 'OK' ? reply : encoded(reply, encode) };
}

/** An error inside a list becomes text, because Upstash's format has no other place for it. */
function encoded(reply: RespReply, encode: Encoder): unknown {
  if (reply instanceof ErrorReply) return encode(reply.message);
  if (Array.isArray(reply)) return reply.map((item) => encoded(item, encode));
  return typeof reply === 'string' ? encode(reply) : reply;
}
