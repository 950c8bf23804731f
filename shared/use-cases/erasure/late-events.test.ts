import { expect, test } from 'vitest';
import { erasedId } from '../../domain/erased-id.ts';
import { type EventType, eventOf, type SeatEvent } from '../../domain/event.ts';
import { newLicenseId, newPersonalId, newSessionId, newTenantId } from '../../domain/ids.ts';
import type { Transaction } from '../../ports/records.ts';
import { withoutErasedIds } from './late-events.ts';

const NOW_MS = Date.UTC(2027, 0, 10);
const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;

const tenantId = newTenantId(1);
const licenseId = newLicenseId(tenantId);
const sessionId = newSessionId(licenseId);
const userId = newPersonalId('usr');
const holder = 'pseudonym';

function eventAgedMs(ageMs: number, type: EventType = 'session.acquired'): SeatEvent {
  const atMs = NOW_MS - ageMs;
  const actor = { kind: 'user', id: userId } as const;
  const at = { atMs, position: `${atMs}-0`, actor };
  return eventOf({ type, tenantId, licenseId, sessionId, ...at, detail: { holder } });
}

/** What is left of the event once these ids are erased. */
async function leftOf(event: SeatEvent, erased: readonly string[]) {
  const hashes = erased.map((id) => erasedId(id, NOW_MS).hash);
  const found = async (_: unknown, id: string) => (hashes.includes(id) ? {} : undefined);
  const records = { get: found } as unknown as Pick<Transaction, 'get'>;
  const { actor, detail } = await withoutErasedIds(event, records, NOW_MS);
  return { actor: actor.id, holder: detail.holder };
}

const LATE_MS = 31 * MINUTE_MS;

test.each([
  ['nothing', [], { actor: userId, holder }],
  ['the session', [sessionId], { actor: userId, holder: undefined }],
  ['the holder', [holder], { actor: userId, holder: undefined }],
  ['the actor', [userId], { actor: null, holder: undefined }],
  ['somebody else', [newPersonalId('usr')], { actor: userId, holder }],
])('a late event loses what was erased: %s', async (_, erased, left) => {
  expect(await leftOf(eventAgedMs(LATE_MS), erased)).toEqual(left);
});

test("an erased admin's act on a session of another user keeps its holder", async () => {
  const evicted = eventAgedMs(LATE_MS, 'session.evicted');
  expect(await leftOf(evicted, [userId])).toEqual({ actor: null, holder });
});

test.each([
  [62 * DAY_MS, { actor: userId, holder }],
  [62 * DAY_MS + 1, { actor: null, holder: undefined }],
])(
  'an event that is %i ms late is recorded with its people for as long as it can be delivered',
  async (ageMs, left) => {
    expect(await leftOf(eventAgedMs(ageMs), [])).toEqual(left);
  },
);
