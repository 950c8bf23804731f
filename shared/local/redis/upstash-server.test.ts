import { createHash } from 'node:crypto';
import { Redis } from '@upstash/redis';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { describeReal } from '../../testing/real-parts.ts';
import { startRedisServer } from '../../testing/servers/redis-server.ts';
import { startEmbeddedRedis } from './embedded-redis.ts';
import { startUpstashServer, type UpstashServer } from './upstash-server.ts';

const TOKEN = 'a-token';
const AWKWARD = [
  '123',
  '007',
  '1e21',
  'true',
  'null',
  '{"a":1}',
  '',
  'OK',
  'T0s=',
  'çé 雪🎟\r\n"\\',
  '18446744073709551616',
];

describe('the Upstash server on embedded Redis', () => {
  serverSuite(async () => {
    const redis = await startEmbeddedRedis();
    return { ...redis, end: () => redis.close() };
  });
});

describeReal('redis-server', 'the Upstash server on Redis', () => {
  serverSuite(async () => {
    const redis = await startRedisServer();
    return { ...redis, end: () => redis.stop() };
  });

  test('answers 503 while Redis is down, and works again when it is back', async () => {
    const first = await startRedisServer();
    const front = await startUpstashServer({ backend: first, token: TOKEN });
    try {
      expect((await post(front, '/', ['PING'])).status).toBe(200);
      await first.kill('SIGKILL');
      expect(await post(front, '/', ['PING'])).toEqual({ status: 503, body: { error: expect.any(String) } });

      const second = await startRedisServer({ port: first.port });
      expect(await post(front, '/', ['PING'])).toEqual({ status: 200, body: { result: 'PONG' } });
      await second.stop();
    } finally {
      await front.close();
      await first.stop();
    }
  });
});

