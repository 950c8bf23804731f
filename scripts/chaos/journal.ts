import { closeSync, fsyncSync, openSync, readFileSync, writeSync } from 'node:fs';
import * as z from 'zod/mini';
import { type SeatEvent, SeatEventSchema } from '../../shared/domain/event.ts';
import type { Events } from '../../shared/ports/events.ts';

/**
 * The durability that Pub/Sub promises and its emulator has not: the emulator forgets at its end what it had accepted,
 * the service never does. So whatever the emulator accepts is noted in a file, and only then counts as accepted; what
 * had not been acknowledged when an emulator was killed is published to its successor out of that file.
 *
 * Nothing is lost in between. Killed before it accepts, the emulator leaves the event in the outbox. Killed after it
 * accepted and before the event is noted, it leaves the event noted. A worker killed at that point has not told the
 * sweep of success, so the outbox is not trimmed and the event is published anew.
 */
export function journaled(events: Events, file: string): Events {
  return {
    async publish(told) {
      await events.publish(told);
      if (told.length > 0) note(file, told);
    },
    ping: () => events.ping(),
    close: () => events.close(),
  };
}

/** Every event noted so far, by its id. A line that a killed worker left half-written was never counted as accepted. */
export function readJournal(file: string): Map<string, SeatEvent> {
  const noted = new Map<string, SeatEvent>();
  for (const line of textOf(file).split('\n')) {
    const event = readLine(line);
    if (event) noted.set(event.eventId, event);
  }
  return noted;
}

function note(file: string, events: readonly SeatEvent[]): void {
  const descriptor = openSync(file, 'a');
  try {
    // The first break ends what another worker may have left half-written.
    writeSync(descriptor, `\n${events.map((event) => JSON.stringify(event)).join('\n')}\n`);
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

function readLine(line: string): SeatEvent | undefined {
  try {
    return z.safeParse(SeatEventSchema, JSON.parse(line)).data;
  } catch {
    return undefined;
  }
}

function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return '';
    throw error;
  }
}
