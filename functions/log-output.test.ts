import { afterEach, expect, test, vi } from 'vitest';
import { logToStandardOutput } from '../shared/http/log.ts';
import { openTestSuite } from './testing/suite.ts';

afterEach(() => {
  vi.restoreAllMocks();
});

test('writes each entry as one line of JSON with its time, whatever it contains', () => {
  const write = vi.spyOn(process.stdout, 'write').mockReturnValue(true);
  logToStandardOutput({ severity: 'ERROR', message: 'two\nlines', because: 'Error: x\n    at y' });
  const [line] = write.mock.calls[0] ?? [];
  expect(line).toMatch(/^\{"time":"[^"]+Z","severity":"ERROR","message":"two\\nlines".*\}\n$/);
  expect(String(line).split('\n')).toHaveLength(2);
});

test('logs the trace and request id that the caller sent', async () => {
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

test('logs the trace of the sweep in the lines that record its events', async () => {
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
  // One event is about the license.
  expect(recorded).toHaveLength(3);
  for (const line of recorded)
    expect(line).toMatchObject({ published_in: `projects/project-1/traces/${trace}` });
  expect(suite.logged.find((line) => line.function === 'sweep')).toMatchObject({
    'logging.googleapis.com/trace': `projects/project-1/traces/${trace}`,
  });
});
