import { once } from 'node:events';
import { createServer } from 'node:http';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import type { SeatEvent } from '../../domain/event.ts';
import { PushEnvelope, readMessage } from '../../domain/event-message.ts';
import { Unavailable } from '../../errors.ts';
import { openEventBus } from '../../local/event-bus.ts';
import { eventsContract, newLicense, type Subscriber } from '../../testing/contracts/events/suite.ts';
import { describeReal } from '../../testing/real-parts.ts';
import type { PubSubProject } from '../../testing/servers/pubsub-emulator.ts';
import { type PushRelay, startPushRelay } from '../../testing/servers/push-relay.ts';
import { tcpProxy } from '../../testing/servers/tcp-proxy.ts';
import { newPubSubProject } from '../../testing/shared-emulators.ts';
import { openPubSubEvents } from './pubsub-events.ts';

describe('the bus in this process', () => {
  eventsContract(async (subscriber) => {
    const events = openEventBus({ retryMs: 5, mostAttempts: 12 });
    events.subscribe((envelope) => subscriber(JSON.parse(JSON.stringify(envelope))));
    return { events, close: () => events.close() };
  });
});

describeReal('Pub/Sub emulator', 'Pub/Sub', () => {
  let emulator: PubSubProject;
  let topics = 0;
  beforeAll(async () => {
    emulator = await newPubSubProject();
  });

  async function openTopic(endpoint: string, options: { emulatorHost?: string; withinMs?: number } = {}) {
    topics += 1;
    const topic = `topic-${topics}`;
    const { projectId, host: emulatorHost } = emulator;
    await emulator.createTopic(topic);
    await emulator.createPushSubscription({ topic, subscription: `subscription-${topics}`, endpoint });
    return openPubSubEvents({ projectId, topic, emulatorHost, ...options });
  }

  eventsContract(async (subscriber) => {
    const endpoint = await startEndpoint(subscriber);
    const events = await openTopic(endpoint.url);
    return {
      events,
      async close() {
        await events.close();
        await endpoint.close();
      },
    };
  });

  describe('through a relay', () => {
    let relay: PushRelay;
    let endpoint: Endpoint;
    let events: ReturnType<typeof openPubSubEvents>;
    const received: SeatEvent[] = [];
    const refusals: number[] = [];
    beforeAll(async () => {
      endpoint = await startEndpoint(async (body) => {
        received.push(eventIn(body));
        return refusals.shift() ?? 204;
      });
      const tokens = ['first', 'second'];
      relay = await startPushRelay({ target: endpoint.url, token: () => tokens.shift() ?? 'later' });
      events = await openTopic(relay.url);
    });
    afterAll(async () => {
      await events?.close();
      await relay?.close();
      await endpoint?.close();
    });

    test('each delivery carries its own token, and a refusal is returned to Pub/Sub', async () => {
      const event = newLicense().next();
      refusals.push(503);
      await events.publish([event]);
      await endpoint.until(() => received.length === 2);
      expect(received.splice(0)).toStrictEqual([event, event]);
      expect(endpoint.authorizations).toEqual(['Bearer first', 'Bearer second']);
      expect(relay.statuses[0]).toBe(503);
    });

    test('redelivers after the connection was cut', async () => {
      const event = newLicense().next();
      relay.dropNextDeliveries(1);
      await events.publish([event]);
      await endpoint.until(() => received.length === 1);
      expect(received.splice(0)).toStrictEqual([event]);
    });

    test('delivers twice if the response was lost', async () => {
      const event = newLicense().next();
      relay.dropNextAnswers(1);
      await events.publish([event]);
      await endpoint.until(() => received.length === 2);
      expect(received.splice(0)).toStrictEqual([event, event]);
    });
  });

  test('is Unavailable while its server is down, and accepts events again once it is up', async () => {
    const received: SeatEvent[] = [];
    const endpoint = await startEndpoint(async (body) => {
      received.push(eventIn(body));
      return 204;
    });
    const proxy = await tcpProxy(emulator.host);
    const events = await openTopic(endpoint.url, { emulatorHost: proxy.host, withinMs: 1_000 });
    const license = newLicense();
    const [before, during, after] = [license.next(), license.next(), license.next()];
    // A busy machine may need more than a second: published twice, an event arrives twice.
    const publish = (event: SeatEvent) => vi.waitFor(() => events.publish([event]), 10_000);
    const arrived = () => [...new Map(received.map((event) => [event.eventId, event])).values()];
    await publish(before);
    await endpoint.until(() => arrived().length === 1);

    proxy.down(true);
    await expect(events.publish([during])).rejects.toThrow(Unavailable);

    proxy.down(false);
    await publish(after);
    await endpoint.until(() => arrived().length === 2);
    expect(arrived()).toStrictEqual([before, after]);

    await events.close();
    await proxy.close();
    await endpoint.close();
  });

  test('is Unavailable if the topic does not exist, and gives that as the reason', async () => {
    const { projectId, host } = emulator;
    const events = openPubSubEvents({ projectId, topic: 'missing', emulatorHost: host });
    await expect(events.publish([newLicense().next()])).rejects.toMatchObject({
      name: 'Unavailable',
      message: expect.stringContaining('NOT_FOUND'),
    });
    await expect(events.ping()).rejects.toMatchObject({
      name: 'Unavailable',
      message: expect.stringContaining('NOT_FOUND'),
    });
    await events.close();
  });
});

function eventIn(body: unknown): SeatEvent {
  const read = readMessage(PushEnvelope.parse(body).message.data);
  if (!('event' in read)) throw new Error(read.because);
  return read.event;
}

type Endpoint = Awaited<ReturnType<typeof startEndpoint>>;

/** An HTTP server that a subscription can push to. */
async function startEndpoint(subscriber: Subscriber) {
  const authorizations: (string | undefined)[] = [];
  let waiting: (() => void)[] = [];
  const server = createServer(async (incoming, outgoing) => {
    authorizations.push(incoming.headers.authorization);
    const status = await subscriber(JSON.parse(await text(incoming))).catch(() => 500);
    outgoing.writeHead(status).end();
    for (const resolve of waiting) resolve();
    waiting = [];
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new TypeError('The server has no port.');
  return {
    url: `http://127.0.0.1:${address.port}/push`,
    authorizations,
    async until(condition: () => boolean): Promise<void> {
      while (!condition()) await new Promise<void>((resolve) => waiting.push(resolve));
    },
    async close(): Promise<void> {
      server.close();
      server.closeAllConnections();
    },
  };
}
