import type { By } from '../domain/actor.ts';

/** Who acts in tests where it does not matter. */
export const BY: By = { actor: { kind: 'operator', id: 'bootstrap' }, requestId: 'req_test' };
