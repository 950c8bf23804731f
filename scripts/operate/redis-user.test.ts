import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openTestSuite, type TestSuite } from '../../functions/testing/suite.ts';
import { respClient } from '../../shared/local/redis/resp-client.ts';
import { describeReal } from '../../shared/testing/real-parts.ts';
import { type RedisServer, startRedisServer } from '../../shared/testing/servers/redis-server.ts';
import { codeBlocksOf } from '../checks/markdown.ts';

/** The commands for Redis in the runbook, each as a list of words. */
const COMMANDS = codeBlocksOf(readFileSync('infra/README.md', 'utf8'))
  .filter(({ language }) => language === 'redis')
  .flatMap(({ code }) => code.split('\n'))
  .map((line) => line.split(' '));

describeReal('redis-server', "the runbook's Redis user", () => {
  let redis: RedisServer;
  let suite: TestSuite;

  async function asAdmin(...command: string[]): Promise<unknown> {
    const client = respClient({ host: redis.host, port: redis.port });
    try {
      return await client.command(command);
    } finally {
      client.close();
    }
  }

  beforeAll(async () => {
    redis = await startRedisServer();
    const create = COMMANDS.find(([, verb]) => verb === 'SETUSER');
    expect(await asAdmin(...(create ?? []))).toBe('OK');
    suite = await openTestSuite({
      REDIS_URL: `redis://seatlease-1:the-token@${redis.host}:${redis.port}`,
      SHARDS: '1',
    });
  });
  afterAll(async () => {
    await suite?.close();
    await redis?.stop();
  });

  test('is created and deleted by commands for Upstash', () => {
    expect(COMMANDS.map(([command, verb, user]) => [command, verb, user])).toEqual([
      ['ACL', 'GENTOKEN', 'seatlease-1'],
      ['ACL', 'SETUSER', 'seatlease-1'],
      ['ACL', 'DELUSER', 'seatlease-1'],
    ]);
  });

  test('may do all that the functions do', async () => {
    const license = await suite.createLicense({ max: 2 });
    const { body } = await license.acquire('machine');
    expect((await license.heartbeat({ session_id: body.session_id })).status).toBe(200);
    expect((await license.release(body.session_id)).status).toBe(204);
    expect((await suite.sweep()).body).toMatchObject({ unavailable: [], complete: true });
    expect((await suite.operate('GET', '/health?deep=1')).status).toBe(200);
  });

  test.each(['FLUSHALL', 'CONFIG GET maxmemory', 'KEYS *', 'ACL LIST'])('may not %s', async (command) => {
    const client = respClient({
      host: redis.host,
      port: redis.port,
      username: 'seatlease-1',
      password: 'the-token',
    });
    const reply = await client.command(command.split(' '));
    client.close();
    expect(String(reply)).toContain('NOPERM');
  });
});
