import fc from 'fast-check';
import { expect, test } from 'vitest';
import { event, TENANT } from '../testing/seats/events.ts';
import {
  type AuditEvent,
  AuditEventSchema,
  type ChainHead,
  type ChainProblem,
  chainVerifier,
  emptyChain,
  sealEvents,
  unsealed,
  withoutHolder,
} from './audit-chain.ts';
import { newLicenseId, newTenantId } from './ids.ts';
import { keepUnknownFields, withoutUnknownFields } from './unknown-fields.ts';

const SEED = { seed: 20261125, numRuns: 400 };

function recorded(n: number): AuditEvent {
  const acquired = event({
    type: 'session.acquired',
    atMs: 1000 + n,
    detail: { active: n, max: 9, holder: 'h' },
  });
  return unsealed(acquired, 5000 + n);
}

function chainOf(length: number): { events: AuditEvent[]; head: ChainHead } {
  return sealEvents(
    emptyChain(TENANT),
    Array.from({ length }, (_, n) => recorded(n)),
  );
}

/** The problems found when the events are read by ascending `seq`. */
function problemsOf(events: readonly AuditEvent[], head: ChainHead | undefined): ChainProblem[] {
  const verifier = chainVerifier(TENANT);
  const bySeq = events.toSorted((a, b) => (a.link?.seq ?? 0) - (b.link?.seq ?? 0));
  return [...bySeq.flatMap(verifier.check), ...verifier.finish(head)];
}

/** The event with a recomputed hash, as an attacker would do who knows how hashes are computed. */
function resealed(changed: AuditEvent): AuditEvent {
  const { seq, previousHash } = changed.link ?? { seq: 1, previousHash: '' };
  const [sealed] = sealEvents({ tenantId: TENANT, seq: seq - 1, hash: previousHash }, [changed]).events;
  return sealed ?? changed;
}

const CHANGES: readonly Partial<AuditEvent>[] = [
  { type: 'session.revived' },
  { eventId: event({ type: 'license.created' }).eventId },
  { tenantId: newTenantId(16) },
  { licenseId: newLicenseId(TENANT) },
  { sessionId: null },
  { atMs: 1 },
  { position: '1-1' },
  { recordedAtMs: 1 },
  { sealed: false },
  { detail: {} },
  { detail: { active: 99, max: 9, holder: 'h' } },
  { detail: { active: 99, max: 9, holder: 'h', count: 1 } },
  { link: undefined },
];

test('seals a field that only a newer release knows as that release would, and finds that it was removed', () => {
  const stored = { ...recorded(1), detail: { active: 1, max: 9, holder: 'h', added_later: 'x' } };
  const [byNewer, byThis] = [stored, keepUnknownFields(AuditEventSchema.parse(stored), stored)].map((each) =>
    sealEvents(emptyChain(TENANT), [each]),
  );
  expect(byThis?.head).toEqual(byNewer?.head);
  const [event] = byThis?.events ?? [];
  if (!event || !byThis) expect.fail('should have sealed the event');
  expect(problemsOf([withoutHolder(event)], byThis.head)).toEqual([]);
  expect(problemsOf([withoutUnknownFields(event)], byThis.head)).toMatchObject([{ kind: 'CHANGED' }]);
});

/** Each tampers with a chain at index `at`. */
const TAMPERINGS: Readonly<
  Record<string, (events: AuditEvent[], at: number, other: number) => AuditEvent[]>
