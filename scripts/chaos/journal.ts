import { closeSync, fsyncSync, openSync, readFileSync, writeSync } from 'node:fs';
import * as z from 'zod/mini';
import { type SeatEvent, SeatEventSchema } from '../../shared/domain/event.ts';
import type { Events } from '../../shared/ports/events.ts';

/**
 * Adds the durability that Pub/Sub promises and its emulator lacks: the emulator loses all accepted events when it
 * ends. Each accepted event is written to a file, and only then counts as accepted. When an emulator is killed, its
 * unacknowledged events are published again from that file to the next one.
 *
 * No event is lost in between. If the emulator is killed before it accepts an event, the event stays in the outbox. If
 * it is killed after accepting, the event is still written to the file. If the worker is killed before it writes the
 * event, the sweep has not succeeded: the outbox is not trimmed and the event is published again.
 */
export function journaled(events: Events, file: string): Events {
  return {
    async publish(published) {
      await events.publish(published);
      if (published.length > 0) append(file, published);
    },
    ping: () => events.ping(),
    close: () => events.close(),
  };
}

/**
 * Every event in the file, by id. The event of a line that a killed worker left half-written never counted as accepted.
 */
export function readJournal(file: string): Map<string, SeatEvent> {
  const events = new Map<string, SeatEvent>();
  for (const line of textOf(file).split('\n')) {
    const event = readLine(line);
    if (event) events.set(event.eventId, event);
  }
  return events;
}

function append(file: string, events: readonly SeatEvent[]): void {
  const descriptor = openSync(file, 'a');
  try {
    // The first line break ends a line that a killed worker may have left half-written.
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
