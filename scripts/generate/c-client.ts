import { BACKOFFS, type Next, type Problem } from '../../shared/errors.ts';
import { programProblems } from './client-types.ts';
import type { OpenApi } from './openapi/document.ts';

/** The codes and what follows them, as macros of the C client: its only copy of the table. */
export function cProblems(document: OpenApi): string {
  const backoffs = Object.entries(BACKOFFS).map(
    ([name, { firstMs, longestMs }]) => `BACKOFF(${name.toUpperCase()}, ${firstMs}, ${longestMs})`,
  );
  const problems = programProblems(document).flatMap(({ code, ...steps }) => {
    const { next, whileHeld = next } = steps as Pick<Problem, 'next' | 'whileHeld'>;
    const row = (held: Next): string => `PROBLEM(${code}, ${stepOf(next)}, ${stepOf(held)})`;
    if (!('byEnded' in whileHeld)) return [row(whileHeld)];
    const { unknown, ...byEnded } = whileHeld.byEnded;
    const ended = Object.entries(byEnded).filter(([, step]) => stepOf(step) !== stepOf(unknown));
    return [row(unknown), ...ended.map(([name, step]) => `PROBLEM_ENDED(${code}, ${name}, ${stepOf(step)})`)];
  });
  return `/* Generated from shared/errors.ts by "npm run generate". INTERNAL and VALIDATION_FAILED stand for codes without a row.
   BACKOFF(name, first bound in ms, longest bound in ms)
   PROBLEM(code, next step, next step while a seat is held)
   PROBLEM_ENDED(code, how the seat has ended, next step while it is held) */
#ifndef BACKOFF
#define BACKOFF(name, first, longest)
#endif
#ifndef PROBLEM
#define PROBLEM(code, next, held)
#endif
#ifndef PROBLEM_ENDED
#define PROBLEM_ENDED(code, ended, held)
#endif
${[...backoffs, ...problems].join('\n')}
#undef BACKOFF
#undef PROBLEM
#undef PROBLEM_ENDED
`;
}

function stepOf(next: Next): string {
  if (next.do !== 'retry') return next.do.toUpperCase();
  return ['RETRY', next.backoff.toUpperCase(), ...(next.within ? ['WITHIN_LEASE'] : [])].join('_');
}
