import { metrics } from '@opentelemetry/api';
import {
  AggregationTemporality,
  DataPointType,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { Unavailable } from '../shared/errors.ts';
import { type ClockedSuite, openClockedSuite } from './testing/clocked-suite.ts';
import type { TestLicense } from './testing/suite.ts';

const exporter = new InMemoryMetricExporter(AggregationTemporality.DELTA);
// The interval is so long that only the test exports.
const reader = new PeriodicExportingMetricReader({
  exporter,
  exportIntervalMillis: 2 ** 30,
  exportTimeoutMillis: 1000,
});
const provider = new MeterProvider({ readers: [reader] });

let clocked: ClockedSuite;
let license: TestLicense;
beforeAll(async () => {
  clocked = await openClockedSuite();
  // Registered after the functions were assembled, as an SDK can be.
  metrics.setGlobalMeterProvider(provider);
});
afterAll(async () => {
  await clocked.close();
  await provider.shutdown();
  metrics.disable();
});
beforeEach(async () => {
  license = await clocked.suite.createLicense({ max: 1 });
  // Expires the seats of earlier tests.
  clocked.moveClock(360_000);
  await clocked.suite.settle();
  await measured();
});
afterEach(() => exporter.reset());

interface Measured {
  readonly name: string;
  readonly unit: string;
  readonly isCounter: boolean;
  readonly attributes: object;
  readonly value: unknown;
}

/** Everything that was measured since the last call. */
async function measured(): Promise<Measured[]> {
  exporter.reset();
  await reader.forceFlush();
  return exporter
    .getMetrics()
    .flatMap(({ scopeMetrics }) => scopeMetrics)
    .filter(({ scope }) => scope.name === 'seatlease')
    .flatMap(({ metrics: all }) => all)
    .flatMap(({ descriptor: { name, unit }, dataPointType, dataPoints }) =>
      dataPoints.map(({ attributes, value }) => ({
        name,
        unit,
        isCounter: dataPointType === DataPointType.SUM,
        attributes,
        value,
      })),
    );
}

/** The number of requests by function, endpoint and verdict. */
function requestsIn(found: readonly Measured[]): Record<string, unknown> {
  const requests = found.filter(({ name }) => name === 'seatlease.requests');
  return Object.fromEntries(
    requests.map(({ attributes, value }) => [Object.values(attributes).join(' '), value]),
  );
}

const ACQUIRE = 'acquire POST /api/v1/licenses/acquire';
const HEARTBEAT = 'heartbeat PUT /api/v1/licenses/heartbeat';

test('counts seats granted, renewed, denied, kept, lost and revived by function, endpoint and verdict', async () => {
  const { session_id, session_token } = (await license.acquire('machine')).body;
  await license.acquire('machine');
  for (const machine of ['second', 'third']) expect((await license.acquire(machine)).status).toBe(409);
  await license.heartbeat({ session_id });
  clocked.moveClock(360_000);
  expect((await license.heartbeat({ session_id, session_token })).body.revived).toBe(true);
  await license.release(session_id);
  await license.heartbeat({ session_id });
  const found = await measured();
  expect(found.filter(({ name }) => name === 'seatlease.requests')).toContainEqual({
    name: 'seatlease.requests',
    unit: '{request}',
    isCounter: true,
    attributes: { function: 'acquire', endpoint: 'POST /api/v1/licenses/acquire', verdict: 'GRANTED' },
    value: 1,
  });
  expect(requestsIn(found)).toEqual({
    [`${ACQUIRE} GRANTED`]: 1,
    [`${ACQUIRE} RENEWED`]: 1,
    [`${ACQUIRE} SEATS_EXHAUSTED`]: 2,
    [`${HEARTBEAT} RENEWED`]: 1,
    [`${HEARTBEAT} REVIVED`]: 1,
    [`${HEARTBEAT} SESSION_NOT_FOUND`]: 1,
    'release POST /api/v1/licenses/release ENDED': 1,
  });
  expect(found.find(({ name }) => name === 'seatlease.heartbeat.revived')).toMatchObject({ value: 1 });
});

test('counts each session that one call revives', async () => {
  const many = await clocked.suite.createLicense({ max: 3 });
  const sessions: { session_id: string; session_token: string }[] = [];
  for (const machine of ['a', 'b']) {
    const { session_id, session_token } = (await many.acquire(machine)).body;
    sessions.push({ session_id, session_token });
  }
  clocked.moveClock(360_000);
  await many.heartbeat({ sessions });
  expect(await measured()).toContainEqual(
    expect.objectContaining({ name: 'seatlease.heartbeat.revived', isCounter: true, value: 2 }),
  );
  expect(clocked.suite.logged.at(-1)).toMatchObject({ verdict: 'BATCH', revived: 2 });
});

test('counts expired leases and published events of a sweep, and measures the outbox and its age', async () => {
  await license.acquire('machine');
  clocked.moveClock(400_000);
  const { publish } = clocked.suite.deps.events;
  clocked.suite.deps.events.publish = () =>
    Promise.reject(new Unavailable('events', 'unavailable in this test'));
  await clocked.suite.sweep();
  clocked.suite.deps.events.publish = publish;
  const sweepMeasured = async () =>
    Object.fromEntries(
      (await measured())
        .filter(({ name }) => name.startsWith('seatlease.sweep.'))
        .map(({ name, unit, isCounter, value }) => [`${name.slice(16)} ${unit} ${isCounter}`, value]),
    );
  expect(await sweepMeasured()).toEqual({
    'expired {lease} true': 1,
    'published {event} true': 0,
    'pending {event} false': 2,
    'oldest_age s false': 400,
  });
  await clocked.suite.sweep();
  expect(await sweepMeasured()).toEqual({
    'expired {lease} true': 0,
    'published {event} true': 2,
    'pending {event} false': 0,
    'oldest_age s false': 0,
  });
});

test('measures the duration of requests by function and endpoint', async () => {
  await license.acquire('machine');
  await license.acquire('another');
  expect(await measured()).toContainEqual({
    name: 'seatlease.request.duration',
    unit: 's',
    isCounter: false,
    attributes: { function: 'acquire', endpoint: 'POST /api/v1/licenses/acquire' },
    value: expect.objectContaining({ count: 2 }),
  });
});

test('creates no more series than the contracts have, whatever callers send', async () => {
  for (let n = 0; n < 20; n += 1) {
    const id = `lic_00_${String(n).padStart(16, '0')}`;
    await clocked.suite.call('GET', `/api/v1/licenses/${id}?q=${n}`, {
      headers: { 'x-request-id': `req_${String(n).padStart(24, '0')}`, 'user-agent': `agent-${n}` },
    });
    await clocked.suite.operate('GET', `/api/v1/licenses/${id}`);
    await clocked.suite.call('PUT', `/api/v1/licenses/${id}`);
  }
  const found = await measured();
  expect(requestsIn(found)).toEqual({
    'licenses GET /api/v1/licenses/{license_id} AUTHENTICATION_REQUIRED': 20,
    'licenses GET /api/v1/licenses/{license_id} LICENSE_NOT_FOUND': 20,
    'licenses none METHOD_NOT_ALLOWED': 20,
  });
  const attributes = new Set(found.flatMap((each) => Object.keys(each.attributes)));
  expect(attributes).toEqual(new Set(['function', 'endpoint', 'verdict']));
});
