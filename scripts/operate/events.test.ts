import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openPubSubMessages } from '../../shared/adapters/events/pubsub-messages.ts';
import { unsealed } from '../../shared/domain/audit-chain.ts';
import { erasedId } from '../../shared/domain/erased-id.ts';
import { messageOf, TRACEPARENT_ATTRIBUTE } from '../../shared/domain/event-message.ts';
import { newPersonalId } from '../../shared/domain/ids.ts';
import { openSqliteRecords } from '../../shared/local/sqlite-records.ts';
import { AUDIT, ERASED_IDS } from '../../shared/ports/collections.ts';
import type { Message, Messages, PulledMessage } from '../../shared/ports/messages.ts';
import type { Records } from '../../shared/ports/records.ts';
import { newLicense } from '../../shared/testing/contracts/events/suite.ts';
import { describeReal } from '../../shared/testing/real-parts.ts';
import type { PubSubProject } from '../../shared/testing/servers/pubsub-emulator.ts';
import { newPubSubProject } from '../../shared/testing/shared-emulators.ts';
import { runOperate } from './run.ts';

const TOPIC = 'seatlease-events';
const DEAD = 'seatlease-events-dead';
/** How long a pull waits in these tests. The emulator delivers within milliseconds, unless the machine is busy. */
const WAIT_MS = 500;

/** What Pub/Sub adds to a dead letter. */
const ADDED = {
  CloudPubSubDeadLetterSourceDeliveryCount: '20',
  CloudPubSubDeadLetterSourceSubscription: 'seatlease-events-record-event',
  CloudPubSubDeadLetterSourceSubscriptionProject: 'my-project',
  CloudPubSubDeadLetterSourceTopicPublishTime: '2026-11-29T10:35:14.812+00:00',
};

/** A project with our topics, and a vendor's subscription to the events. */
interface World {
  readonly project: PubSubProject;
  readonly messages: Messages;
  readonly records: Records;
  operate(...args: string[]): Promise<{ code: number; printed: string; json: () => unknown }>;
  /** Everything in a subscription, which should be `count` messages; they stay there. */
  waitingIn(subscription: string, count: number): Promise<Message[]>;
  close(): Promise<void>;
}

async function openWorld(): Promise<World> {
  const project = await newPubSubProject();
  for (const topic of [TOPIC, DEAD, 'backfill']) {
    await project.createTopic(topic);
    await project.createPullSubscription({ topic, subscription: topic });
  }
  const messages = openPubSubMessages({
    projectId: project.projectId,
    emulatorHost: project.host,
    waitMs: WAIT_MS,
  });
  const records = openSqliteRecords(':memory:');
  const refuse = (): never => {
    throw new Error('not used here');
  };
  return {
    project,
    messages,
    records,
    async operate(...args) {
      const printed: string[] = [];
      const print = (text: string): void => void printed.push(text);
      const code = await runOperate(
        args,
        {},
        { print, printError: print },
        {
          withRecords: (work) => work(records),
          withKeys: refuse,
          withMessages: (work) => work(messages, TOPIC),
          nowMs: () => 0,
        },
      );
      return { code, printed: printed.join('\n'), json: () => JSON.parse(printed.join('\n')) };
    },
    async waitingIn(subscription, count) {
      let pulled: readonly PulledMessage[] = [];
      for (let tries = 0; tries === 0 || (pulled.length < count && tries < 20); tries += 1) {
        pulled = await messages.pull(subscription, 100);
        await messages.putBack(subscription, pulled);
      }
      return pulled.map(({ data, attributes }) => ({ data, attributes }));
    },
    async close() {
      await messages.close();
      await records.close();
    },
  };
}

/** The messages without what the subscription does not return, in a comparable order. */
function comparable(messages: readonly Message[]) {
  return messages
    .map(({ data, attributes }) => ({ data: data.toString(), attributes }))
    .toSorted((a, b) => (a.data < b.data ? -1 : 1));
}

