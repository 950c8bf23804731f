import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { SeatEvent } from '../../domain/event.ts';
import { messageOf } from '../../domain/event-message.ts';
import { Unavailable } from '../../errors.ts';
import type { Events } from '../../ports/events.ts';
import { newLicense } from '../../testing/contracts/events/suite.ts';
import { type PubSubServer, startPubSubServer } from '../../testing/servers/pubsub-server.ts';
import { silentServer } from '../../testing/servers/silent-server.ts';
import { openPubSubEvents } from './pubsub-events.ts';

const run = promisify(execFile);

const INVALID_ARGUMENT = 3;
const PERMISSION_DENIED = 7;
const UNAVAILABLE = 14;

/** Shorter than the default, which deadlines.long.test.ts measures, and enough for a few attempts. */
const HASTY_MS = 1_000;

describe('a call', () => {
  let server: PubSubServer;
  let events: Events;
  beforeEach(async () => {
    server = await startPubSubServer();
    events = openPubSubEvents({ projectId: 'demo-p', topic: 'seats', emulatorHost: server.host });
  });
  afterEach(async () => {
    await events.close();
    await server.close();
  });

  test('sends its events in one request, whatever their licenses, and without ordering keys', async () => {
    const [first, second] = [newLicense(), newLicense()];
    const published = [first.next(), second.next(), first.next(), first.next(), second.next()];
    await events.publish(published);
    const messages = published.map(messageOf).map(({ data, attributes }) => ({
      data: data.toString(),
      attributes,
      orderingKey: '',
    }));
    expect(server.requests).toEqual([{ topic: 'projects/demo-p/topics/seats', messages }]);
  });

  test('without events does not even connect', async () => {
    await events.publish([]);
    expect(server.connectionCount()).toBe(0);
  });

  test('reuses the connection of the previous call', async () => {
    const license = newLicense();
    await events.publish([license.next()]);
    await events.publish([license.next()]);
    expect(server.connectionCount()).toBe(1);
  });

  test.each([
    ['CANCELLED', 1],
    ['UNKNOWN', 2],
    ['DEADLINE_EXCEEDED', 4],
    ['RESOURCE_EXHAUSTED', 8],
    ['ABORTED', 10],
    ['INTERNAL', 13],
    ['UNAVAILABLE', 14],
  ])('retries after %s', async (_, code) => {
    const license = newLicense();
    server.answerNext(license.id, code);
    await events.publish([license.next()]);
    expect(server.requests).toHaveLength(2);
    expect(server.requests[1]).toEqual(server.requests[0]);
  });

  test.each([
    ['NOT_FOUND', 5],
    ['PERMISSION_DENIED', 7],
    ['UNAUTHENTICATED', 16],
  ])('is Unavailable after %s without a retry, and names the status for the log', async (word, code) => {
    const license = newLicense();
    server.answerNext(license.id, code);
    const error = await failureOf(events.publish([license.next()]));
    expect(error).toBeInstanceOf(Unavailable);
    expect(error).toMatchObject({ part: 'events', message: expect.stringContaining(`${word} (${code})`) });
    expect(String(error)).toContain('as the test asked for');
    expect(server.requests).toHaveLength(1);
  });

  test('that Pub/Sub rejects as invalid throws an error other than Unavailable', async () => {
    const license = newLicense();
    server.answerNext(license.id, INVALID_ARGUMENT);
    const error = await failureOf(events.publish([license.next()]));
    expect(error).toMatchObject({ code: INVALID_ARGUMENT });
    expect(error).not.toBeInstanceOf(Unavailable);
  });

  /** A topic with a shorter deadline than usual. */
  function openHasty(): Events {
    return openPubSubEvents({
      projectId: 'demo-p',
      topic: 'seats',
      emulatorHost: server.host,
      withinMs: HASTY_MS,
    });
  }

  test('that is never accepted ends in Unavailable, with the reason of the last attempt', async () => {
    const license = newLicense();
    for (let n = 0; n < 50; n += 1) server.answerNext(license.id, UNAVAILABLE);
    const hasty = openHasty();
    const error = await failureOf(hasty.publish([license.next()]));
    await hasty.close();
    expect(error).toMatchObject({
      name: 'Unavailable',
      message: expect.stringContaining('UNAVAILABLE (14): as the test asked for'),
    });
    expect(server.requests.length).toBeGreaterThan(2);
    expect(server.requests.length).toBeLessThan(20);
  });

  test('succeeds over a new connection if the old one stopped answering', async () => {
    const license = newLicense();
    const hasty = openHasty();
    await hasty.publish([license.next()]);
    server.silenceConnections();
    expect(await failureOf(hasty.publish([license.next()]))).toBeInstanceOf(Unavailable);
    await hasty.publish([license.next()]);
    await hasty.close();
    expect(server.connectionCount()).toBe(2);
  });

  test('that failed does not interrupt another one, and the next opens a new connection', async () => {
    const [slow, failing, next] = [newLicense(), newLicense(), newLicense()];
    const release = server.hold(slow.id);
    const publishing = events.publish([slow.next()]);
    await server.until(() => server.requests.length === 1);
    server.answerNext(failing.id, PERMISSION_DENIED);
    expect(await failureOf(events.publish([failing.next()]))).toBeInstanceOf(Unavailable);
    await events.publish([next.next()]);
    expect(server.connectionCount()).toBe(2);
    release();
    await publishing;
  });

  test('that is running when the topic is closed still succeeds', async () => {
    const license = newLicense();
    const release = server.hold(license.id);
    const order: string[] = [];
    const publishing = events.publish([license.next()]).then(() => order.push('published'));
    await server.until(() => server.requests.length === 1);
    const closing = events.close().then(() => order.push('closed'));
    await expect(events.publish([license.next()])).rejects.toThrow(Unavailable);
    release();
    await Promise.all([publishing, closing]);
    expect(order).toEqual(['published', 'closed']);
  });
});

