import { afterEach, expect, test, vi } from 'vitest';
import { newLicenseKey } from '../domain/ids.ts';
import { OPERATOR_KEY, openTestSuite } from '../testing/suite.ts';
import { logToStandardOutput } from './log.ts';

afterEach(() => {
  vi.restoreAllMocks();
});

test('an entry is one line of JSON with its time, whatever is in it', () => {
  const write = vi.spyOn(process.stdout, 'write').mockReturnValue(true);
  logToStandardOutput({ severity: 'ERROR', message: 'two\nlines', because: 'Error: x\n    at y' });
  const [line] = write.mock.calls[0] ?? [];
  expect(line).toMatch(/^\{"time":"[^"]+Z","severity":"ERROR","message":"two\\nlines".*\}\n$/);
  expect(String(line).split('\n')).toHaveLength(2);
});

test('a whole day of a customer leaves no key, token or word about a person or machine in the log', async () => {
  const told = {
    fingerprint: 'fingerprint-of-ada',
    hostname: 'host-of-ada',
    user_id: 'ada@example.com',
    process_id: 'process-of-ada',
    app_version: 'version-of-ada',
  };
  let isFaulty = false;
  const suite = await openTestSuite({}, (deps) => ({
    ...deps,
    projectId: 'project-1',
    seats: {
      ...deps.seats,
      heartbeat: (request) => {
        if (isFaulty) throw new Error('a fault while beating');
        return deps.seats.heartbeat(request);
      },
    },
  }));
  const license = await suite.createLicense({ max: 1 });
  const { fingerprint, ...more } = told;
  const { session_id, session_token } = (await license.acquire(fingerprint, more)).body;
  await license.acquire(`${fingerprint}-2`, more);
  await license.acquire(fingerprint, { ...more, colour: 'red' });
  await license.heartbeat({ session_id, session_token });
  await license.heartbeat({ session_id, session_token: `${session_token}x` });
  isFaulty = true;
  expect((await license.heartbeat({ session_id, session_token })).status).toBe(500);
  isFaulty = false;
  const wrongKey = newLicenseKey(license.licenseId);
  for (const authorization of [`License ${wrongKey}`, `Operator ${wrongKey}`, `Bearer ${wrongKey}`]) {
    await suite.call('POST', `/api/v1/licenses/acquire?fingerprint=${fingerprint}`, {
      authorization,
      body: told,
    });
  }
  const path = `/api/v1/licenses/${license.licenseId}`;
  await suite.operate('GET', `/api/v1/sessions?license_id=${license.licenseId}`);
  const rotated = (await suite.operate('POST', `${path}/rotate-key`, { overlap_seconds: 60 })).body
    .license_key;
  await suite.operate('PATCH', path, { status: 'suspended' });
  await license.acquire(fingerprint, more);
  await suite.operate('GET', `${path}/${fingerprint}`);
  await suite.operate('DELETE', `/api/v1/licenses/sessions/${session_id}`);
  await license.release(session_id);
  await suite.operate('GET', '/health?deep=1');
  await suite.close();

  expect(suite.logged.length).toBeGreaterThanOrEqual(17);
  const log = JSON.stringify(suite.logged);
  const secrets = [license.key, rotated, wrongKey, OPERATOR_KEY, session_token, session_token.split('.')[1]];
  for (const word of [...secrets, ...Object.values(told)]) expect(log).not.toContain(word);
  expect(log).not.toMatch(/slk_|st1\./);
});

test('each line stands under the trace and request id that its caller sent', async () => {
  const suite = await openTestSuite({}, (deps) => ({ ...deps, projectId: 'project-1' }));
  const trace = '4bf92f3577b34da6a3ce929d0e0e4736';
  await suite.call('GET', '/health', {
    headers: { traceparent: `00-${trace}-00f067aa0ba902b7-01`, 'x-request-id': 'from-the-caller' },
  });
  await suite.close();
  expect(suite.logged).toMatchObject([
    {
      severity: 'INFO',
      message: 'health 200',
      request_id: 'from-the-caller',
      'logging.googleapis.com/trace': `projects/project-1/traces/${trace}`,
      'logging.googleapis.com/spanId': '00f067aa0ba902b7',
      'logging.googleapis.com/trace_sampled': true,
    },
  ]);
});

test('what a sweep publishes is recorded by lines that name the trace of the sweep', async () => {
  const suite = await openTestSuite({ SHARDS: '1' }, (deps) => ({ ...deps, projectId: 'project-1' }));
  const license = await suite.createLicense({ max: 2 });
  for (const machine of ['a', 'b']) await license.acquire(machine);
  const trace = '4bf92f3577b34da6a3ce929d0e0e4736';
  await suite.call('POST', '/internal/sweep', {
    authorization: `Bearer ${suite.serviceToken('scheduler')}`,
    headers: { traceparent: `00-${trace}-00f067aa0ba902b7-01` },
  });
  await suite.delivered();
  await suite.close();
  const recorded = suite.logged.filter((line) => line.function === 'record-event');
  // The license was told of too.
  expect(recorded).toHaveLength(3);
  for (const line of recorded)
    expect(line).toMatchObject({ published_in: `projects/project-1/traces/${trace}` });
  expect(suite.logged.find((line) => line.function === 'sweep')).toMatchObject({
    'logging.googleapis.com/trace': `projects/project-1/traces/${trace}`,
  });
});
