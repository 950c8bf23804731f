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
} from './audit-chain.ts';
import { newLicenseId, newTenantId } from './ids.ts';

const SEED = { seed: 20261125, numRuns: 400 };

function recorded(n: number): AuditEvent {
  const told = event({
    type: 'session.acquired',
    atMs: 1000 + n,
    detail: { active: n, max: 9, holder: 'h' },
  });
  return unsealed(told, 5000 + n);
}

function chainOf(length: number): { events: AuditEvent[]; head: ChainHead } {
  return sealEvents(
    emptyChain(TENANT),
    Array.from({ length }, (_, n) => recorded(n)),
  );
}

/** Problems of the events as they would be read: by rising place. */
function problemsOf(events: readonly AuditEvent[], head: ChainHead | undefined): ChainProblem[] {
  const verifier = chainVerifier(TENANT);
  const bySeq = events.toSorted((a, b) => (a.link?.seq ?? 0) - (b.link?.seq ?? 0));
  return [...bySeq.flatMap(verifier.check), ...verifier.finish(head)];
}

/** An event linked anew where it stands, as someone would who knows how hashes are made. */
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

/** Each makes of a chain one that was tampered with at place `at`. */
const TAMPERINGS: Readonly<
  Record<string, (events: AuditEvent[], at: number, other: number) => AuditEvent[]>
> = {
  'an event removed': (events, at) => events.toSpliced(at, 1),
  'an event and all after it removed': (events, at) => events.slice(0, at),
  'an event and all before it removed': (events, at) => events.slice(at + 1),
  'an event changed': (events, at, n) => alter(events, at, (e) => ({ ...e, ...CHANGES[n % CHANGES.length] })),
  'an event changed and hashed anew': (events, at) =>
    alter(events, at, (e) => resealed({ ...e, detail: { active: 99 } })),
  'a place changed': (events, at, n) =>
    alter(events, at, (e) => ({ ...e, link: e.link && { ...e.link, seq: e.link.seq + 1 + n } })),
  'a hash changed': (events, at) =>
    alter(events, at, (e) => ({ ...e, link: e.link && { ...e.link, hash: 'x' } })),
  'a previous hash changed': (events, at) =>
    alter(events, at, (e) => ({ ...e, link: e.link && { ...e.link, previousHash: 'x' } })),
  'an event put in twice': (events, at) => events.toSpliced(at, 0, ...events.slice(at, at + 1)),
  'a forged event beside another': (events, at) =>
    events.flatMap((e, i) => (i === at ? [resealed({ ...e, atMs: 1 }), e] : [e])),
  'a forged event at the end': (events) => [...events, ...sealEvents(headOf(events), [recorded(77)]).events],
  'an event of no place': (events) => [...events, recorded(77)],
  'two events swapped': (events, at, n) => swap(events, at, n, (place, e) => ({ ...e, link: place.link })),
  'two events swapped and hashed anew': (events, at, n) =>
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

test('a chain that nobody touched is whole, however many sweeps it was sealed in', () => {
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

test('a person can be erased from the log, and it still proves that nothing else was touched', () => {
  const { events, head } = chainOf(6);
  const erased = events.map((each) => withHolder(each, undefined));
  expect(problemsOf(erased, head)).toEqual([]);
  expect(JSON.stringify(erased)).not.toContain('"h"');
  // Nor does what is left tell which events were of one person.
  expect(new Set(erased.map(({ link }) => link?.holderHash)).size).toBe(6);
  for (const [at] of erased.entries()) {
    const again = alter(erased, at, (each) => ({ ...each, atMs: 1 }));
    expect(problemsOf(again, head).map(({ kind }) => kind)).toEqual(['CHANGED']);
  }
});

test('another person in the place of one, or where there was none, is found', () => {
  const { events, head } = chainOf(3);
  const kinds = (changed: AuditEvent[]): string[] => problemsOf(changed, head).map(({ kind }) => kind);
  expect(kinds(alter(events, 1, (each) => withHolder(each, 'somebody else')))).toEqual(['CHANGED']);
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

test('the fields of an event may come back from a store in another order', () => {
  const { events, head } = chainOf(3);
  const reversed = events.map((e) => ({
    ...e,
    detail: Object.fromEntries(Object.entries(e.detail).reverse()),
  }));
  expect(problemsOf(reversed, head)).toEqual([]);
});

test('a tenant of whom nothing was sealed has a whole chain, with a head or without', () => {
  expect(problemsOf([], undefined)).toEqual([]);
  expect(problemsOf([], emptyChain(TENANT))).toEqual([]);
});

test.each(Object.keys(TAMPERINGS))('%s is found, at any place of any chain', (name) => {
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
  'the change %s is found, at the beginning, in the middle and at the end',
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

test('one wrong event is one problem, said of that event', () => {
  const { events, head } = chainOf(9);
  const changed = alter(events, 4, (e) => ({ ...e, atMs: 1 }));
  expect(problemsOf(changed, head)).toEqual([
    { kind: 'CHANGED', seq: 5, eventId: events[4]?.eventId, detail: 'does not fit its hash' },
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

test('an event replaced and hashed anew breaks with the next one, or with the head', () => {
  const { events, head } = chainOf(3);
  const replace = (at: number) =>
    problemsOf(
      alter(events, at, (e) => resealed({ ...e, atMs: 1 })),
      head,
    );
  expect(replace(0)).toMatchObject([{ kind: 'CHANGED', seq: 2 }]);
  expect(replace(2)).toMatchObject([{ kind: 'CHANGED', seq: 3, eventId: null }]);
});

test('a head that is gone, too short, too long or of another chain does not hide what happened', () => {
  const { events, head } = chainOf(3);
  const other = sealEvents(emptyChain(newTenantId(16)), [recorded(0), recorded(1), recorded(2)]).head;
  for (const wrong of [undefined, chainOf(2).head, chainOf(4).head, other, { ...head, hash: 'x' }]) {
    expect(problemsOf(events, wrong)).not.toEqual([]);
  }
});

test("the chain of one tenant is not another's", () => {
  const { events, head } = chainOf(2);
  const verifier = chainVerifier(newTenantId(16));
  expect([...events.flatMap(verifier.check), ...verifier.finish(head)]).not.toEqual([]);
  expect(emptyChain(newTenantId(16)).hash).not.toBe(emptyChain(TENANT).hash);
});
