import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, test, vi } from 'vitest';
import { health } from './index.ts';

afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
});

test('a deployed function names its bad environment to the log alone, and serves once that is put right', async () => {
  const write = vi.spyOn(process.stdout, 'write').mockReturnValue(true);
  const server = createServer((request, response) => void health(request, response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const ask = () => fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}/health`);
  try {
    vi.stubEnv('K_SERVICE', 'health');
    vi.stubEnv('OPERATOR_KEY', 'too short');
    const refused = await ask();
    expect(refused.status).toBe(500);
    expect(await refused.text()).not.toMatch(/OPERATOR_KEY|GOOGLE_CLOUD_PROJECT/);
    const line = write.mock.calls.map(([text]) => String(text)).find((text) => text.includes('health 500'));
    expect(line).toContain('OPERATOR_KEY: needs at least 32 characters');
    expect(line).toContain('GOOGLE_CLOUD_PROJECT: is not set');

    const key = 'a-key-for-tests-0123456789abcdef012345';
    for (const name of ['OPERATOR_KEY', 'SESSION_TOKEN_KEYS', 'ACCESS_TOKEN_KEYS', 'PSEUDONYM_KEY'])
      vi.stubEnv(name, key);
    vi.stubEnv('UPSTASH_REDIS_REST_URL', 'https://nothing.invalid');
    vi.stubEnv('UPSTASH_REDIS_REST_TOKEN', 'token');
    vi.stubEnv('GOOGLE_CLOUD_PROJECT', 'no-such-project');
    vi.stubEnv('PUBLIC_URL', 'https://no-such.example');
    vi.stubEnv('EVENTS_TOPIC', 'no-such-topic');
    vi.stubEnv('SERVICE_AUDIENCE', 'https://no-such.example');
    vi.stubEnv('SCHEDULER_ACCOUNT', 'scheduler@no-such.example');
    vi.stubEnv('PUSH_ACCOUNT', 'pubsub@no-such.example');
    vi.stubEnv('SIGNING_KEY_VERSION', 'projects/p/locations/l/keyRings/r/cryptoKeys/k/cryptoKeyVersions/1');
    expect((await ask()).status).toBe(200);
    vi.unstubAllEnvs();
    expect((await ask()).status).toBe(200);
  } finally {
    server.closeAllConnections();
    server.close();
  }
});
