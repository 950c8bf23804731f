import { createHash } from 'node:crypto';
import { ErrorReply } from '@redis/client';
import type { RespReply } from './resp-client.ts';

/** The commands that a script can call here, by where their keys are. All of Redis 6.2. */
const COMMANDS = {
  none: { reads: 'TIME PING ECHO', writes: '' },
  first: {
    reads: `GET STRLEN GETRANGE TTL PTTL TYPE HGET HGETALL HMGET HLEN HEXISTS HKEYS HVALS HSCAN HSTRLEN LLEN LRANGE LINDEX
      SCARD SISMEMBER SMISMEMBER SMEMBERS ZCARD ZCOUNT ZSCORE ZMSCORE ZRANGE ZRANGEBYLEX ZRANGEBYSCORE ZREVRANGE
      ZREVRANGEBYSCORE ZREVRANGEBYLEX ZRANK ZREVRANK ZLEXCOUNT ZSCAN XLEN XRANGE XREVRANGE GETBIT BITCOUNT`,
    writes: `SET SETEX PSETEX SETNX GETSET GETDEL GETEX APPEND INCR DECR INCRBY DECRBY INCRBYFLOAT EXPIRE PEXPIRE EXPIREAT
      PEXPIREAT PERSIST HSET HSETNX HMSET HDEL HINCRBY HINCRBYFLOAT LPUSH RPUSH LPOP RPOP LREM LTRIM LSET SADD SREM SPOP
      ZADD ZREM ZINCRBY ZREMRANGEBYSCORE ZREMRANGEBYRANK ZREMRANGEBYLEX ZPOPMIN ZPOPMAX XADD XDEL XTRIM SETBIT`,
  },
  all: { reads: 'EXISTS TOUCH MGET SUNION SINTER SDIFF', writes: 'DEL UNLINK RENAME' },
} as const;

interface Known {
  readonly keys: keyof typeof COMMANDS;
  readonly isWrite: boolean;
}

const KNOWN: ReadonlyMap<string, Known> = new Map(
  (['none', 'first', 'all'] as const).flatMap((keys) => {
    const { reads, writes } = COMMANDS[keys];
    const named = (names: string, isWrite: boolean): [string, Known][] =>
      names
        .split(/\s+/)
        .filter(Boolean)
        .map((name) => [name, { keys, isWrite }]);
    return [...named(reads, false), ...named(writes, true)];
  }),
);

/** https://redis.io/docs/latest/develop/programmability/lua-api/#script_flags, and Upstash's own. */
const FLAGS = new Set([
  'allow-key-locking',
  'no-writes',
  'allow-oom',
  'allow-stale',
  'no-cluster',
  'allow-cross-slot-keys',
]);

/** A command as the Redis behind this server gets it, and how its reply is read. */
export interface Translated {
  readonly command: readonly string[];
  /** The reply that the caller gets. Counts the commands that the script has run. */
  read(reply: RespReply): RespReply;
}

export interface UpstashScripts {
  translate(command: readonly string[]): Translated | ErrorReply;
}

/**
 * Runs scripts as Upstash does on a Redis that knows neither its first line nor its flags: each script gets a `redis`
 * that checks and counts what it calls.
 *
 * With `allow-key-locking`, a key that is not in KEYS is an error, as are commands on the whole database
 * (https://upstash.com/docs/redis/features/key-locking); with `no-writes`, a command that writes. Without flags nothing
 * of that is checked. The texts of these errors are not documented. Digests are those of the source that was sent.
 *
 * Here no script can call a command whose keys this file does not know, or that is newer than Redis 6.2.
 * `readableKeys` is the beginning of keys that every script can read, for a test that replaces TIME by a key.
 */
