import * as z from 'zod/mini';

/** A sweep runs every minute. When none has succeeded for this long, someone must act. */
const SWEEP_LATE_AFTER_MS = 600_000;

/** When the oldest event has waited this long to be published, publishing does not work or is too slow. */
const BACKLOG_LATE_AFTER_MS = 300_000;

/** When the last sweep that reached every dependency ended. */
export const SweepSuccessSchema = z.object({ atMs: z.int() });
export type SweepSuccess = z.infer<typeof SweepSuccessSchema>;

/** Written by each health check, to show that the records accept writes. */
export const HealthProbeSchema = z.object({ atMs: z.int() });
export type HealthProbe = z.infer<typeof HealthProbeSchema>;

export function isSweepLate(last: SweepSuccess | undefined, nowMs: number): boolean {
  return last === undefined || nowMs - last.atMs >= SWEEP_LATE_AFTER_MS;
}

/** `oldestAgeMs` is `null` if no event waits. */
export function isBacklogLate(oldestAgeMs: number | null): boolean {
  return oldestAgeMs !== null && oldestAgeMs >= BACKLOG_LATE_AFTER_MS;
}
