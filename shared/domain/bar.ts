import * as z from 'zod/mini';

/**
 * A user was removed from a tenant, which their access tokens still name for a while: until the bar ends, the seat store
 * rejects these. Recorded, so that it survives a loss of the seat store. Stored by `barId`.
 */
export const BarSchema = z.object({ tenantId: z.string(), userId: z.string(), untilMs: z.int() });
export type Bar = z.infer<typeof BarSchema>;

export function barId({ tenantId, userId }: Pick<Bar, 'tenantId' | 'userId'>): string {
  return `${tenantId}:${userId}`;
}
