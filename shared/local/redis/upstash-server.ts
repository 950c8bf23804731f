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

/** A limit of the database's plan. */
export type PlanLimit = 'commands' | 'memory' | 'bandwidth';

export interface UpstashServer {
  readonly url: string;
  readonly token: string;
  /** From now on, the database is at this limit; `undefined`: at none. */
  reach(limit: PlanLimit | undefined): void;
  /** Closes every connection, also those with open requests. */
  close(): Promise<void>;
}

/**
 * Upstash's REST API in front of any Redis, on 127.0.0.1 only: for development, tests and self-hosting, so that the
 * production adapter runs everywhere.
 *
 * `POST /` accepts one command, `POST /pipeline` several, `POST /multi-exec` several as one transaction. If one command
 * of a batch is refused, none of the batch runs. Answers are `{result}` or `{error}`: 400 for what Redis or this server
 * refuses, 401 for a wrong token, 413 for a body over 1 MiB, 503 when Redis is unavailable. The server also starts
 * while Redis is down and works as soon as Redis does. `port` defaults to a free one; a taken one rejects.
 *
 * `reach` brings it to a limit of a plan at Upstash. At the limit of commands or bandwidth every command is refused, at
 * that of its size only writes are (https://upstash.com/docs/redis/troubleshooting/db_capacity_quota_exceeded). The
 * page is silent about scripts; here they count as writes, as in Redis.
 */
export async function startUpstashServer(options: {
  readonly backend: RespOptions;
  readonly token: string;
  readonly port?: number;
}): Promise<UpstashServer> {
  const backend = limited(respClient(options.backend));
  const isAuthorized = secretMatcher(`Bearer ${options.token}`);
  const server = http.createServer(
    { keepAliveTimeout: KEEP_ALIVE_MS, noDelay: true },
    (incoming, outgoing) => {
      answer(backend, isAuthorized, incoming)
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

async function answer(
  backend: RespClient,
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
      return runOne(backend, read(commandSchema, text), encode);
    case '/pipeline':
      return runPipeline(backend, read(batchSchema, text), encode);
    case '/multi-exec':
      return runTransaction(backend, read(batchSchema, text), encode);
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

async function runOne(backend: RespClient, command: string[], encode: Encoder): Promise<HttpReply> {
  refuseUnsupported([command]);
  const item = itemOf(await backend.command(command), encode);
  return { status: 'error' in item ? 400 : 200, body: item };
}

async function runPipeline(backend: RespClient, commands: string[][], encode: Encoder): Promise<HttpReply> {
  refuseUnsupported(commands);
  const replies = await backend.pipeline(commands);
  return { status: 200, body: replies.map((reply) => itemOf(reply, encode)) };
}

async function runTransaction(
  backend: RespClient,
  commands: string[][],
  encode: Encoder,
): Promise<HttpReply> {
  refuseUnsupported(commands);
  // One pipeline: on the shared connection, no command of another request can run between MULTI and EXEC.
  const replies = await backend.pipeline([['MULTI'], ...commands, ['EXEC']]);
  const executed = replies.at(-1);
  if (executed instanceof ErrorReply) throw new Refused(400, executed.message);
  if (!Array.isArray(executed)) throw new TypeError('EXEC must return a list, because no key is watched.');
  return { status: 200, body: executed.map((reply) => itemOf(reply, encode)) };
}

function refuseUnsupported(commands: string[][]): void {
  for (const [name = '', ...args] of commands) {
    const verb = name.toUpperCase();
    if (REFUSED.has(verb) || (verb === 'SCRIPT' && args[0]?.toUpperCase() === 'DEBUG')) {
      throw new Refused(400, `ERR ${verb} is not available over REST`);
    }
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
