import { type RedisLimit, Unavailable } from '../../errors.ts';

/** A command with its arguments. Redis gets a number as its digits. */
export type RedisCommand = readonly (string | number)[];

/**
 * One way to send commands to Redis: Upstash's REST API (`upstash-http.ts`), or the Redis protocol to a server or a
 * cluster (`redis-protocol.ts`). Seats, their maintenance and rate limits run on each of them.
 *
 * All engines keep one promise. If Redis is unavailable (no connection, no response in time, an unreadable response,
 * with REST also one larger than 8 MiB, a Redis error about the server's state such as `LOADING`), a call throws
 * `Unavailable('seats')`, with the limit if Redis has reached one. A Redis error about the command throws `RedisError`.
 * No command waits for Redis to come back: a call ends within `timeoutMs`. A command whose connection is lost is retried
 * once in a call, in a cluster a few times, so it may run more than once: every script must be idempotent for its
 * request. Error messages contain neither credentials nor arguments. Idle connections do not keep the process alive.
 */
export interface RedisEngine {
  /** Limit for one call from its start to its last response, including its retries. */
  readonly timeoutMs: number;

  /** Sends one command and returns the reply as Redis sent it. The commands of one call share its time and its retry. */
  command(command: RedisCommand, call?: Call): Promise<unknown>;

  /** What must precede the source of a script: a first line with its line break, or nothing. */
  scriptPrefix(script: { readonly isReadOnly: boolean }): string;

  /** Closes all connections. Commands in flight, and later ones, are `Unavailable`. */
  close(): void;
}

/** One call, which can need several commands. */
export interface Call {
  /** On the `performance.now()` clock. */
  readonly deadlineMs: number;
  retriesLeft: number;
}

export const DEFAULT_TIMEOUT_MS = 1_200;
export const MAX_ANSWER_BYTES = 8 * 1024 * 1024;
const MAX_ERROR_CHARACTERS = 300;

/** A call that starts now. */
export function startCall(timeoutMs: number): Call {
  return { deadlineMs: performance.now() + timeoutMs, retriesLeft: 1 };
}

/** Redis answered with an error about the command: `NOSCRIPT …`, `WRONGTYPE …`, `EXECABORT …`. */
export class RedisError extends Error {
  override readonly name = 'RedisError';
}

/** Connection losses that are worth a retry. Others (a name not found, an invalid certificate) will not change. */
const CONNECTION_LOSSES: readonly unknown[] = ['ECONNRESET', 'ECONNREFUSED', 'EPIPE'];

/** Runs `send` again if the connection was lost and the call has its retry left. Throws `Unavailable` or `RedisError`. */
export async function sendAtMostTwice<T>(
  call: Call,
  send: () => Promise<T>,
  beforeRetry?: () => unknown,
): Promise<T> {
  try {
    return await send();
  } catch (error) {
    if (call.retriesLeft === 0 || !isConnectionLoss(error)) throw asUnavailable(error);
  }
  call.retriesLeft -= 1;
  await beforeRetry?.();
  try {
    return await send();
  } catch (error) {
    throw asUnavailable(error);
  }
}

function isConnectionLoss(error: unknown): boolean {
  return CONNECTION_LOSSES.includes(codeOf(error));
}

/** A Redis error as it is, and any other one as `Unavailable`. */
function asUnavailable(error: unknown): Unavailable | RedisError {
  if (error instanceof Unavailable || error instanceof RedisError) return error;
  return new Unavailable('seats', `connection failed (${codeOf(error) ?? 'no code'})`, { cause: error });
}

function codeOf(error: unknown): string | undefined {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return typeof code === 'string' ? code : undefined;
}

/**
 * Redis errors about the server's state, not about the command. Redis 6.2 wraps an error raised inside a script as
 * `ERR Error running script …: -OOM command not allowed …`, so the code may follow a dash.
 */
const CANNOT_SERVE_CODE =
  /(?:^|[\s:]-)(LOADING|READONLY|MASTERDOWN|BUSY|OOM|CLUSTERDOWN|TRYAGAIN|MISCONF|NOREPLICAS|NOAUTH|WRONGPASS|NOPERM)\b/;

/**
 * The errors of a Redis that refuses commands until an operator acts. The texts of Upstash are those of its pages
 * (https://upstash.com/docs/redis/troubleshooting, `max_requests_limit`, `max_daily_request_limit`,
 * `db_capacity_quota_exceeded`). It documents no text for a used-up bandwidth: a guess that follows the others.
 */
const LIMIT_ERRORS: readonly (readonly [RegExp, RedisLimit])[] = [
  [/(?:^|[\s:-])OOM\b/, 'memory'],
  [/(?:^|[\s:-])READONLY\b/, 'read-only'],
  [/DB capacity quota exceeded/i, 'memory'],
  [/max (?:daily )?requests? limit exceeded/i, 'commands'],
  [/bandwidth\b.* exceeded/i, 'bandwidth'],
];
const OTHER_QUOTA = /max concurrent connections exceeded/i;

/** The error to throw for an error reply of Redis. */
export function refusalOf(message: string): Unavailable | RedisError {
  const code = CANNOT_SERVE_CODE.exec(message)?.[1];
  const redisLimit = limitIn(message);
  if (code) return new Unavailable('seats', `Redis answered ${code}`, { redisLimit });
  if (redisLimit)
    return new Unavailable('seats', `the database has reached its limit of ${redisLimit}`, { redisLimit });
  if (OTHER_QUOTA.test(message)) return new Unavailable('seats', 'a quota of the database is exceeded');
  return new RedisError(withoutArguments(message));
}

export function limitIn(error: string): RedisLimit | undefined {
  return LIMIT_ERRORS.find(([pattern]) => pattern.test(error))?.[1];
}

/** Redis quotes the arguments after an unknown command's name. */
function withoutArguments(message: string): string {
  return message.replace(/,?\s*with args beginning with:[\s\S]*$/i, '').slice(0, MAX_ERROR_CHARACTERS);
}

export function noAnswer(timeoutMs: number): Unavailable {
  return new Unavailable('seats', `no answer within ${timeoutMs} ms`);
}

export function tooLarge(): Unavailable {
  return new Unavailable('seats', 'the response is larger than 8 MiB');
}

export function unreadable(): Unavailable {
  return new Unavailable('seats', 'the response is unreadable');
}
