import type { Noted } from '../ports/log-line.ts';

/** Logs how many entries a list had to leave out, and why the first one. */
export function noteUnreadable(note: (more: Noted) => void, reasons: readonly string[]): void {
  const [because] = reasons;
  if (because !== undefined) note({ severity: 'ERROR', unreadable: reasons.length, because });
}
