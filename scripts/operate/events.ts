import * as z from 'zod/mini';
import { CommandError } from '../../clients/command-line/errors.ts';
import {
  about,
  choice,
  flag,
  option,
  optional,
  wholeNumber,
  withDefault,
} from '../../clients/command-line/options.ts';
import { type Command, defineCommand, EXIT } from '../../clients/command-line/program.ts';
import { DEAD_LETTERS } from '../../infra/names.ts';
import { isPublished } from '../../shared/domain/audit-event.ts';
import { EVENT_TYPES, type SeatEvent } from '../../shared/domain/event.ts';
import { messageOf, readMessage } from '../../shared/domain/event-message.ts';
import { LICENSE_ID, TENANT_ID } from '../../shared/domain/ids.ts';
import { keepReasons } from '../../shared/ports/each-document.ts';
import type { Message, Messages, PulledMessage } from '../../shared/ports/messages.ts';
import { type AuditScope, auditQuery } from '../../shared/ports/queries.ts';
import type { Records } from '../../shared/ports/records.ts';
import { withoutErasedIds } from '../../shared/use-cases/erasure/late-events.ts';
import type { OperateParts } from './parts.ts';

const NEEDS_NAME = 'needs a name without the project';
const NEEDS_TIME = 'needs a time: 2026-11-28T10:20:00Z';
const NEEDS_LICENSE = 'needs the id of a license (lic_…)';
const NEEDS_TENANT = 'needs the id of a tenant (ten_…)';

const name = () =>
  option('NAME', z.string(NEEDS_NAME).check(z.regex(/^[A-Za-z][\w.~+%-]{2,254}$/, NEEDS_NAME)));
const time = () =>
  option(
    'TIME',
    z.pipe(
      z.iso.datetime(NEEDS_TIME),
      z.transform((text) => Date.parse(text)),
    ),
  );
const license = () => option('LICENSE', z.string(NEEDS_LICENSE).check(z.regex(LICENSE_ID, NEEDS_LICENSE)));
const tenant = () => option('TENANT', z.string(NEEDS_TENANT).check(z.regex(TENANT_ID, NEEDS_TENANT)));

/** The most that one pull returns, and a page of records. */
const BATCH = 100;

export const EVENTS_COMMANDS: readonly Command<OperateParts>[] = [
  defineCommand('events replay', {
    summary:
      'Shows the dead letters of the events. With --apply, publishes them again and removes those that were accepted.',
    options: z.object({
      limit: about('dead letters at most', withDefault(wholeNumber(1, 10_000), 100)),
      license: optional(license()),
      type: optional(choice(EVENT_TYPES)),
      subscription: about('of the dead letters', withDefault(name(), DEAD_LETTERS)),
      apply: flag(),
    }),
    run: (options, { withMessages, withRecords }) =>
      withMessages(async (messages, topic) => {
        const replayed = options.apply
          ? await withRecords((records) => replay(messages, topic, options, records))
          : await replay(messages, topic, options);
        return reportReplay(replayed, topic);
      }),
  }),
  defineCommand('events backfill', {
    summary:
      'Counts the recorded events of a time. With --apply, publishes them again to a topic of a subscriber that has lost them.',
    options: z.object({
      from: about('when the first happened', time()),
      to: about('before this', time()),
      topic: about('not the events topic', name()),
      license: optional(license()),
      tenant: optional(tenant()),
      type: optional(choice(EVENT_TYPES)),
      apply: flag(),
    }),
    async run({ topic, apply, ...span }, { withMessages, withRecords }) {
      if (span.to <= span.from) throw new CommandError('--to must be later than --from.');
      return withMessages(async (messages, eventsTopic) => {
        if (topic === eventsTopic)
          throw new CommandError(
            `${topic} is the events topic: all subscribers would get the events again. Create a topic for the one that lost them.`,
          );
        const publish = async (events: readonly SeatEvent[]): Promise<void> => {
          if (apply) await messages.publish(topic, events.map(messageOf));
        };
        const events = await withRecords((records) => forEachPage(records, span, publish));
        return reportBackfill(events, topic, apply);
      });
    },
  }),
];

interface ReplayOptions {
  readonly limit: number;
  readonly license?: string | undefined;
  readonly type?: string | undefined;
  readonly subscription: string;
  readonly apply: boolean;
}

interface Replayed {
  readonly isApplied: boolean;
  readonly readable: readonly PulledMessage[];
  readonly unreadable: readonly PulledMessage[];
}

/**
 * Publishes each dead letter before it removes it: if the program ends in between, the event is published again, and
 * subscribers recognise it by its id. What is not published is put back. With `records` it is applied: an event is
 * published without what was erased since.
 */
async function replay(
  messages: Messages,
  topic: string,
  { limit, subscription, ...filter }: ReplayOptions,
  records?: Records,
): Promise<Replayed> {
  const seen = new Set<string>();
  const kept: PulledMessage[] = [];
  const readable: PulledMessage[] = [];
  const unreadable: PulledMessage[] = [];
  try {
    while (readable.length < limit) {
      const pulled = await messages.pull(subscription, BATCH);
      const fresh = pulled.filter(({ messageId }) => !seen.has(messageId));
      kept.push(...pulled);
      if (fresh.length === 0) break;
      for (const { messageId } of fresh) seen.add(messageId);
      const wanted = fresh.filter((message) => isWanted(message, filter));
      unreadable.push(...wanted.filter((message) => !isReadable(message)));
      const batch = wanted.filter(isReadable).slice(0, limit - readable.length);
      if (records) {
        await messages.publish(
          topic,
          await Promise.all(batch.map((message) => asPublished(message, records))),
        );
        await messages.acknowledge(subscription, batch);
        const done = new Set(batch);
        kept.splice(0, kept.length, ...kept.filter((message) => !done.has(message)));
      }
      readable.push(...batch);
    }
  } finally {
    await messages.putBack(subscription, kept);
  }
  return { isApplied: records !== undefined, readable, unreadable };
}

