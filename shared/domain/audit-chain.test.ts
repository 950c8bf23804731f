import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
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
  withoutUser,
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
  return unsealed({ ...acquired, actor: { kind: 'user', id: 'u' }, subject: 's' }, 5000 + n);
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

/** Sets the erasable values of an event: `null` erases one. */
type Erasable = keyof NonNullable<AuditEvent['link']>['erasable'];
const SET: Readonly<Record<Erasable, (event: AuditEvent, value: string | null) => AuditEvent>> = {
  holder: (event, holder) => {
    const bare = withoutHolder(event);
    return holder === null ? bare : { ...bare, detail: { ...bare.detail, holder } };
  },
  actor: (event, id) => ({ ...event, actor: { ...event.actor, id } }),
  subject: (event, subject) => ({ ...event, subject }),
};

describe.each([
  ['holder', '"h"'],
  ['actor', '"u"'],
  ['subject', '"s"'],
] as const)('the %s of an event', (name, value) => {
  const set = SET[name];
  const kindsOf = (events: readonly AuditEvent[], head: ChainHead): string[] =>
    problemsOf(events, head).map(({ kind }) => kind);

  test('can be erased: the chain still verifies, and still detects every other change', () => {
    const { events, head } = chainOf(6);
    const erased = events.map((each) => set(each, null));
    expect(problemsOf(erased, head)).toEqual([]);
    expect(JSON.stringify(erased)).not.toContain(value);
    // The remaining hashes do not show which events had the same value.
    expect(new Set(erased.map(({ link }) => link?.erasable[name])).size).toBe(6);
    for (const [at] of erased.entries())
      expect(
        kindsOf(
          alter(erased, at, (each) => ({ ...each, atMs: 1 })),
          head,
        ),
      ).toEqual(['CHANGED']);
  });

  test('cannot be replaced, nor added later', () => {
    const { events, head } = chainOf(3);
    expect(
      kindsOf(
        alter(events, 1, (each) => set(each, 'another')),
        head,
      ),
    ).toEqual(['CHANGED']);
    const without = sealEvents(
      emptyChain(TENANT),
      [0, 1].map((n) => set(recorded(n), null)),
    );
    expect(problemsOf(without.events, without.head)).toEqual([]);
    expect(
      kindsOf(
        alter(without.events, 0, (each) => set(each, 'added')),
        without.head,
      ),
    ).toEqual(['CHANGED']);
    const disguised = alter(events, 1, (each) => ({
      ...set(each, null),
      link: each.link && { ...each.link, erasable: { ...each.link.erasable, [name]: null } },
    }));
    expect(kindsOf(disguised, head)).toEqual(['CHANGED']);
  });
});

test('an erased user is gone as the actor and as the subject of an event, and others stay', () => {
  const event: AuditEvent = { ...recorded(1), subject: 'u' };
  expect(withoutUser(event, 'u')).toMatchObject({ actor: { kind: 'user', id: null }, subject: null });
  expect(withoutUser(event, 'v')).toEqual(event);
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
