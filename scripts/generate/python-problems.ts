import { BACKOFFS, type Next, PROBLEMS, type Problem } from '../../shared/errors.ts';

const HEADER = `"""What a client does after each problem. Generated from shared/errors.ts by \`npm run generate\`."""

from typing import Dict, NamedTuple, Tuple


class Next(NamedTuple):
    """The next step: \`stop\`, \`acquire\`, or \`retry\` with a backoff. within: \`lease\` allows no offline grace."""

    do: str
    backoff: str = ""
    within: str = ""


`;

/** The Python module with the table of problems, in lines that are short enough for every formatter. */
export function pythonProblems(): string {
  const problems = Object.entries(PROBLEMS) as [string, Problem][];
  const held = problems.flatMap(([code, { whileHeld }]): [string, Next][] =>
    whileHeld && 'do' in whileHeld ? [[code, whileHeld]] : [],
  );
  const byEnded = problems.flatMap(([code, { whileHeld }]): [string, Next][] =>
    whileHeld && 'byEnded' in whileHeld
      ? Object.entries(whileHeld.byEnded).map(([ended, next]): [string, Next] => [`${code} ${ended}`, next])
      : [],
  );
  return `${HEADER}# Seconds: the upper bounds of the first wait and of every wait.
BACKOFFS: Dict[str, Tuple[float, float]] = {
${Object.entries(BACKOFFS)
  .map(([name, { firstMs, longestMs }]) => `    "${name}": (${firstMs / 1000}, ${longestMs / 1000}),\n`)
  .join('')}}

# After any call, unless a seat is held and one of the other tables has the code.
NEXT: Dict[str, Next] = {
${lines(problems.map(([code, { next }]) => [code, next]))}}

# After a heartbeat, and after an acquire in place of a lost seat.
WHILE_HELD: Dict[str, Next] = {
${lines(held)}}

# As WHILE_HELD, by the code and the problem's \`ended\`. A missing or new value counts as \`unknown\`.
BY_ENDED: Dict[str, Next] = {
${lines(byEnded)}}
`;
}

function lines(steps: readonly (readonly [string, Next])[]): string {
  return steps.map(([key, next]) => `    "${key}": Next(${argumentsOf(next)}),\n`).join('');
}

function argumentsOf(next: Next): string {
  const { do: act, backoff = '', within = '' } = next as { do: string; backoff?: string; within?: string };
  return [act, ...(backoff ? [backoff] : []), ...(within ? [within] : [])]
    .map((word) => JSON.stringify(word))
    .join(', ');
}