> = {
  'an event removed': (events, at) => events.toSpliced(at, 1),
  'an event and all after it removed': (events, at) => events.slice(0, at),
  'an event and all before it removed': (events, at) => events.slice(at + 1),
  'an event changed': (events, at, n) => alter(events, at, (e) => ({ ...e, ...CHANGES[n % CHANGES.length] })),
  'an event changed and rehashed': (events, at) =>
    alter(events, at, (e) => resealed({ ...e, detail: { active: 99 } })),
  'a seq changed': (events, at, n) =>
    alter(events, at, (e) => ({ ...e, link: e.link && { ...e.link, seq: e.link.seq + 1 + n } })),
  'a hash changed': (events, at) =>
    alter(events, at, (e) => ({ ...e, link: e.link && { ...e.link, hash: 'x' } })),
  'a previous hash changed': (events, at) =>
    alter(events, at, (e) => ({ ...e, link: e.link && { ...e.link, previousHash: 'x' } })),
  'an event inserted twice': (events, at) => events.toSpliced(at, 0, ...events.slice(at, at + 1)),
  'a forged event beside another': (events, at) =>
    events.flatMap((e, i) => (i === at ? [resealed({ ...e, atMs: 1 }), e] : [e])),
  'a forged event at the end': (events) => [...events, ...sealEvents(headOf(events), [recorded(77)]).events],
  'an event without a link': (events) => [...events, recorded(77)],
  'two events swapped': (events, at, n) => swap(events, at, n, (place, e) => ({ ...e, link: place.link })),
  'two events swapped and rehashed': (events, at, n) =>
    swap(events, at, n, (place, e) => resealed({ ...e, link: place.link })),
};

function alter(events: AuditEvent[], at: number, how: (event: AuditEvent) => AuditEvent): AuditEvent[] {
  return events.map((e, i) => (i === at ? how(e) : e));
}

function swap(
  events: AuditEvent[],
  at: number,
  n: number,
  put: (place: AuditEvent, event: AuditEvent) => AuditEvent,
): AuditEvent[] {
  const to = (at + 1 + (n % (events.length - 1))) % events.length;
  return events.map((place, i) => put(place, events[i === at ? to : i === to ? at : i] ?? place));
}

function headOf(events: readonly AuditEvent[]): ChainHead {
  const link = events.at(-1)?.link;
  return link ? { tenantId: TENANT, seq: link.seq, hash: link.hash } : emptyChain(TENANT);
}

test('verifies an intact chain, however many sweeps sealed it', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(5), { maxLength: 8 }), (batches) => {
      let head = emptyChain(TENANT);
      const events: AuditEvent[] = [];
      for (const size of batches) {
        const fresh = Array.from({ length: size }, (_, n) => recorded(events.length + n));
        const sealed = sealEvents(head, fresh);
        events.push(...sealed.events);
        head = sealed.head;
      }
      expect(problemsOf(events, head)).toEqual([]);
      expect({ events, head }).toEqual(chainOf(events.length));
      expect(events.map(({ link }) => link?.seq)).toEqual(events.map((_, i) => i + 1));
      for (const sealed of events) expect(AuditEventSchema.parse(sealed)).toEqual(sealed);
    }),
    SEED,
  );
});

function withHolder(event: AuditEvent, holder: string | undefined): AuditEvent {
  const { holder: _, ...detail } = event.detail;
  return { ...event, detail: holder === undefined ? detail : { ...detail, holder } };
}

test('still verifies after holders are erased, and still detects every other change', () => {
  const { events, head } = chainOf(6);
  const erased = events.map((each) => withHolder(each, undefined));
  expect(problemsOf(erased, head)).toEqual([]);
  expect(JSON.stringify(erased)).not.toContain('"h"');
  // The remaining hashes do not show which events had the same holder.
  expect(new Set(erased.map(({ link }) => link?.holderHash)).size).toBe(6);
  for (const [at] of erased.entries()) {
    const changed = alter(erased, at, (each) => ({ ...each, atMs: 1 }));
    expect(problemsOf(changed, head).map(({ kind }) => kind)).toEqual(['CHANGED']);
  }
});

test('detects a replaced holder and an added one', () => {
  const { events, head } = chainOf(3);
  const kinds = (changed: AuditEvent[]): string[] => problemsOf(changed, head).map(({ kind }) => kind);
  expect(kinds(alter(events, 1, (each) => withHolder(each, 'another holder')))).toEqual(['CHANGED']);
  const holderless = sealEvents(
    emptyChain(TENANT),
    [0, 1].map((n) => withHolder(recorded(n), undefined)),
  );
  const framed = alter(holderless.events, 0, (each) => withHolder(each, 'h'));
  expect(problemsOf(holderless.events, holderless.head)).toEqual([]);
  expect(problemsOf(framed, holderless.head).map(({ kind }) => kind)).toEqual(['CHANGED']);
  const disguised = alter(events, 1, (each) => ({
    ...withHolder(each, undefined),
    link: each.link && { ...each.link, holderHash: null },
  }));
  expect(kinds(disguised)).toEqual(['CHANGED']);
});