describeReal('Pub/Sub emulator', 'operate events', () => {
  let world: World;
  beforeEach(async () => {
    world = await openWorld();
  });
  afterEach(() => world.close());

  /** Dead letters as Pub/Sub writes them, and the messages that they were before. */
  async function bury(...originals: Message[]): Promise<void> {
    await world.messages.publish(
      DEAD,
      originals.map((each) => ({ ...each, attributes: { ...each.attributes, ...ADDED } })),
    );
    await world.waitingIn(DEAD, originals.length);
  }
  const traced = (message: Message): Message => ({
    ...message,
    attributes: { ...message.attributes, [TRACEPARENT_ATTRIBUTE]: 'a-trace', 'vendor.example/own': 'kept' },
  });

  describe('replay', () => {
    test('shows the dead letters, publishes nothing and removes nothing', async () => {
      const license = newLicense();
      const originals = [license.next(), license.next()].map(messageOf);
      await bury(...originals);
      const shown = await world.operate('events', 'replay');
      expect(shown.code).toBe(0);
      expect(shown.printed).toContain('2 dead letters would be published to seatlease-events');
      for (const { eventId } of license.events) expect(shown.printed).toContain(eventId);
      expect(shown.printed).toContain('Add --apply');
      expect(await world.waitingIn(TOPIC, 0)).toEqual([]);
      expect(await world.waitingIn(DEAD, 2)).toHaveLength(2);
    });

    test('publishes an event of an erased session without its holder and its user', async () => {
      const { events, next } = newLicense();
      const userId = newPersonalId('usr');
      const kept = next({ holder: 'another-holder' });
      const erased = {
        ...next({ holder: 'a-holder' }, 'session.released'),
        actor: { kind: 'user', id: userId } as const,
      };
      for (const id of ['a-holder', userId]) {
        const { hash } = erasedId(id, Date.now());
        await world.records.create(ERASED_IDS, hash, erasedId(id, Date.now()));
      }
      expect(events).toHaveLength(2);
      // Written an hour ago: younger events are not compared with what was erased.
      const late = [kept, erased].map((event) => ({ ...event, position: `${Date.now() - 3_600_000}-0` }));
      await bury(...late.map(messageOf));
      expect((await world.operate('events', 'replay', '--apply')).code).toBe(0);
      const published = (await world.waitingIn(TOPIC, 2)).map(({ data }) => JSON.parse(data.toString()));
      const byType = Object.fromEntries(published.map((event) => [event.type, event]));
      expect(byType['session.acquired'].holder).toBe('another-holder');
      expect(byType['session.released']).not.toHaveProperty('holder');
      expect(byType['session.released'].actor).toEqual({ type: 'user', id: null });
    });

    test('publishes data and attributes unchanged but for what Pub/Sub added, and removes the dead letters', async () => {
      const [one, other] = [newLicense(), newLicense()];
      const originals = [one.next(), other.next(), one.next()].map(messageOf).map(traced);
      await bury(...originals);
      const applied = await world.operate('events', 'replay', '--apply', '--json');
      expect([applied.code, applied.json()]).toMatchObject([
        0,
        { applied: true, published: 3, unreadable: 0 },
      ]);
      expect(comparable(await world.waitingIn(TOPIC, originals.length))).toEqual(comparable(originals));
      expect(await world.waitingIn(DEAD, 0)).toEqual([]);
      const again = await world.operate('events', 'replay', '--apply');
      expect([again.code, again.printed]).toEqual([0, 'There are no dead letters.']);
    });

    test('publishes at most --limit, and only those of a license and type', async () => {
      const [one, other] = [newLicense(), newLicense()];
      const wanted = [one.next(), one.next(), one.next()].map(messageOf);
      await bury(...[one.next({}, 'session.released'), other.next()].map(messageOf), ...wanted);
      const select = ['--license', one.id, '--type', 'session.acquired'];
      const some = await world.operate('events', 'replay', ...select, '--limit', '2', '--apply', '--json');
      expect(some.json()).toMatchObject({ published: 2 });
      expect(await world.waitingIn(DEAD, 3)).toHaveLength(3);
      const rest = await world.operate('events', 'replay', ...select, '--apply', '--json');
      expect(rest.json()).toMatchObject({ published: 1 });
      expect(comparable(await world.waitingIn(TOPIC, 3))).toEqual(comparable(wanted));
      expect(await world.waitingIn(DEAD, 2)).toHaveLength(2);
    });

    test('leaves what this release cannot read, and reports it as a problem', async () => {
      const unreadable = { data: Buffer.from('{"v":2,"event_id":"secret"}'), attributes: { v: '2' } };
      const readable = messageOf(newLicense().next());
      await bury(unreadable, readable);
      const applied = await world.operate('events', 'replay', '--apply');
      expect([applied.code, applied.printed]).toEqual([
        1,
        expect.stringContaining('1 dead letter cannot be read by this release'),
      ]);
      expect(applied.printed).toContain('another version');
      expect(applied.printed).not.toContain('secret');
      expect(comparable(await world.waitingIn(TOPIC, 1))).toEqual(comparable([readable]));
      expect(await world.waitingIn(DEAD, 1)).toHaveLength(1);
    });

    test('removes no dead letter that was not accepted', async () => {
      const originals = [newLicense().next(), newLicense().next()].map(messageOf);
      await bury(...originals);
      const publish = world.messages.publish;
      world.messages.publish = (_, messages) => publish('no-such-topic', messages);
      const failed = await world.operate('events', 'replay', '--apply');
      expect([failed.code, failed.printed]).toEqual([2, expect.stringContaining('NOT_FOUND')]);
      world.messages.publish = publish;
      expect(await world.waitingIn(DEAD, 2)).toHaveLength(2);
      expect((await world.operate('events', 'replay', '--apply')).code).toBe(0);
      expect(comparable(await world.waitingIn(TOPIC, originals.length))).toEqual(comparable(originals));
    });

    test('fails if the subscription does not exist, and does not say that there are no dead letters', async () => {
      const failed = await world.operate('events', 'replay', '--subscription', 'missing');
      expect([failed.code, failed.printed]).toEqual([2, expect.stringContaining('NOT_FOUND')]);
    });
  });

  describe('backfill', () => {
    const from = '2027-01-15T08:00:00.000Z';
    const to = '2027-01-15T08:00:00.200Z';
    const span = ['--from', from, '--to', to, '--topic', 'backfill'];

    /** Records events of a license, one each millisecond from 2027-01-15T08:00:00Z. */
    async function record(count: number, type?: Parameters<ReturnType<typeof newLicense>['next']>[1]) {
      const license = newLicense();
      for (let n = 0; n < count; n += 1) {
        const event = license.next({ holder: `holder-${n}` }, type);
        await world.records.create(AUDIT, event.eventId, unsealed(event, event.atMs + 60_000));
      }
      return license;
    }

    test('publishes each recorded event of the span as it was published first', async () => {
      const license = await record(205);
      const shown = await world.operate('events', 'backfill', ...span);
      expect([shown.code, shown.printed]).toEqual([
        0,
        expect.stringContaining('200 events would be published to backfill'),
      ]);
      expect(await world.waitingIn('backfill', 0)).toEqual([]);

      const applied = await world.operate('events', 'backfill', ...span, '--apply', '--json');
      expect([applied.code, applied.json()]).toMatchObject([0, { applied: true, events: 200 }]);
      const received: Message[] = [];
      for (let tries = 0; received.length < 200 && tries < 20; tries += 1) {
        const pulled = await world.messages.pull('backfill', 100);
        await world.messages.acknowledge('backfill', pulled);
        received.push(...pulled);
      }
      expect(comparable(received)).toEqual(comparable(license.events.slice(0, 200).map(messageOf)));
      expect(await world.waitingIn('backfill', 0)).toEqual([]);
      expect(await world.waitingIn(TOPIC, 0)).toEqual([]);
    });

    test('publishes only the events of a license or tenant, and of a type', async () => {
      const [one, other] = [await record(2), await record(2, 'session.released')];
      const count = async (...select: string[]) =>
        (await world.operate('events', 'backfill', ...span, ...select, '--json')).json();
      expect(await count()).toMatchObject({ events: 4 });
      expect(await count('--license', one.id)).toMatchObject({ events: 2 });
      expect(await count('--type', 'session.released')).toMatchObject({ events: 2 });
      expect(await count('--license', one.id, '--type', 'session.released')).toMatchObject({ events: 0 });
      expect(await count('--tenant', String(other.events[0]?.tenantId))).toMatchObject({ events: 2 });
    });

    test('refuses the events topic itself, to which record-event and all other subscribers listen', async () => {
      await record(1);
      const refused = await world.operate(
        'events',
        'backfill',
        '--from',
        from,
        '--to',
        to,
        '--topic',
        TOPIC,
        '--apply',
      );
      expect([refused.code, refused.printed]).toEqual([2, expect.stringContaining('all subscribers')]);
      expect(await world.waitingIn(TOPIC, 0)).toEqual([]);
    });

    test.each([
      ['--from', 'yesterday', '--from needs'],
      ['--to', '2027-01-15T07:00:00Z', '--to must be later'],
      ['--license', 'x', '--license needs'],
    ])('refuses %s %s', async (name, value, message) => {
      const args = [...span, ...(span.includes(name) ? [] : [name, value])];
      const changed = args.map((each, n) => (args[n - 1] === name ? value : each));
      const refused = await world.operate('events', 'backfill', ...changed);
      expect([refused.code, refused.printed]).toEqual([2, expect.stringContaining(message)]);
    });
  });
});
