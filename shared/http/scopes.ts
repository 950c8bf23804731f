import type { Refusal } from './contract.ts';

/** Refuses what an operator token does not allow, and names the scopes that it lacks. */
export function insufficientScope(scopes: readonly string[]): Refusal<'INSUFFICIENT_SCOPE'> {
  const named = scopes.map((scope) => `"${scope}"`).join(', ');
  return {
    problem: 'INSUFFICIENT_SCOPE',
    detail: `The token lacks ${scopes.length === 1 ? 'the scope' : 'the scopes'} ${named}.`,
    members: { scopes },
  };
}
