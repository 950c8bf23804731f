import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { EVENT_TYPES, type EventDetail, eventOf, type SeatEvent } from '../../../domain/event.ts';
import { messageOf, PushEnvelope, readMessage } from '../../../domain/event-message.ts';
import { newLicenseId, newSessionId, newTenantId } from '../../../domain/ids.ts';
import type { Events } from '../../../ports/events.ts';
import { BY } from '../../by.ts';

/** A topic with a subscription to it. */
export interface EventsUnderTest {
  readonly events: Events;
  close(): Promise<void>;
}

/** Receives the body of a delivery, parsed from JSON; resolves to the status of the response. */
export type Subscriber = (body: unknown) => Promise<number>;

/**
 * The contract of every topic, as vitest tests. `open` creates a new topic with one subscription that delivers to
 * `subscriber`, with at least five attempts. A topic may deliver in any order and more often than it must, so only the
 * set of events is compared.
 */
export function eventsContract(open: (subscriber: Subscriber) => Promise<EventsUnderTest>): void {
  const inbox = openInbox();
  let opened: EventsUnderTest | undefined;
  const publish = (events: readonly SeatEvent[], traceparent?: string): Promise<void> => {
    if (!opened) throw new Error('the topic is not open yet');
    return opened.events.publish(events, traceparent);
  };
  beforeAll(async () => {
    opened = await open(inbox.subscriber);
  });
  afterAll(() => opened?.close());

  describe('a published event', () => {
    test('arrives unchanged, whatever its type', async () => {
      const license = newLicense();
      const events = EVENT_TYPES.map((type) => license.next({}, type));
      await publish(events);
      expect(await inbox.acceptedOf(license.id, events.length)).toStrictEqual(events);
    });

    test('arrives with all its details', async () => {
      const license = newLicense();
      const full = license.next({
        holder: 'machine-1',
        acquiredAtMs: 1_700_000_000_123,
        active: 3,
        max: 5,
        reason: 'lost',
        count: 7,
        version: 9,
      });
      await publish([full]);
      expect(await inbox.acceptedOf(license.id, 1)).toStrictEqual([full]);
    });

    test.each([
      ['of many scripts', 'Grüße, Ζωή, 東京, עברית, 🪑👩‍👩‍👧'],
      ['with control characters', 'a\u0000b\n\r\t\u2028"\\</script>'],
      ['with half a surrogate pair', 'a\ud83e'],
    ])('keeps text %s', async (_, holder) => {
      const license = newLicense();
      const event = license.next({ holder });
      await publish([event]);
      expect(await inbox.acceptedOf(license.id, 1)).toStrictEqual([event]);
    });

    test('can be filtered by its attributes without reading its data', async () => {
      const license = newLicense();
      const event = license.next();
      await publish([event]);
      await inbox.acceptedOf(license.id, 1);
      const [envelope] = inbox.envelopesOf(license.id);
      expect(envelope?.message.attributes).toEqual(messageOf(event).attributes);
    });

    test("arrives with its publisher's trace, beside its other attributes", async () => {
      const license = newLicense();
      const event = license.next();
      const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
      await publish([event], traceparent);
      expect(await inbox.acceptedOf(license.id, 1)).toStrictEqual([event]);
      const [envelope] = inbox.envelopesOf(license.id);
      expect(envelope?.message.attributes).toEqual({
        ...messageOf(event).attributes,
        googclient_traceparent: traceparent,
      });
    });

    test('arrives twice, as two messages, if it is published twice', async () => {
      const license = newLicense();
      const event = license.next();
      await publish([event]);
      await publish([event, event]);
      const messageIds = (): Set<string> =>
        new Set(inbox.envelopesOf(license.id).map(({ message }) => message.messageId));
      await inbox.until(() => messageIds().size === 3);
      expect(await inbox.acceptedOf(license.id, 1)).toStrictEqual([event]);
    });
  });

  describe('events of one license', () => {
    test('all arrive, from one call and from several', async () => {
      const license = newLicense();
      const other = newLicense();
      for (let call = 0; call < 8; call += 1) {
        await publish([license.next(), other.next(), license.next(), license.next(), other.next()]);
      }
      expect(await inbox.acceptedOf(license.id, 24)).toStrictEqual(license.events);
      expect(await inbox.acceptedOf(other.id, 16)).toStrictEqual(other.events);
    });

    test('arrive completely if 100 of several licenses are published in one call', async () => {
      const licenses = Array.from({ length: 7 }, newLicense);
      const events = Array.from({ length: 100 }, (_, n) => (licenses[n % 7] ?? newLicense()).next());
      await publish(events);
      for (const license of licenses) {
        expect(await inbox.acceptedOf(license.id, license.events.length)).toStrictEqual(license.events);
      }
    });

    test('do not wait for a refused one, which is redelivered until it is accepted', async () => {
      const license = newLicense();
      const [refused, next] = [license.next(), license.next()];
      inbox.refuse(refused, 3);
      await publish([refused, next]);
      expect(await inbox.acceptedOf(license.id, 2)).toStrictEqual([refused, next]);
      const ofRefused = inbox
        .envelopesOf(license.id)
        .filter((_, n) => inbox.deliveriesOf(license.id)[n]?.eventId === refused.eventId);
      expect(ofRefused.length).toBeGreaterThanOrEqual(4);
      expect(new Set(ofRefused.map(({ message }) => message.messageId)).size).toBe(1);
    });

    test('do not wait for a refused one of another license', async () => {
      const stuck = newLicense();
      const free = newLicense();
      const refused = stuck.next();
      const accept = inbox.refuse(refused);
      await publish([refused, free.next(), free.next()]);
      await inbox.until(() => inbox.deliveriesOf(stuck.id).length > 0);
      await publish([free.next()]);
      expect(await inbox.acceptedOf(free.id, 3)).toStrictEqual(free.events);
      accept();
      expect(await inbox.acceptedOf(stuck.id, 1)).toStrictEqual([refused]);
    });
  });

  test('publishing no events delivers none', async () => {
    const before = inbox.messageCount();
    await publish([]);
    const license = newLicense();
    await publish([license.next()]);
    await inbox.acceptedOf(license.id, 1);
    expect(inbox.messageCount()).toBe(before + 1);
  });

  test('a call with more than 100 events is refused as a whole', async () => {
    const license = newLicense();
    const tooMany = Array.from({ length: 101 }, () => license.next());
    await expect(publish(tooMany)).rejects.toThrow(RangeError);
    const last = license.next();
    await publish([last]);
    expect(await inbox.acceptedOf(license.id, 1)).toStrictEqual([last]);
  });

  test('a closed topic is Unavailable and can be closed again', async () => {
    const closed = await open(async () => 204);
    const license = newLicense();
    await closed.events.publish([license.next()]);
    await closed.events.ping();
    await closed.events.close();
    await expect(closed.events.ping()).rejects.toMatchObject({ name: 'Unavailable', part: 'events' });
    await expect(closed.events.publish([license.next()])).rejects.toMatchObject({
      name: 'Unavailable',
      part: 'events',
    });
    await closed.close();
  });
}