function isWanted(
  { attributes }: Message,
  { license: licenseId, type }: Pick<ReplayOptions, 'license' | 'type'>,
): boolean {
  if (licenseId !== undefined && attributes.license_id !== licenseId) return false;
  return type === undefined || attributes.type === type;
}

function read({ data }: Message) {
  return readMessage(data.toString('base64'));
}

function isReadable(message: Message): boolean {
  return 'event' in read(message);
}

/** Pub/Sub describes the first delivery in attributes of a dead letter; subscribers never got them. */
async function asPublished(message: Message, records: Records): Promise<Message> {
  const found = read(message);
  if ('because' in found) throw new Error('an unreadable message is not published');
  const event = await withoutErasedIds(found.event, records, Date.now());
  const data = event === found.event ? message.data : messageOf(event).data;
  const own = Object.entries(message.attributes).filter(
    ([key]) => !key.startsWith('CloudPubSubDeadLetterSource'),
  );
  return { data, attributes: Object.fromEntries(own) };
}

function reportReplay({ isApplied, readable, unreadable }: Replayed, topic: string) {
  const lines = [
    ...(readable.length === 0 ? [] : [headline(readable.length, isApplied, topic)]),
    ...readable.map(describe),
    ...(unreadable.length === 0
      ? []
      : [
          `${counted(unreadable.length, 'dead letter')} cannot be read by this release and ${unreadable.length === 1 ? 'stays' : 'stay'}. Deploy the release that wrote ${unreadable.length === 1 ? 'it' : 'them'}, and run this command from its files:`,
          ...unreadable.map(describe),
        ]),
    ...(readable.length + unreadable.length === 0 ? ['There are no dead letters.'] : []),
    ...(readable.length > 0 && !isApplied ? ['Add --apply to publish them.'] : []),
  ];
  return {
    exit: unreadable.length === 0 ? EXIT.ok : EXIT.problem,
    text: lines.join('\n'),
    json: {
      applied: isApplied,
      [isApplied ? 'published' : 'would_publish']: readable.length,
      unreadable: unreadable.length,
      messages: [...readable, ...unreadable].map(({ messageId, attributes }) => ({
        message_id: messageId,
        event_id: attributes.event_id,
        type: attributes.type,
        license_id: attributes.license_id,
        deliveries: attributes.CloudPubSubDeadLetterSourceDeliveryCount,
      })),
    },
  };
}

function headline(count: number, isApplied: boolean, topic: string): string {
  if (isApplied)
    return `${counted(count, 'dead letter')} ${count === 1 ? 'was' : 'were'} published to ${topic}:`;
  return `${counted(count, 'dead letter')} would be published to ${topic}:`;
}

function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

/** Names the event, and never quotes its data. */
function describe(message: PulledMessage): string {
  const found = read(message);
  if ('because' in found) return `  message ${message.messageId}: ${found.because}`;
  const { atMs, type, licenseId, eventId } = found.event;
  return `  ${new Date(atMs).toISOString()}  ${type.padEnd(28)}  ${licenseId}  ${eventId}`;
}

interface Span {
  readonly from: number;
  readonly to: number;
  readonly license?: string | undefined;
  readonly tenant?: string | undefined;
  readonly type?: string | undefined;
}

/** Reads the audit log of the span, newest first. Returns how many events it has, and the documents that cannot be read. */
async function forEachPage(
  records: Records,
  { from, to, ...by }: Span,
  use: (events: readonly SeatEvent[]) => Promise<void>,
): Promise<{ count: number; unreadable: readonly string[] }> {
  // A license has one tenant, so with both a query by license is enough, and the rest is filtered.
  const scope: AuditScope | undefined =
    by.license !== undefined ? 'licenseId' : by.tenant !== undefined ? 'tenantId' : undefined;
  const equals = {
    ...(by.license !== undefined
      ? { licenseId: by.license }
      : by.tenant !== undefined
        ? { tenantId: by.tenant }
        : {}),
    ...(by.type === undefined ? {} : { type: by.type }),
  };
  const query = auditQuery(scope, by.type !== undefined);
  const unreadable: string[] = [];
  let count = 0;
  let cursor: string | undefined;
  do {
    const page = await records.query(query, equals, {
      ...{ limit: BATCH, least: from, below: to },
      ...{ cursor, onUnreadable: keepReasons(unreadable) },
    });
    const events = page.documents
      .filter(isPublished)
      .filter(({ tenantId }) => by.tenant === undefined || tenantId === by.tenant);
    await use(events);
    count += events.length;
    cursor = page.nextCursor;
  } while (cursor !== undefined);
  return { count, unreadable };
}

function reportBackfill(
  { count: events, unreadable }: Awaited<ReturnType<typeof forEachPage>>,
  topic: string,
  isApplied: boolean,
) {
  const done = events === 1 ? 'was' : 'were';
  const text = isApplied
    ? `${counted(events, 'event')} ${done} published to ${topic}.`
    : `${counted(events, 'event')} would be published to ${topic}. Add --apply to publish them.`;
  const left = unreadable.map((message) => `Left out: ${message}`);
  return {
    exit: unreadable.length === 0 ? EXIT.ok : EXIT.problem,
    text: [text, ...left].join('\n'),
    json: { applied: isApplied, events, topic, unreadable: unreadable.length },
  };
}
