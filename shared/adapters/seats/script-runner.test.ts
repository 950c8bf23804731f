import { expect, test } from 'vitest';
import { answering } from '../../testing/servers/redis-over-http.ts';
import { redisEngine } from '../redis/redis-protocol.ts';
import { httpRequester } from '../redis/upstash-http.ts';

test('a script locks only its keys on Upstash, and has no first line on other servers, which refuse the flag', async () => {
  const upstash = httpRequester({ url: await answering(200, {}), token: 'token' });
  const redis = redisEngine({ url: 'redis://127.0.0.1:9' });
  const prefixesOf = (isReadOnly: boolean) =>
    [upstash, redis].map((engine) => engine.scriptPrefix({ isReadOnly }));
  expect(prefixesOf(false)).toEqual(['#!lua flags=allow-key-locking\n', '']);
  expect(prefixesOf(true)).toEqual(['#!lua flags=no-writes,allow-key-locking\n', '']);
});