describe('a Pub/Sub that does not answer', () => {
  test.concurrent.each([
    ['nothing listens', '127.0.0.1:1', 'UNAVAILABLE (14)'],
    ['it accepts connections and sends nothing', undefined, 'DEADLINE_EXCEEDED (4)'],
  ])('ends a call in Unavailable within its deadline when %s', async (_, deadHost, word) => {
    await using silent = await silentServer();
    const emulatorHost = deadHost ?? silent.host;
    const events = openPubSubEvents({
      projectId: 'demo-p',
      topic: 'seats',
      emulatorHost,
      withinMs: HASTY_MS,
    });
    const startMs = performance.now();
    const error = await failureOf(events.publish([newLicense().next()]));
    expect(error).toBeInstanceOf(Unavailable);
    expect(String(error)).toContain(word);
    expect(performance.now() - startMs).toBeLessThan(4_000);
    await events.close();
  });
});

test('a process without credentials gets Unavailable and does not crash', async () => {
  const code = `
    const events = openPubSubEvents({ projectId: 'demo-p', topic: 'seats' });
    const outcomes = [];
    for (let n = 0; n < 2; n += 1) await events.publish([event]).catch((error) => outcomes.push(error.message));
    await events.close();
    console.log(JSON.stringify(outcomes));
  `;
  const outcomes = await runModule(code, { GOOGLE_APPLICATION_CREDENTIALS: '/nowhere/key.json' });
  expect(outcomes).toEqual([
    expect.stringContaining('events: cannot get credentials'),
    expect.stringContaining('events: cannot get credentials'),
  ]);
});

test('opening a topic does not load the SDK before the first call, and the process can end after close', async () => {
  const code = `
    const loaded = () => registered.some((specifier) => /^(@google|@grpc|google-|protobuf)/.test(specifier));
    const options = { projectId: 'demo-p', topic: 'seats', emulatorHost: '127.0.0.1:1', withinMs: ${HASTY_MS} };
    const events = openPubSubEvents(options);
    await events.publish([]);
    const before = loaded();
    await events.publish([event]).catch(() => {});
    await events.close();
    console.log(JSON.stringify({ before, after: loaded() }));
  `;
  expect(await runModule(code, {})).toEqual({ before: false, after: true });
});

async function failureOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => undefined,
    (error: unknown) => error,
  );
}

/** Runs code in a separate Node process, waits for it to end by itself, and returns its output. */
async function runModule(code: string, environment: Record<string, string>): Promise<unknown> {
  const setUp = `
    import { registerHooks } from 'node:module';
    const registered = [];
    registerHooks({
      resolve: (specifier, context, next) => {
        registered.push(specifier);
        return next(specifier, context);
      },
    });
    const { openPubSubEvents } = await import(${JSON.stringify(new URL('./pubsub-events.ts', import.meta.url).href)});
    const event = ${JSON.stringify(newLicense().next() satisfies SeatEvent)};
  `;
  const { stdout } = await run(process.execPath, ['--input-type=module', '--eval', setUp + code], {
    timeout: 20_000,
    env: { PATH: process.env.PATH, METADATA_SERVER_DETECTION: 'none', ...environment },
  });
  return JSON.parse(stdout);
}
