import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, test, vi } from 'vitest';
import { ConfigError } from '../shared/config.ts';
import type { FunctionContract } from '../shared/http/contract.ts';
import { deployed } from './deployed.ts';
import { readFunctionConfig } from './function-config.ts';
import contract from './health/contract.ts';
import { MANIFEST } from './manifest.ts';
import { deployedEnvironment } from './testing/deployed-environment.ts';

afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
});

test('a deployed function reports an invalid environment only in the log, and serves once it is corrected', async () => {
  const write = vi.spyOn(process.stdout, 'write').mockReturnValue(true);
  const health = deployed(contract, () => import('./health/handler.ts'));
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

    for (const [name, value] of Object.entries(deployedEnvironment())) vi.stubEnv(name, value);
    expect((await ask()).status).toBe(200);
    vi.unstubAllEnvs();
    expect((await ask()).status).toBe(200);
  } finally {
    server.closeAllConnections();
    server.close();
  }
});

test('a function that anyone can call does not start if it would trust checks of Cloud Run', () => {
  const environment = deployedEnvironment({ SERVICE_TOKENS: 'checked-by-cloud-run' });
  const isRefused = (of: FunctionContract): boolean => {
    try {
      readFunctionConfig(of, environment);
      return false;
    } catch (error) {
      expect(error).toBeInstanceOf(ConfigError);
      expect(String(error)).toContain('SERVICE_TOKENS: must be signed');
      return true;
    }
  };
  expect(MANIFEST.filter((of) => !isRefused(of)).map(({ name }) => name)).toEqual(['record-event', 'sweep']);
});
