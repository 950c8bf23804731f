import * as z from 'zod/mini';

/** Who caused an event. */
export const ActorSchema = z.object({
  kind: z.enum(['user', 'operator', 'license', 'system']),
  /**
   * A user's id; of an operator, the id of the user or of the operator token, or `bootstrap` for the operator key of the
   * configuration; the id of the license whose key was used; or a name of our own. `null` once it was erased.
   */
  id: z.nullable(z.string()),
});
export type Actor = z.infer<typeof ActorSchema>;

/** Who caused a change, and by which request. */
export interface By {
  readonly actor: Actor;
  /** `X-Request-Id` of the request, which its log line has too; absent for what no request caused. */
  readonly requestId?: string | undefined;
}

/**
 * The actor of what no caller asked for. `name` says what did it: one of our functions; `seats`, the seat store, where a
 * lease ran out or requests were denied, whichever call noticed it; `erasure`; or `stripe`, for what Stripe reported.
 */
export function system(name: string): Actor {
  return { kind: 'system', id: name };
}
