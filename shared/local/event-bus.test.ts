import { setImmediate as nextTurn } from 'node:timers/promises';
import { afterEach, expect, test } from 'vitest';
import type { SeatEvent } from '../domain/event.ts';
import { PushEnvelope, readMessage } from '../domain/event-message.ts';
import { newLicense } from '../testing/contracts/events/suite.ts';
import { type EventBus, type EventBusOptions, openEventBus, type Push } from './event-bus.ts';

const opened: EventBus[] = [];
const open = (options: EventBusOptions = {}): EventBus => {
  const bus = openEventBus({ retryMs: 1, duplicates: 0, ...options });
  opened.push(bus);
  return bus;
};
afterEach(async () => {
  for (const bus of opened.splice(0)) await bus.close();
});

test('delivers events that were published before the subscription', async () => {
  const bus = open();
  const events = newEvents(3);
  await bus.publish(events);
  const received = collect(bus);
  await bus.idle();
  expect(inOrder(received)).toStrictEqual(events);
});

test('delivers the same envelope as Pub/Sub, also after a JSON round trip', async () => {
  const bus = open();
  const received = collect(bus);
  const event = newLicense().next();
  await bus.publish([event]);
  await bus.idle();
  expect(received).toStrictEqual([
    {
      message: {
        data: expect.any(String),
        messageId: expect.stringMatching(/^\d+$/),
        attributes: expect.objectContaining({ license_id: event.licenseId }),
        publishTime: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/),
      },
      subscription: expect.stringMatching(/^projects\/.+\/subscriptions\/.+$/),
      deliveryAttempt: 1,
    },
  ]);
  expect(PushEnvelope.parse(JSON.parse(JSON.stringify(received[0])))).toStrictEqual(received[0]);
});

test('makes a message a dead letter after five refusals, which the others do not wait for', async () => {
  const bus = open();
  const events = newEvents(3);
  const received = collect(bus, async (envelope) =>
    eventIn(envelope).eventId === events[0]?.eventId ? 500 : 200,
  );
  await bus.publish(events);
  await bus.idle();
  const refused = received.filter((envelope) => eventIn(envelope).eventId === events[0]?.eventId);
  expect(refused.map(({ deliveryAttempt }) => deliveryAttempt)).toEqual([1, 2, 3, 4, 5]);
  expect(received).toHaveLength(7);
  expect(received.slice(0, 3).map(({ deliveryAttempt }) => deliveryAttempt)).toEqual([1, 1, 1]);
  expect(bus.deadLetters).toStrictEqual([refused[4]]);
});

test('treats an exception and any answer but 2xx as a refusal', async () => {
  const bus = open();
  const answers = [199, 302, 400, 'throw', 299] as const;
  const received = collect(bus, async ({ deliveryAttempt = 0 }) => {
    const answer = answers[deliveryAttempt - 1] ?? 500;
    if (answer === 'throw') throw new Error('the subscriber failed');
    return answer;
  });
  await bus.publish(newEvents(1));
  await bus.idle();
  expect(received).toHaveLength(5);
  expect(bus.deadLetters).toEqual([]);
});

test('makes at most eight deliveries at once, also for one license', async () => {
  const bus = open();
  const eight = Promise.withResolvers<void>();
  let running = 0;
  let most = 0;
  bus.subscribe(async () => {
    running += 1;
    most = Math.max(most, running);
    // A ninth delivery would start within these turns.
    if (running === 8) turns().then(eight.resolve);
    await eight.promise;
    running -= 1;
    return 200;
  });
  await bus.publish(newEvents(60));
  await bus.idle();
  expect(most).toBe(8);
});

test('delivers out of order, and the same seed in the same order', async () => {
  const events = newEvents(30);
  const orderWith = async (seed: number): Promise<string[]> => {
    const bus = open({ seed });
    const received = collect(bus);
    await bus.publish(events);
    await bus.idle();
    return received.map((envelope) => eventIn(envelope).eventId);
  };
  const published = events.map(({ eventId }) => eventId);
  const order = await orderWith(1);
  expect(order).not.toEqual(published);
  expect(order.toSorted()).toEqual(published.toSorted());
  expect(await orderWith(1)).toEqual(order);
  expect(await orderWith(2)).not.toEqual(order);
});

