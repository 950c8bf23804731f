import { randomUUID } from 'node:crypto';
import { expect } from 'vitest';
import * as z from 'zod/mini';
import type { Collection, Query } from '../../../ports/records.ts';

/** Collections and queries for the contract's tests. */

export const counterSchema = z.object({ count: z.number() });
export const entrySchema = z.object({
  owner: z.string(),
  open: z.boolean(),
  rank: z.number(),
  name: z.string(),
});
export const anySchema = z.record(z.string(), z.unknown());

export type Entry = z.infer<typeof entrySchema>;

/** Contending transactions take seconds on the Firestore emulator, and milliseconds in every other store. */
export const contendedTimeoutMs = 60_000;

/** A format with nested objects and a list, as one release knows it. */
export const orderSchema = z.object({
  rank: z.number(),
  buyer: z.object({ name: z.nullable(z.string()) }),
  items: z.array(z.object({ count: z.number() })),
});

export function fresh<T>(name: string, schema: Collection<T>['schema']): Collection<T> {
  return { name: `${name}-${randomUUID()}`, schema };
}

export function entry(some: Partial<Entry>): Entry {
  return { owner: 'ten_1', open: true, rank: 0, name: 'n', ...some };
}

export function by(field: string): Query<unknown>['orderBy'] {
  return { field, direction: 'asc' };
}

export function byRank(collection: Collection<Entry>): Query<Entry> {
  return { name: 'byRank', collection, where: [], orderBy: by('rank') };
}

export function byCount<T>(collection: Collection<T>): Query<T> {
  return { name: 'byCount', collection, where: [], orderBy: by('count') };
}

export function namesOf(entries: readonly Entry[]): string[] {
  return entries.map(({ name }) => name);
}

export async function failureOf(promise: Promise<unknown>): Promise<unknown> {
  return await promise.then(
    () => expect.fail('should have been refused'),
    (error: unknown) => error,
  );
}