/** Creates events of a license that no other test uses. */
export interface TestLicense {
  readonly id: string;
  /** All created events, in order. */
  readonly events: readonly SeatEvent[];
  next(detail?: EventDetail, type?: SeatEvent['type']): SeatEvent;
}

export function newLicense(): TestLicense {
  const tenantId = newTenantId(16);
  const licenseId = newLicenseId(tenantId);
  const sessionId = newSessionId(licenseId);
  const events: SeatEvent[] = [];
  return {
    id: licenseId,
    events,
    next(detail = {}, type = 'session.acquired') {
      const atMs = 1_800_000_000_000 + events.length;
      const subject = type.startsWith('session.') ? sessionId : null;
      const position = `${atMs}-0`;
      const event = eventOf({ type, tenantId, licenseId, sessionId: subject, atMs, position, ...BY, detail });
      events.push(event);
      return event;
    },
  };
}

interface Delivery {
  readonly envelope: PushEnvelope;
  readonly event: SeatEvent;
  readonly isAccepted: boolean;
}

/** A subscriber that stores what it receives, and refuses the events that a test names. */
function openInbox() {
  const deliveries: Delivery[] = [];
  const refusals = new Map<string, number>();
  let waiting: (() => void)[] = [];

  const of = (licenseId: string): Delivery[] =>
    deliveries.filter(({ event }) => event.licenseId === licenseId);

  async function until(condition: () => boolean): Promise<void> {
    while (!condition()) await new Promise<void>((resolve) => waiting.push(resolve));
  }

  return {
    async subscriber(body: unknown): Promise<number> {
      const envelope = PushEnvelope.parse(body);
      const read = readMessage(envelope.message.data);
      if (!('event' in read)) throw new Error(read.because);
      const { event } = read;
      const refusalsLeft = refusals.get(event.eventId) ?? 0;
      refusals.set(event.eventId, refusalsLeft - 1);
      const isAccepted = refusalsLeft <= 0;
      deliveries.push({ envelope, event, isAccepted });
      for (const resolve of waiting) resolve();
      waiting = [];
      return isAccepted ? 204 : 503;
    },

    /** Refuses the next `count` deliveries of an event, or all until the returned function is called. */
    refuse(event: SeatEvent, count = Number.POSITIVE_INFINITY): () => void {
      refusals.set(event.eventId, count);
      return () => refusals.delete(event.eventId);
    },

    until,

    /** `count` different events of a license that were accepted, oldest first; waits for them. */
    async acceptedOf(licenseId: string, count: number): Promise<SeatEvent[]> {
      const accepted = (): SeatEvent[] => {
        const seen = of(licenseId).filter(({ isAccepted }) => isAccepted);
        const different = [...new Map(seen.map(({ event }) => [event.eventId, event])).values()];
        return different.toSorted((a, b) => a.atMs - b.atMs);
      };
      await until(() => accepted().length >= count);
      return accepted();
    },

    deliveriesOf: (licenseId: string): SeatEvent[] => of(licenseId).map(({ event }) => event),
    envelopesOf: (licenseId: string): PushEnvelope[] => of(licenseId).map(({ envelope }) => envelope),
    /** Number of different messages that were delivered. */
    messageCount: (): number => new Set(deliveries.map(({ envelope }) => envelope.message.messageId)).size,
  };
}
