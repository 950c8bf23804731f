import * as z from 'zod/mini';
import { comparePositions, type EventType, type SeatEvent, writtenAtMs } from './event.ts';

export const HOUR_MS = 3_600_000;
export const DAY_MS = 24 * HOUR_MS;

/** Usage of a license within one hour (UTC), computed from its events. */
export const UsageHourSchema = z.object({
  licenseId: z.string(),
  tenantId: z.string(),
  hourMs: z.int(),
  /** The most seats in use at once, as far as events written in this hour show. */
  peak: z.int(),
  denials: z.int(),
  /** The last count of seats in use in this hour, and its event's position: the next hours start with this count. */
  closing: z.nullable(z.object({ position: z.string(), active: z.int() })),
});
export type UsageHour = z.infer<typeof UsageHourSchema>;

const ENDED_BY_CALLERS: ReadonlySet<EventType> = new Set(['session.released', 'session.evicted']);

/** Whether the session ended when the event was written. An expired lease ended before, and does not count then. */
function endsNow({ type, detail }: SeatEvent): boolean {
  return ENDED_BY_CALLERS.has(type) || detail.reason === 'seats_reduced';
}

export function hourOf(atMs: number): number {
  return Math.floor(atMs / HOUR_MS) * HOUR_MS;
}

/** The start of the day (UTC). */
export function dayOf(atMs: number): number {
  return Math.floor(atMs / DAY_MS) * DAY_MS;
}

/**
 * The time that an event counts for: denials for their minute, and a number of seats for when it was counted, which is
 * later than the event if that was noticed late.
 */
export function usageMsOf({ detail, atMs, position }: SeatEvent): number {
  return detail.active === undefined ? atMs : writtenAtMs(position);
}

/** Id of the hour's document. */
export function usageHourId(licenseId: string, atMs: number): string {
  return `${licenseId}_${new Date(hourOf(atMs)).toISOString().slice(0, 13)}`;
}

/** The hour with one more event added. The order of events does not matter; each must be added exactly once. */
export function addToHour(hour: UsageHour | undefined, event: SeatEvent): UsageHour | undefined {
  const { licenseId, tenantId, type, detail, position } = event;
  const { active, count = 0 } = detail;
  const denials = type === 'seat.denied' ? count : 0;
  if (active === undefined && denials === 0) return hour;
  const before = hour ?? {
    licenseId,
    tenantId,
    hourMs: hourOf(usageMsOf(event)),
    peak: 0,
    denials: 0,
    closing: null,
  };
  if (active === undefined) return { ...before, denials: before.denials + denials };
  // A seat that was just given up is not in `active`, and was in use until then.
  const most = detail.seat === 'freed' && endsNow(event) ? active + 1 : active;
  const isLatest = before.closing === null || comparePositions(position, before.closing.position) > 0;
  return {
    ...before,
    peak: Math.max(before.peak, most),
    closing: isLatest ? { position, active } : before.closing,
  };
}

export interface Usage {
  readonly atMs: number;
  readonly peak: number;
  readonly denials: number;
}

/**
 * All hours from `fromMs` to before `toMs` (both whole hours), including those without events. `hours` are in order and
 * begin with the last hour before `fromMs` that has a closing count, if there is one.
 */
export function usageByHour(hours: readonly UsageHour[], fromMs: number, toMs: number): Usage[] {
  const byHour = new Map(hours.map((hour) => [hour.hourMs, hour]));
  let opening = hours.findLast((hour) => hour.hourMs < fromMs && hour.closing)?.closing?.active ?? 0;
  const usage: Usage[] = [];
  for (let atMs = fromMs; atMs < toMs; atMs += HOUR_MS) {
    const hour = byHour.get(atMs);
    usage.push({ atMs, peak: Math.max(opening, hour?.peak ?? 0), denials: hour?.denials ?? 0 });
    opening = hour?.closing?.active ?? opening;
  }
  return usage;
}

/** Sums up hours by day (UTC). */
export function usageByDay(hours: readonly Usage[]): Usage[] {
  const days = new Map<number, Usage>();
  for (const { atMs, peak, denials } of hours) {
    const dayMs = dayOf(atMs);
    const day = days.get(dayMs) ?? { atMs: dayMs, peak: 0, denials: 0 };
    days.set(dayMs, { atMs: dayMs, peak: Math.max(day.peak, peak), denials: day.denials + denials });
  }
  return [...days.values()];
}