test('delivers some accepted messages once more, as Pub/Sub may, under the same message id', async () => {
  const bus = open({ duplicates: 0.25 });
  const received = collect(bus);
  const events = newEvents(100);
  await bus.publish(events);
  await bus.idle();
  const times = Map.groupBy(received, ({ message }) => message.messageId);
  expect(times.size).toBe(100);
  const twice = [...times.values()].filter((deliveries) => deliveries.length === 2).length;
  expect([...times.values()].every((deliveries) => deliveries.length <= 2)).toBe(true);
  expect(twice).toBeGreaterThan(10);
  expect(twice).toBeLessThan(50);
});

test('duplicates by default', async () => {
  const bus = openEventBus();
  opened.push(bus);
  const received = collect(bus);
  await bus.publish(newEvents(100));
  await bus.idle();
  expect(received.length).toBeGreaterThan(100);
});

test('resolves publish before it delivers the message', async () => {
  const bus = open();
  const order: string[] = [];
  collect(bus, async () => {
    order.push('delivered');
    return 200;
  });
  await bus.publish(newEvents(1)).then(() => order.push('published'));
  await bus.idle();
  expect(order).toEqual(['published', 'delivered']);
});

test('redelivers the original message even if the subscriber changed its copy', async () => {
  const bus = open();
  const event = newLicense().next();
  const received: SeatEvent[] = [];
  bus.subscribe(async (envelope) => {
    received.push(eventIn(envelope));
    envelope.message.data = '';
    return received.length < 3 ? 500 : 200;
  });
  await bus.publish([event]);
  await bus.idle();
  expect(received).toStrictEqual([event, event, event]);
});

test('refuses a second subscriber', () => {
  const bus = open();
  bus.subscribe(async () => 200);
  expect(() => bus.subscribe(async () => 200)).toThrow('subscriber');
});

test('close waits for running deliveries and starts no new ones', async () => {
  const bus = open({ mostAtOnce: 1 });
  const ended: string[] = [];
  const begun = Promise.withResolvers<void>();
  const finish = Promise.withResolvers<void>();
  const received = collect(bus, async () => {
    begun.resolve();
    await finish.promise;
    ended.push('delivery');
    return 200;
  });
  await bus.publish(newEvents(2));
  await begun.promise;
  const closed = bus.close().then(() => ended.push('bus'));
  await turns();
  finish.resolve();
  await closed;
  await turns();
  expect(ended).toEqual(['delivery', 'bus']);
  expect(received).toHaveLength(1);
});

test('closes while messages wait for a subscriber, for a retry or for an answer that never comes', async () => {
  const unsubscribed = open();
  await unsubscribed.publish(newEvents(1));
  const refused = open({ retryMs: 3_600_000 });
  const refusals = collect(refused, async () => 500);
  const stuck = open();
  collect(stuck, () => new Promise<number>(() => {}));
  await refused.publish(newEvents(2));
  await stuck.publish(newEvents(2));
  const idle = Promise.all([unsubscribed.idle(), refused.idle(), stuck.idle()]);
  await Promise.all([unsubscribed.close(), refused.close(), stuck.close()]);
  await idle;
  expect(refusals.length).toBeLessThanOrEqual(2);
});

function newEvents(count: number): SeatEvent[] {
  const license = newLicense();
  return Array.from({ length: count }, () => license.next());
}

/** Enough turns of the event loop for everything that needs no I/O. */
async function turns(): Promise<void> {
  for (let turn = 0; turn < 5; turn += 1) await nextTurn();
}

function collect(bus: EventBus, answer: Push = async () => 200): PushEnvelope[] {
  const received: PushEnvelope[] = [];
  bus.subscribe((envelope) => {
    received.push(envelope);
    return answer(envelope);
  });
  return received;
}

function eventIn({ message }: PushEnvelope): SeatEvent {
  const read = readMessage(message.data);
  if (!('event' in read)) throw new Error(read.because);
  return read.event;
}

/** The events, in the order in which they were created. */
function inOrder(received: readonly PushEnvelope[]): SeatEvent[] {
  return received.map(eventIn).toSorted((a, b) => a.atMs - b.atMs);
}