test('verifies events whose fields are in another order than when they were sealed', () => {
  const { events, head } = chainOf(3);
  const reversed = events.map((e) => ({
    ...e,
    detail: Object.fromEntries(Object.entries(e.detail).reverse()),
  }));
  expect(problemsOf(reversed, head)).toEqual([]);
});

test('verifies an empty chain, with or without a head', () => {
  expect(problemsOf([], undefined)).toEqual([]);
  expect(problemsOf([], emptyChain(TENANT))).toEqual([]);
});

test.each(Object.keys(TAMPERINGS))('detects at any place of any chain: %s', (name) => {
  fc.assert(
    fc.property(fc.integer({ min: 2, max: 12 }), fc.nat(), fc.nat(30), (length, place, n) => {
      const { events, head } = chainOf(length);
      const tampered = TAMPERINGS[name]?.(events, place % length, n) ?? events;
      expect(problemsOf(tampered, head)).not.toEqual([]);
    }),
    SEED,
  );
});

test.each(CHANGES.map((change) => [JSON.stringify(change), change] as const))(
  'detects the change %s at the beginning, in the middle and at the end',
  (_, change) => {
    const { events, head } = chainOf(5);
    for (const at of [0, 2, 4]) {
      expect(
        problemsOf(
          alter(events, at, (e) => ({ ...e, ...change })),
          head,
        ),
      ).not.toEqual([]);
    }
  },
);

test('reports one problem per wrong event and names that event', () => {
  const { events, head } = chainOf(9);
  const changed = alter(events, 4, (e) => ({ ...e, atMs: 1 }));
  expect(problemsOf(changed, head)).toEqual([
    { kind: 'CHANGED', seq: 5, eventId: events[4]?.eventId, detail: 'does not match its hash' },
  ]);
  expect(problemsOf(events.toSpliced(4, 1), head)).toEqual([
    { kind: 'REMOVED', seq: 5, eventId: null, detail: 'the event is missing' },
  ]);
  expect(problemsOf(events.toSpliced(2, 3), head)).toEqual([
    { kind: 'REMOVED', seq: 3, eventId: null, detail: 'the events 3 to 5 are missing' },
  ]);
  expect(problemsOf(events.slice(0, 7), head)).toEqual([
    { kind: 'REMOVED', seq: 8, eventId: null, detail: 'the events 8 to 9 are missing' },
  ]);
  expect(problemsOf([...events, recorded(77)], head)).toMatchObject([{ kind: 'INSERTED' }]);
  const twice = events.flatMap((e) => (e.link?.seq === 5 ? [e, e] : [e]));
  expect(problemsOf(twice, head)).toMatchObject([{ kind: 'INSERTED', seq: 5, eventId: events[4]?.eventId }]);
});

test('detects a replaced and rehashed event by the next event or the head', () => {
  const { events, head } = chainOf(3);
  const replace = (at: number) =>
    problemsOf(
      alter(events, at, (e) => resealed({ ...e, atMs: 1 })),
      head,
    );
  expect(replace(0)).toMatchObject([{ kind: 'CHANGED', seq: 2 }]);
  expect(replace(2)).toMatchObject([{ kind: 'CHANGED', seq: 3, eventId: null }]);
});

test('detects a head that is missing, too short, too long or of another chain', () => {
  const { events, head } = chainOf(3);
  const other = sealEvents(emptyChain(newTenantId(16)), [recorded(0), recorded(1), recorded(2)]).head;
  for (const wrong of [undefined, chainOf(2).head, chainOf(4).head, other, { ...head, hash: 'x' }]) {
    expect(problemsOf(events, wrong)).not.toEqual([]);
  }
});

test('rejects the chain of another tenant', () => {
  const { events, head } = chainOf(2);
  const verifier = chainVerifier(newTenantId(16));
  expect([...events.flatMap(verifier.check), ...verifier.finish(head)]).not.toEqual([]);
  expect(emptyChain(newTenantId(16)).hash).not.toBe(emptyChain(TENANT).hash);
});
