import { unsealed } from '../../shared/domain/audit-chain.ts';
import type { SeatEvent } from '../../shared/domain/event.ts';
import { type PushEnvelope, readMessage, TRACEPARENT_ATTRIBUTE } from '../../shared/domain/event-message.ts';
import { addToHistory } from '../../shared/domain/session-history.ts';
import { addToHour, usageHourId, usageMsOf } from '../../shared/domain/usage.ts';
import type { HandlersOf, ReplyOf, RequestOf } from '../../shared/http/contract.ts';
import { readTraceparent, traceName } from '../../shared/http/trace.ts';
import { AUDIT, SESSION_HISTORIES, USAGE_HOURS } from '../../shared/ports/collections.ts';
import type { Deps } from '../../shared/ports/deps.ts';
import { withoutErasedIds } from '../../shared/use-cases/erasure/late-events.ts';
import type contract from './contract.ts';

async function receive(
  { body, note }: RequestOf<typeof contract, 'record'>,
  deps: Deps,
): Promise<ReplyOf<typeof contract, 'record'>> {
  // The request of Pub/Sub has another trace than the request that published the event.
  const publisher = readTraceparent(body.message.attributes?.[TRACEPARENT_ATTRIBUTE]);
  if (publisher) note({ publisher_trace: traceName(publisher, deps.projectId) });
  const read = readMessage(body.message.data);
  if ('because' in read) {
    // Every delivery is refused, so that Pub/Sub dead-letters the message. Only the first is logged as an error.
    if (!isFirstDelivery(body)) return { problem: 'EVENT_INVALID' };
    note({ severity: 'ERROR', message_id: body.message.messageId });
    return { problem: 'EVENT_INVALID', because: read.because };
  }
  note({ event_id: read.event.eventId, verdict: await record(read.event, deps) });
  return { answer: 'recorded', body: undefined };
}

/**
 * Records the event, the session history and the usage in one transaction. An interrupted delivery changes nothing, and
 * a duplicate finds that the event is recorded. A late event brings nothing back that was erased since.
 */
function record(delivered: SeatEvent, { records, clock }: Deps): Promise<'RECORDED' | 'KNOWN'> {
  const { eventId, licenseId, sessionId } = delivered;
  const hourId = usageHourId(licenseId, usageMsOf(delivered));
  const nowMs = clock.nowMs();
  return records.transact(async (transaction) => {
    const [known, history, hour] = await Promise.all([
      transaction.get(AUDIT, eventId),
      sessionId === null ? undefined : transaction.get(SESSION_HISTORIES, sessionId),
      transaction.get(USAGE_HOURS, hourId),
    ]);
    if (known) return 'KNOWN';
    const event = await withoutErasedIds(delivered, transaction, nowMs);
    transaction.set(AUDIT, eventId, unsealed(event, nowMs));
    const nextHistory = addToHistory(history, event);
    if (sessionId !== null && nextHistory) transaction.set(SESSION_HISTORIES, sessionId, nextHistory);
    const nextHour = addToHour(hour, event);
    if (nextHour) transaction.set(USAGE_HOURS, hourId, nextHour);
    return 'RECORDED';
  });
}

const MOST_REFUSED_MESSAGES = 1_000;
const refusedMessages = new Set<string>();

/** Pub/Sub counts deliveries only if a dead-letter topic is configured. Otherwise this instance remembers messages. */
function isFirstDelivery({ message, deliveryAttempt }: PushEnvelope): boolean {
  if (deliveryAttempt !== undefined) return deliveryAttempt === 1;
  if (refusedMessages.has(message.messageId)) return false;
  if (refusedMessages.size >= MOST_REFUSED_MESSAGES) refusedMessages.clear();
  refusedMessages.add(message.messageId);
  return true;
}

export default { record: receive } satisfies HandlersOf<typeof contract>;