export function upstashScripts(options: {
  count(commands: number): void;
  readonly readableKeys?: string | undefined;
}): UpstashScripts {
  /** By the digest of the source that was sent. */
  const digests = new Map<string, string>();

  function readRun(reply: RespReply): RespReply {
    if (!Array.isArray(reply)) return reply;
    const [calls, own = null] = reply;
    options.count(Number(calls));
    return own;
  }

  function wrapOf(source: string): string | ErrorReply {
    const wrapped = wrap(source, options.readableKeys ?? '');
    if (typeof wrapped === 'string') digests.set(digestOf(source), digestOf(wrapped));
    return wrapped;
  }

  return {
    translate(command) {
      const [name = '', first = '', ...rest] = command;
      switch (name.toUpperCase()) {
        case 'EVAL': {
          const wrapped = wrapOf(first);
          if (typeof wrapped !== 'string') return wrapped;
          return { command: [name, wrapped, ...rest], read: readRun };
        }
        case 'EVALSHA': {
          const digest = digests.get(first.toLowerCase());
          if (digest === undefined) return new ErrorReply('NOSCRIPT No matching script. Please use EVAL.');
          return { command: [name, digest, ...rest], read: readRun };
        }
        case 'SCRIPT':
          return translateScript(command, first.toUpperCase(), rest);
        default:
          return { command, read: (reply) => reply };
      }
    },
  };

  function translateScript(
    command: readonly string[],
    verb: string,
    rest: readonly string[],
  ): Translated | ErrorReply {
    const source = rest[0] ?? '';
    if (verb === 'EXISTS')
      return {
        command: ['SCRIPT', 'EXISTS', ...rest.map((each) => digests.get(each.toLowerCase()) ?? each)],
        read: (reply) => reply,
      };
    if (verb !== 'LOAD') return { command, read: (reply) => reply };
    const wrapped = wrapOf(source);
    if (typeof wrapped !== 'string') return wrapped;
    return {
      command: ['SCRIPT', 'LOAD', wrapped],
      read: (reply) => (reply instanceof ErrorReply ? reply : digestOf(source)),
    };
  }
}

function digestOf(source: string): string {
  return createHash('sha1').update(source).digest('hex');
}

function wrap(source: string, readableKeys: string): string | ErrorReply {
  const [line, engine, listed] = /^#!(\S*)(?: +flags=(\S*))?[^\n]*\n?/.exec(source) ?? [];
  if (line !== undefined && engine !== 'lua')
    return new ErrorReply(`ERR Unexpected engine in script shebang: ${engine}`);
  const flags = (listed ?? '').split(',').filter(Boolean);
  const unknown = flags.find((flag) => !FLAGS.has(flag));
  if (unknown) return new ErrorReply(`ERR Unexpected flag in script shebang: ${unknown}`);

  // Only the names that the script can mean, so that the check costs little.
  const quoted = new Set([...source.matchAll(/['"](\w+)['"]/g)].map(([, word = '']) => word.toUpperCase()));
  const commands = [...KNOWN]
    .filter(([name]) => quoted.has(name))
    .map(([name, { keys, isWrite }]) => `${name} = { '${keys}', ${isWrite} }`);
  return `
local upstash_redis, upstash_calls, upstash_declared = redis, 0, {}
local upstash_commands = { ${commands.join(', ')} }
for _, key in ipairs(KEYS) do upstash_declared[key] = true end
local function upstash_check(name, ...)
  local known = upstash_commands[string.upper(name)]
  if not known then error('' .. name .. ' is not available in scripts here', 0) end
  if ${flags.includes('no-writes')} and known[2] then
    error('Write commands are not allowed from read-only scripts', 0)
  end
  if ${!flags.includes('allow-key-locking')} or known[1] == 'none' then return end
  for i, key in ipairs({ ... }) do
    if i > 1 and known[1] == 'first' then break end
    local is_readable = ${readableKeys !== ''} and string.sub(key, 1, ${readableKeys.length}) == '${readableKeys}'
    if not upstash_declared[key] and not (is_readable and not known[2]) then
      error('the script uses a key that is not in KEYS', 0)
    end
  end
end
local function upstash_call(method)
  return function(...)
    upstash_check(...)
    upstash_calls = upstash_calls + 1
    return upstash_redis[method](...)
  end
end
local redis = setmetatable({ call = upstash_call('call'), pcall = upstash_call('pcall') }, { __index = upstash_redis })
local function upstash_script()
${source.slice(line?.length ?? 0)}
end
local upstash_reply = upstash_script()
if upstash_reply == nil then upstash_reply = false end
return { upstash_calls, upstash_reply }`;
}
