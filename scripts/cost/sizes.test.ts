import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type CountedSuite, openCountedSuite } from '../../functions/testing/counted-suite.ts';
import type { OperationName } from '../../functions/testing/operation-counts.ts';
import type { Reply } from '../../functions/testing/suite.ts';
import { encodeDocument } from '../../shared/adapters/records/documents.ts';
import { type EventMessage, messageOf } from '../../shared/domain/event-message.ts';
import { usageHourId } from '../../shared/domain/usage.ts';
import { AUDIT, LICENSES, SESSION_HISTORIES, USAGE_HOURS } from '../../shared/ports/collections.ts';
import type { Collection } from '../../shared/ports/records.ts';
import { auditOf, historiesOf } from '../../shared/testing/read-records.ts';
import { ASSUMPTIONS, SIZES } from './assumptions.ts';
import { sum } from './sum.ts';

/** As Cloud Run sends it, so that log lines have their trace. */
const TRACE = { traceparent: `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01` };

interface Sizes {
  readonly answer: number;
  readonly redisRequests: number;
  readonly logLines: readonly number[];
}

let counted: CountedSuite;
const measured = {} as Record<OperationName, Sizes>;
let documents: Record<keyof typeof SIZES.documents, number>;
let messageBytes: number[];

beforeAll(async () => {
  counted = await openCountedSuite();
  const { suite, license, withhold, publish } = counted;
  const call = (method: string, verb: string, body: unknown): Promise<Reply> =>
    suite.call(method, `/api/v1/licenses/${verb}`, {
      authorization: `License ${license.key}`,
      headers: TRACE,
      body,
    });
  const scheduler = { authorization: `Bearer ${suite.serviceToken('scheduler')}`, headers: TRACE };
  const sweep = (): Promise<Reply> => suite.call('POST', '/internal/sweep', scheduler);

  const fingerprint = 'f'.repeat(64);
  const acquired = await measure('acquire', () =>
    call('POST', 'acquire', { fingerprint, app_version: '1.0.0' }),
  );
  const { session_id, session_token } = acquired.body;
  await measure('heartbeat', () => call('PUT', 'heartbeat', { session_id, session_token }));
  await measure('sign', () => call('POST', 'sign', { session_id }));
  await measure('release', () => call('POST', 'release', { session_id }));
  await measure('health', () => suite.call('GET', '/health', { headers: TRACE }));
  const events = await withhold(sweep);
  messageBytes = events.map((event) => sizeOfMessage(messageOf(event)));
  await measure('recordedEvent', async () => {
    await publish(events);
    return undefined;
  });
  await sweep();
  await measure('idleSweep', sweep);

  const { records } = suite.deps;
  const hourId = usageHourId(license.licenseId, counted.nowMs());
  const histories = await historiesOf(records, license.licenseId);
  const audit = await auditOf(records, license.licenseId);
  documents = {
    license: sizeOf(LICENSES, license.licenseId, await records.get(LICENSES, license.licenseId)),
    usageHour: sizeOf(USAGE_HOURS, hourId, await records.get(USAGE_HOURS, hourId)),
    sessionHistory: sizeOf(
      SESSION_HISTORIES,
      session_id,
      histories.find((each) => each.sessionId === session_id),
    ),
    event: sizeOf(
      AUDIT,
      'id',
      audit.find((event) => event.sessionId === session_id && event.sealed),
    ),
  };
});
afterAll(() => counted.close());

async function measure<R extends Reply | undefined>(name: OperationName, work: () => Promise<R>): Promise<R> {
  const { suite, costOf } = counted;
  const linesBefore = suite.logged.length;
  const { result, redisCommands } = await costOf(work);
  if (result && result.status >= 300) throw new Error(result.text);
  measured[name] = {
    answer: result?.text.length ?? 0,
    redisRequests: sum(redisCommands.map((command) => JSON.stringify(command).length)),
    logLines: suite.logged.slice(linesBefore).map((line) => JSON.stringify(line).length),
  };
  return result;
}

function sizeOf<T>(collection: Collection<T>, id: string, document: T | undefined): number {
  if (!document) throw new Error(`no document of ${collection.name}`);
  return JSON.stringify(encodeDocument(collection, id, document)).length;
}

/** The size that Pub/Sub bills, with a timestamp and an id of 17 digits (https://cloud.google.com/pubsub/pricing). */
function sizeOfMessage({ data, attributes }: EventMessage): number {
  return data.length + Object.entries(attributes).flat().join('').length + 20 + 17;
}

function expectWithinHalfAndTwice(assumed: number, actual: number, what: string): void {
  expect(actual, what).toBeGreaterThan(assumed / 2);
  expect(actual, what).toBeLessThan(assumed * 2);
}

describe('the assumed size is more than half and less than twice the measured one', () => {
  test('of each log line', () => {
    for (const [name, { logLines }] of Object.entries(measured)) {
      expect(logLines.length, name).toBeGreaterThan(0);
      for (const bytes of logLines) expectWithinHalfAndTwice(SIZES.logLine, bytes, name);
    }
  });

  test.each(Object.entries(SIZES.answers))('of the response to %s', (name, assumed) => {
    expectWithinHalfAndTwice(assumed, measured[name as keyof typeof SIZES.answers].answer, name);
  });

  test.each(Object.entries(SIZES.redisRequests))('of the requests to Redis of %s', (name, assumed) => {
    expectWithinHalfAndTwice(assumed, measured[name as keyof typeof SIZES.redisRequests].redisRequests, name);
  });

  test.each(Object.entries(SIZES.documents))('of a document: %s', (name, assumed) => {
    expectWithinHalfAndTwice(assumed, documents[name as keyof typeof SIZES.documents], 'bytes');
  });
});

test('the response to a release has no body', () => {
  expect(measured.release.answer).toBe(0);
});

test('an event is smaller than the minimum that Pub/Sub bills', () => {
  expect(messageBytes).toHaveLength(3);
  for (const bytes of messageBytes) expect(bytes).toBeLessThan(ASSUMPTIONS.billedMessageBytes);
});