function serverSuite(start: () => Promise<{ host: string; port: number; end(): Promise<void> }>): void {
  let backend: Awaited<ReturnType<typeof start>>;
  let front: UpstashServer;

  beforeAll(async () => {
    backend = await start();
    front = await startUpstashServer({ backend, token: TOKEN });
  });
  afterAll(async () => {
    await front.close();
    await backend.end();
  });
  beforeEach(async () => {
    await post(front, '/', ['FLUSHALL']);
  });

  describe("with Upstash's client", () => {
    const connect = () =>
      new Redis({ url: front.url, token: TOKEN, automaticDeserialization: false, retry: false });

    test.each(AWKWARD)('stores and returns %j as unchanged text', async (text) => {
      const redis = connect();
      expect(await redis.set('k', text)).toBe('OK');
      expect(await redis.get('k')).toBe(text);
      await redis.hset('h', { [text]: text });
      expect(await redis.hgetall('h')).toEqual([text, text]);
      expect(await redis.eval('return {ARGV[1], {ARGV[1]}}', [], [text])).toEqual([text, [text]]);
    });

    test('stores and reads hashes, sorted sets and streams', async () => {
      const redis = connect();
      expect(await redis.hset('h', { a: '1', b: 'x' })).toBe(2);
      expect(await redis.hgetall('h')).toEqual(['a', '1', 'b', 'x']);
      expect(await redis.hgetall('none')).toEqual([]);
      expect(await redis.zadd('z', { score: 2, member: '123' }, { score: 1, member: 'x' })).toBe(2);
      expect(await redis.zrange('z', 0, -1, { withScores: true })).toEqual(['x', '1', '123', '2']);
      expect(await redis.xadd('s', '1-1', { type: 'acquired', at: '5' })).toBe('1-1');
      expect(await redis.xlen('s')).toBe(1);
      expect(await redis.get('none')).toBeNull();
    });

    test('runs a pipeline in order, with a result or an error for each command', async () => {
      const pipeline = connect().pipeline().set('k', '007').get('k').lpush('k', 'x').incr('n');
      const outcomes = await pipeline.exec({ keepErrors: true });
      expect(outcomes.map(({ result }) => result)).toEqual(['OK', '007', undefined, 1]);
      expect(outcomes[2]?.error).toMatch(/^WRONGTYPE /);
    });

    test('runs a whole transaction, or nothing if one command cannot be queued', async () => {
      const redis = connect();
      expect(await redis.multi().set('k', '1').incr('k').get('k').exec()).toEqual(['OK', 2, '2']);
      // DEL without a key: Redis refuses to queue it.
      await expect(redis.multi().set('k', 'changed').del().exec()).rejects.toThrow(/EXECABORT/);
      expect(await redis.get('k')).toBe('2');
    });

    test('runs a script by its hash, and by its text when Redis does not have it', async () => {
      const redis = connect();
      const script = redis.createScript<string>('return ARGV[1]');
      expect(await script.exec([], ['first'])).toBe('first');
      expect(await redis.evalsha(script.sha1, [], ['second'])).toBe('second');
      await redis.scriptFlush();
      await expect(redis.evalsha(script.sha1, [], ['none'])).rejects.toThrow(/NOSCRIPT/);
      expect(await script.exec([], ['third'])).toBe('third');
    });

    test('reports an error of Redis', async () => {
      const redis = connect();
      await redis.set('k', 'text');
      await expect(redis.lpush('k', 'x')).rejects.toThrow(/WRONGTYPE/);
    });
  });

  test('runs no other request between the commands of a transaction', async () => {
    const transfer = [...Array(20).keys()].flatMap(() => [
      ['INCR', 'left'],
      ['DECR', 'right'],
    ]);
    const watch = [
      'EVAL',
      "return (redis.call('GET', 'left') or 0) + (redis.call('GET', 'right') or 0)",
      '0',
    ];
    const answers = await Promise.all(
      [...Array(40).keys()].map((n) =>
        n % 2 ? post(front, '/', watch) : post(front, '/multi-exec', transfer),
      ),
    );
    expect(answers.map(({ status }) => status)).toEqual(Array(40).fill(200));
    expect(answers.filter((_, n) => n % 2).map(({ body }) => body)).toEqual(Array(20).fill({ result: 0 }));
  });

  test('encodes every text but a top-level OK when the client asks for base64', async () => {
    const ask = (path: string, body: unknown) => post(front, path, body, { 'upstash-encoding': 'base64' });
    const b64 = (text: string) => Buffer.from(text).toString('base64');
    expect((await ask('/', ['SET', 'k', 'OK'])).body).toEqual({ result: 'OK' });
    expect((await ask('/', ['PING'])).body).toEqual({ result: b64('PONG') });
    expect((await ask('/', ['EVAL', "return {'OK', {'雪', 5, false}}", 0])).body).toEqual({
      result: [b64('OK'), [b64('雪'), 5, null]],
    });
    const batch = [
      ['SET', 'k', 'v'],
      ['GET', 'k'],
      ['LPUSH', 'k', 'x'],
    ];
    const items = [{ result: 'OK' }, { result: b64('v') }, { error: expect.stringMatching(/^WRONGTYPE /) }];
    expect((await ask('/pipeline', batch)).body).toEqual(items);
    expect((await ask('/multi-exec', batch)).body).toEqual(items);
  });

  test('converts numbers and booleans in a command to text', async () => {
    await post(front, '/', ['SET', 'k', 12.5]);
    await post(front, '/', ['APPEND', 'k', true]);
    expect((await post(front, '/', ['GET', 'k'])).body).toEqual({ result: '12.5true' });
  });

  test('answers 400 with the error when a single command fails', async () => {
    const { status, body } = await post(front, '/', ['EVALSHA', 'f'.repeat(40), '0']);
    expect(status).toBe(400);
    expect(body).toEqual({ error: expect.stringMatching(/^NOSCRIPT /) });
  });

  test.each([
    [['SUBSCRIBE', 'c']],
    [['psubscribe', 'c']],
    [['Monitor']],
    [['BLPOP', 'k', '0']],
    [['BZPOPMIN', 'k', '0']],
    [['WAIT', '1', '0']],
    [['WATCH', 'k']],
    [['MULTI']],
    [['EXEC']],
    [['SELECT', '1']],
    [['AUTH', 'x']],
    [['HELLO', '3']],
    [['CLIENT', 'REPLY', 'OFF']],
    [['RESET']],
    [['QUIT']],
    [['SHUTDOWN']],
    [['CONFIG', 'GET', '*']],
    [['DEBUG', 'SLEEP', '1']],
    [['SCRIPT', 'debug', 'YES']],
    [['XREAD', 'COUNT', '1', 'block', '0', 'STREAMS', 's', '$']],
    [['XREADGROUP', 'GROUP', 'g', 'STREAMS', 'BLOCK', '0', 'STREAMS', 's', '>']],
  ])('refuses %j, alone or in a batch, before any of the batch runs', async (command) => {
    const refused = { status: 400, body: { error: expect.stringContaining('not available over REST') } };
    expect(await post(front, '/', command)).toEqual(refused);
    expect(await post(front, '/pipeline', [['SET', 'ran', '1'], command])).toEqual(refused);
    expect(await post(front, '/multi-exec', [['SET', 'ran', '1'], command])).toEqual(refused);
    expect((await post(front, '/', ['GET', 'ran'])).body).toEqual({ result: null });
  });

  test.each([
    [['FUNCTION', 'LIST']],
    [['fcall', 'f', '0']],
    [['HEXPIRE', 'h', '1', 'FIELDS', '1', 'f']],
    [['PEXPIRETIME', 'k']],
  ])('refuses %j, which is newer than Redis 6.2', async (command) => {
    const refused = { status: 400, body: { error: expect.stringContaining('newer than Redis 6.2') } };
    expect(await post(front, '/', command)).toEqual(refused);
  });

  describe('a script', () => {
    const LOCKING = '#!lua flags=allow-key-locking\n';
    const run = (source: string, ...input: unknown[]) => post(front, '/', ['EVAL', source, ...input]);
    const refusedWith = (text: string) => ({ status: 400, body: { error: expect.stringContaining(text) } });

    test.each([
      ["redis.call('SET', KEYS[1], 'v') return redis.call('GET', KEYS[1])", 'v'],
      ["return redis.call('DEL', KEYS[1], KEYS[2])", 0],
      ["return redis.call('TIME')[3]", null],
      ['return redis.status_reply("FINE")', 'FINE'],
      ["return {1, 'two', {false, {}}, 4}", [1, 'two', [null, []], 4]],
      ['return false', null],
      ['', null],
    ])('that keeps to its keys runs with the flag as without it: %s', async (source, result) => {
      for (const line of ['', '#!lua\n', LOCKING])
        expect(await run(`${line}${source}`, 2, 'k', 'l')).toEqual({ status: 200, body: { result } });
    });

    test.each([
      "return redis.call('GET', 'other')",
      "return redis.call('get', ARGV[1])",
      "return redis.call('DEL', KEYS[1], 'other')",
      "local key = KEYS[1] .. 'x' return redis.pcall('SET', key, 'v')",
    ])('with the flag cannot use a key that is not in KEYS: %s', async (source) => {
      const before = (await post(front, '/', ['KEYS', '*'])).body;
      expect(await run(`${LOCKING}${source}`, 1, 'k', 'other')).toEqual(refusedWith('not in KEYS'));
      expect((await post(front, '/', ['KEYS', '*'])).body).toEqual(before);
      expect((await run(source, 1, 'k', 'other')).status).toBe(200);
    });

    test.each(['FLUSHALL', 'KEYS', 'SCAN', 'DBSIZE', 'PUBLISH', 'HEXPIRE'])(
      'cannot call %s, which needs the whole database or is too new',
      async (name) => {
        expect(await run(`${LOCKING}return redis.call('${name}', '0')`, 0)).toEqual(
          refusedWith('is not available in scripts'),
        );
      },
    );

    test('without writes cannot write', async () => {
      const line = '#!lua flags=no-writes,allow-key-locking\n';
      expect(await run(`${line}return redis.call('SET', KEYS[1], 'v')`, 1, 'k')).toEqual(
        refusedWith('Write commands are not allowed'),
      );
      expect((await run(`${line}return redis.call('GET', KEYS[1])`, 1, 'k')).body).toEqual({ result: null });
    });

    test.each([
      ['#!lua flags=no-such-flag\nreturn 1', 'Unexpected flag in script shebang: no-such-flag'],
      ['#!python\nreturn 1', 'Unexpected engine in script shebang: python'],
    ])('whose first line is %j is refused', async (source, error) => {
      expect(await run(source, 0)).toEqual(refusedWith(error));
    });

    test('has the digest of what was sent, whatever runs', async () => {
      const source = `${LOCKING}return KEYS[1]`;
      const digest = createHash('sha1').update(source).digest('hex');
      const bySource = await post(front, '/', ['EVALSHA', digest, 1, 'k']);
      expect(bySource).toEqual(refusedWith('NOSCRIPT'));
      expect((await post(front, '/', ['SCRIPT', 'LOAD', source])).body).toEqual({ result: digest });
      expect((await post(front, '/', ['EVALSHA', digest, 1, 'k'])).body).toEqual({ result: 'k' });
      expect((await post(front, '/', ['SCRIPT', 'EXISTS', digest])).body).toEqual({ result: [1] });
      const both = [
        ['EVALSHA', digest, 1, 'a'],
        ['EVALSHA', 'f'.repeat(40), 1, 'b'],
      ];
      const replies = [{ result: 'a' }, { error: expect.stringMatching(/^NOSCRIPT/) }];
      expect((await post(front, '/pipeline', both)).body).toEqual(replies);
      expect((await post(front, '/multi-exec', both)).body).toEqual(replies);
      await post(front, '/', ['SCRIPT', 'FLUSH']);
      expect(await post(front, '/', ['EVALSHA', digest, 1, 'k'])).toEqual(refusedWith('NOSCRIPT'));
    });

    test('is counted with the commands that it runs', async () => {
      const before = front.commandCount();
      await post(front, '/', ['GET', 'k']);
      expect(front.commandCount() - before).toBe(1);
      await run(`for i = 1, 5 do redis.call('INCR', KEYS[1]) end return redis.call('TIME')`, 1, 'n');
      expect(front.commandCount() - before).toBe(1 + 1 + 6);
    });
  });

  test('accepts streams, groups and consumers that are named like options', async () => {
    await post(front, '/', ['XADD', 'block', '1-1', 'a', 'b']);
    await post(front, '/', ['XGROUP', 'CREATE', 'block', 'block', '0']);
    const entries = [['block', [['1-1', ['a', 'b']]]]];
    expect((await post(front, '/', ['XREAD', 'STREAMS', 'block', '0'])).body).toEqual({ result: entries });
    const asConsumer = ['XREADGROUP', 'GROUP', 'block', 'BLOCK', 'STREAMS', 'block', '>'];
    expect((await post(front, '/', asConsumer)).body).toEqual({ result: entries });
  });

  test('at a limit of requests or bandwidth refuses every command, and works again after it', async () => {
    await post(front, '/', ['SET', 'k', 'v']);
    for (const limit of ['commands', 'bandwidth'] as const) {
      front.reach(limit);
      const refused = { status: 400, body: { error: expect.stringMatching(/^ERR max \S+ limit exceeded/) } };
      for (const command of [
        ['GET', 'k'],
        ['SET', 'k', 'w'],
        ['EVAL', 'return 1', 0],
      ])
        expect(await post(front, '/', command)).toEqual(refused);
      expect(await post(front, '/multi-exec', [['SET', 'k', 'w']])).toEqual(refused);
      expect(await post(front, '/pipeline', [['GET', 'k']])).toEqual({ status: 200, body: [refused.body] });
    }
    front.reach(undefined);
    expect((await post(front, '/', ['GET', 'k'])).body).toEqual({ result: 'v' });
  });

  test('at the limit of its size refuses writes and scripts, and serves reads and deletes', async () => {
    await post(front, '/', ['SET', 'k', 'v']);
    front.reach('memory');
    const error = expect.stringMatching(/^ERR DB capacity quota exceeded/);
    for (const command of [
      ['SET', 'k', 'w'],
      ['XADD', 's', '*', 'a', 'b'],
      ['EVAL', 'return 1', 0],
    ])
      expect(await post(front, '/', command)).toEqual({ status: 400, body: { error } });
    expect((await post(front, '/', ['PING'])).body).toEqual({ result: 'PONG' });
    expect((await post(front, '/', ['GET', 'k'])).body).toEqual({ result: 'v' });
    const batch = [
      ['GET', 'k'],
      ['SET', 'k', 'w'],
      ['DEL', 'k'],
    ];
    expect((await post(front, '/pipeline', batch)).body).toEqual([{ result: 'v' }, { error }, { result: 1 }]);
    front.reach(undefined);
  });

  test.each([
    ['/', '{"not": "a command"}'],
    ['/', '[]'],
    ['/', '[["GET", "k"]]'],
    ['/', '["GET", null]'],
    ['/', 'GET k'],
    ['/', ''],
    ['/pipeline', '[]'],
    ['/pipeline', '["GET", "k"]'],
    ['/multi-exec', '[[]]'],
  ])('%s refuses the body %j', async (path, body) => {
    expect(await postText(front, path, body)).toEqual({ status: 400, body: { error: expect.any(String) } });
  });

  test('refuses a wrong, a missing and a malformed token', async () => {
    for (const authorization of ['Bearer a-tokem', 'Bearer a-token ', 'Bearer', `Basic ${TOKEN}`, TOKEN]) {
      const refused = { status: 401, body: { error: expect.any(String) } };
      expect(await post(front, '/', ['SET', 'k', 'v'], { authorization: `${authorization}x` })).toEqual(
        refused,
      );
    }
    expect((await post(front, '/', ['GET', 'k'])).body).toEqual({ result: null });
  });

  test('refuses a body over 1 MiB, other methods and other paths', async () => {
    expect((await post(front, '/', ['SET', 'k', 'x'.repeat(1024 * 1024)])).status).toBe(413);
    expect((await post(front, '/', ['SET', 'k', 'x'.repeat(1024 * 1024 - 100)])).status).toBe(200);
    const headers = { authorization: `Bearer ${TOKEN}` };
    expect((await fetch(front.url, { headers })).status).toBe(405);
    expect((await post(front, '/set/k/v', [])).status).toBe(404);
  });
}

function post(front: UpstashServer, path: string, body: unknown, headers: Record<string, string> = {}) {
  return postText(front, path, JSON.stringify(body), headers);
}

async function postText(
  front: UpstashServer,
  path: string,
  body: string,
  headers: Record<string, string> = {},
) {
  const response = await fetch(`${front.url}${path}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${TOKEN}`, ...headers },
    body,
  });
  const answer: unknown = await response.json();
  return { status: response.status, body: answer };
}
