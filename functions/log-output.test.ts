import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { isPublished } from '../shared/domain/audit-event.ts';
import { withoutUnknownFields } from '../shared/domain/unknown-fields.ts';
import { logToStandardOutput } from '../shared/http/log.ts';
import { CHAIN_HEADS } from '../shared/ports/collections.ts';
import { auditOf } from '../shared/testing/read-records.ts';
import { beginPurchase } from './testing/purchases.ts';
import { openTestSuite, type TestSuite } from './testing/suite.ts';
import { join, signIn } from './testing/users.ts';

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
    headers: {
      traceparent: `00-${trace}-00f067aa0ba902b7-01`,
      'x-request-id': '5e0c4a51-0d0b-4d6a-9a4e-6e4c3f0a7b10',
    },
  });
  await suite.close();
  expect(suite.logged).toMatchObject([
    {
      severity: 'INFO',
      message: 'health 200',
      request_id: '5e0c4a51-0d0b-4d6a-9a4e-6e4c3f0a7b10',
      'logging.googleapis.com/trace': `projects/project-1/traces/${trace}`,
      'logging.googleapis.com/spanId': '00f067aa0ba902b7',
      'logging.googleapis.com/trace_sampled': true,
    },
  ]);
});

/** One line for each event. */
const ONCE = { bus: { duplicates: 0 } };

test('logs the trace of the sweep in the lines that record its events', async () => {
  const suite = await openTestSuite({ SHARDS: '1' }, (deps) => ({ ...deps, projectId: 'project-1' }), ONCE);
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
  // Two events of sessions, and the creation of the license.
  expect(recorded).toHaveLength(3);
  for (const line of recorded)
    expect(line).toMatchObject({ publisher_trace: `projects/project-1/traces/${trace}` });
  expect(suite.logged.find((line) => line.function === 'sweep')).toMatchObject({
    'logging.googleapis.com/trace': `projects/project-1/traces/${trace}`,
  });
});

describe('a log line contains what the runbook searches for:', () => {
  let suite: TestSuite;
  beforeAll(async () => {
    suite = await openTestSuite({ SHARDS: '1' }, undefined, ONCE);
  });
  afterAll(() => suite.close());

  /** The log lines that a function wrote during `work`. */
  async function linesOf(name: string, work: () => Promise<unknown>) {
    const before = suite.logged.length;
    await work();
    return suite.logged.slice(before).filter((line) => line.function === name);
  }

  test('the license of a request with its key', async () => {
    const license = await suite.createLicense();
    const lines = await linesOf('acquire', () => license.acquire('laptop'));
    expect(lines).toMatchObject([{ caller: 'license', license_id: license.licenseId }]);
  });

  test('the license id that a signed-in user sends', async () => {
    const license = await suite.createLicense();
    const user = await join(suite, license.tenantId, 'log@acme.example', 'member');
    const body = { fingerprint: 'laptop', license_id: license.licenseId };
    const lines = await linesOf('acquire', () => user.call('POST', '/api/v1/licenses/acquire', body));
    expect(lines).toMatchObject([{ caller: 'person', license_id: license.licenseId }]);
  });

  test('the event that was delivered, and whether it was already recorded', async () => {
    const license = await suite.createLicense();
    const lines = await linesOf('record-event', async () => {
      await license.acquire('laptop');
      await suite.settle();
    });
    const events = await auditOf(suite.deps.records, license.licenseId);
    const acquired = events.find(({ type }) => type === 'session.acquired');
    if (!acquired || !isPublished(acquired)) throw new Error('the seat was not recorded');
    const ofSeat = lines.filter(({ event_id }) => event_id === acquired.eventId);
    expect(ofSeat).toMatchObject([{ verdict: 'RECORDED' }]);

    const repeated = await linesOf('record-event', async () => {
      await suite.deps.events.publish([acquired]);
      await suite.delivered();
    });
    expect(repeated).toMatchObject([{ event_id: acquired.eventId, verdict: 'KNOWN' }]);
  });

  test("the new ends of the tenants' audit chains", async () => {
    const licenses = [await suite.createLicense(), await suite.createLicense()];
    const lines = await linesOf('sweep', () => suite.settle());
    const heads = lines.flatMap(({ chain_heads = [] }) => chain_heads);
    for (const { tenantId } of licenses) {
      const head = await suite.deps.records.get(CHAIN_HEADS, tenantId);
      expect(head?.seq).toBeGreaterThan(0);
      expect(heads).toContainEqual(withoutUnknownFields(head));
    }
    const idle = await linesOf('sweep', () => suite.sweep());
    expect(idle).toHaveLength(1);
    expect(idle[0]).not.toHaveProperty('chain_heads');
  });

  test('the Stripe event that arrived', async () => {
    const purchase = await beginPurchase(suite);
    const lines = await linesOf('stripe-webhook', async () => {
      await purchase.pay();
      await suite.stripe.idle();
    });
    const sent = suite.stripe.events.map(({ id, type }) => ({ event_id: id, event_type: type }));
    expect(lines.length).toBeGreaterThan(0);
    for (const { event_id, event_type } of lines) expect(sent).toContainEqual({ event_id, event_type });
  });

  test('the erasure that was confirmed', async () => {
    const user = await signIn(suite, 'erased@acme.example');
    const { body } = await user.call('POST', '/api/v1/gdpr/delete', {});
    const { confirmation_token } = body;
    let erasureId: string | undefined;
    const lines = await linesOf('gdpr-delete', async () => {
      const receipt = await user.call('DELETE', '/api/v1/gdpr/delete', { confirmation_token });
      erasureId = receipt.body.erasure_id;
    });
    expect(erasureId).toMatch(/^era_/);
    expect(lines).toMatchObject([{ erasure_id: erasureId }]);
  });
});
