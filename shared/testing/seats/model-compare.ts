import { isDeepStrictEqual } from 'node:util';
import { expect } from 'vitest';
import type { SeatEvent } from '../../domain/event.ts';
import { shardOf } from '../../domain/ids.ts';
import type { SeatListVerdict } from '../../ports/seats.ts';
import type { ModelEvent } from './model.ts';
import type { License, ModelRun, Step } from './model-run.ts';

const LARGEST_PAGE = 100;
const ALL_EVENTS = 1_000;

/** `expect` describes a difference well, but takes most of the time if there is none. */
export function agree(actual: unknown, expected: unknown): void {
  if (!isDeepStrictEqual(actual, expected)) expect(actual).toEqual(expected);
}

/** Compares what the store lists and reports of these licenses with their models, and checks the invariants. */
export async function compareWithModel(run: ModelRun, { licenses, touched }: Step): Promise<void> {
  const events = await takeEvents(
    run,
    new Set(licenses.map(({ entitlement }) => shardOf(entitlement.licenseId))),
  );
  for (const license of licenses) {
    const { licenseId } = license.entitlement;
    const listed = await run.subject.seats.listSeats(licenseId, { limit: LARGEST_PAGE });
    const own = events.get(licenseId) ?? [];
    events.delete(licenseId);
    license.watch.check({ nowMs: run.nowMs, listed, events: own, touched });
    compareEvents(run, own, license);
    compareList(listed, license);
  }
  agree([...events], []);
}

function compareList(listed: SeatListVerdict, { pool }: License): void {
  const { next: _, ...all } = { next: undefined, ...listed };
  agree(all, pool.list());
}

/** The new events of these shards by license. They are deleted, so that a command does not pay for those before it. */
async function takeEvents(run: ModelRun, shards: ReadonlySet<string>): Promise<Map<string, SeatEvent[]>> {
  const { seatMaintenance } = run.subject;
  const byLicense = new Map<string, SeatEvent[]>();
  for (const shard of shards) {
    const entries = await seatMaintenance.readOutbox(shard, { limit: ALL_EVENTS });
    for (const { position, event } of entries) {
      if (!event) throw new Error(`The event at ${position} cannot be read.`);
      byLicense.set(event.licenseId, [...(byLicense.get(event.licenseId) ?? []), event]);
    }
    await seatMaintenance.trimOutbox(
      shard,
      entries.map(({ position }) => position),
    );
  }
  return byLicense;
}

/** Ends of leases and denials can be reported by any later command; everything else is reported at once. */
function compareEvents(run: ModelRun, events: readonly SeatEvent[], { pool }: License): void {
  const actual = events.map(modelled);
  const atOnce: ModelEvent[] = [];
  for (const event of actual) {
    const { type, sessionId, atMs } = event;
    if (event.reason === 'lease_ran_out') {
      const [first] = pool.unreported().filter(({ holder }) => holder === event.holder);
      agree(event.sessionId, first?.sessionId);
      agree(event, pool.takeExpired(sessionId, atMs));
    } else if (type === 'seat.denied') agree(event, pool.takeDenied(atMs));
    else {
      atOnce.push(event);
      // The seat of a new holding has no end that is still to be reported.
      if (event.seat === 'taken')
        agree(
          pool.unreported().filter(({ holder }) => holder === event.holder),
          [],
        );
      if (type !== 'license.signed' && sessionId !== '')
        agree(
          pool.unreported().filter((ended) => ended.sessionId === sessionId),
          [],
        );
    }
  }
  agree(atOnce, pool.takeEvents());
  for (const { type, sessionId, seat, reason } of actual) {
    run.count(seat ? `${type} ${seat}` : type);
    if (reason === 'seats_reduced') run.count(`${reason} ${seat}`);
    if (type === 'session.revived' && run.lostSessionIds.delete(sessionId)) run.count('revived after a loss');
  }
}

function modelled({ type, sessionId, atMs, actor, requestId, detail }: SeatEvent): ModelEvent {
  const { holder, acquiredAtMs, seat, borrowedUntilMs, offlineSinceMs, reason, count } = detail;
  const told = { holder, acquiredAtMs, seat, borrowedUntilMs, offlineSinceMs, reason, count };
  const known = Object.fromEntries(Object.entries(told).filter(([, value]) => value !== undefined));
  const by = { actor, ...(requestId !== undefined && { requestId }) };
  return { type, sessionId: sessionId ?? '', atMs, by, ...known };
}
