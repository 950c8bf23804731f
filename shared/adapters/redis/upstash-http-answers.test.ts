import { describe, expect, test } from 'vitest';
import { Unavailable } from '../../errors.ts';
import { ABOUT_THE_COMMAND, CANNOT_SERVE } from '../../testing/contracts/redis-errors.ts';
import { answering, opened, serving } from '../../testing/servers/redis-over-http.ts';
import { RedisError } from './engine.ts';

describe('a response', () => {
  test.each(CANNOT_SERVE)('%j is Unavailable', async (error) => {
    const alone = opened(await answering(400, { error }));
    await expect(alone.get('k')).rejects.toThrow(Unavailable);
  });

  test.each(ABOUT_THE_COMMAND)('%j is an error about the command', async (error) => {
    await expect(opened(await answering(400, { error })).get('k')).rejects.toThrow(new RedisError(error));
  });

  // The texts of Upstash are those of https://upstash.com/docs/redis/troubleshooting, with the figures that users saw:
  // https://github.com/DIYgod/RSSHub/issues/20937 (requests of the month), https://github.com/wotschofsky/domain-digger/issues/36
  // (requests of the day). No page of Upstash has a text for bandwidth or for 10,000 commands a second.
  test.each([
    [
      'commands',
      'ERR max requests limit exceeded. Limit: 500000, Usage: 500000. See https://upstash.com/docs',
    ],
    [
      'commands',
      'ERR max daily request limit exceeded. Limit: 10000, Usage: 10001. See https://upstash.com/docs',
    ],
    ['memory', 'ERR DB capacity quota exceeded. Threshold: 268435456 bytes, Usage: 276006634 bytes'],
    ['memory', "OOM command not allowed when used memory > 'maxmemory'. script: f00, on @user_script:1."],
    [
      'memory',
      'ERR Error running script (call to f_0): @user_script:3: @user_script: 3: -OOM command not allowed',
    ],
    ['bandwidth', 'ERR max bandwidth limit exceeded'],
    ['bandwidth', 'ERR max monthly bandwidth quota exceeded.'],
    ['read-only', "READONLY You can't write against a read only replica. script: f00, on @user_script:1."],
    [undefined, 'LOADING Redis is loading the dataset in memory'],
    [undefined, 'ERR max concurrent connections exceeded'],
  ])('names the limit that Redis has reached: %s for %j', async (redisLimit, error) => {
    const expected = { name: 'Unavailable', part: 'seats', redisLimit };
    for (const status of [400, 429, 503]) {
      const alone = opened(await answering(status, { error }));
      await expect(alone.get('k')).rejects.toMatchObject(
        status === 429 ? { ...expected, redisLimit: redisLimit ?? 'commands' } : expected,
      );
    }
  });

  test.each(['', 'Too Many Requests', '{"error":"ERR slow down"}'])(
    'with HTTP status 429 and the text %j means that too many commands were sent',
    async (text) => {
      const url = await serving((response) => response.writeHead(429).end(text));
      await expect(opened(url).get('k')).rejects.toMatchObject({
        message: 'seats: HTTP 429',
        redisLimit: 'commands',
      });
    },
  );

  test.each([401, 403, 404, 429, 500, 502, 503])('with HTTP status %i is Unavailable', async (status) => {
    let requests = 0;
    const url = await serving((response) => {
      requests += 1;
      response.writeHead(status).end('{"error":"ERR whatever"}');
    });
    await expect(opened(url).get('k')).rejects.toThrow(`HTTP ${status}`);
    expect(requests).toBe(1);
  });

  test.each([
    [200, 'not JSON'],
    [200, ''],
    [200, '{}'],
    [200, '[]'],
    [200, 'null'],
    [400, '{"result":"OK"}'],
    [400, '<html>'],
  ])('with status %i and the text %j is Unavailable', async (status, text) => {
    const redis = opened(await serving((response) => response.writeHead(status).end(text)));
    await expect(redis.get('k')).rejects.toThrow(Unavailable);
  });

  test('of more than 8 MiB is Unavailable; a little less is read', async () => {
    const mebibyte = 1024 * 1024;
    const large = opened(await answering(200, { result: 'x'.repeat(8 * mebibyte) }));
    await expect(large.get('k')).rejects.toThrow(/8 MiB/);
    const fitting = opened(await answering(200, { result: 'x'.repeat(8 * mebibyte - 100) }));
    expect(await fitting.get('k')).toHaveLength(8 * mebibyte - 100);
  });
});
