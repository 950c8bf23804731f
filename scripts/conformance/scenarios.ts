import type { Kind } from './client.ts';
import { ANSWERS } from './scenarios/answers.ts';
import { CLOCKS } from './scenarios/clocks.ts';
import { HOLD } from './scenarios/hold.ts';
import { OFFLINE } from './scenarios/offline.ts';
import { OUTAGE, RENEWED } from './scenarios/outage.ts';
import { END, SETTINGS, START } from './scenarios/start-and-end.ts';
import type { Scenario } from './stage.ts';

/** The longest first, so that the run does not wait for one of them at its end. */
const LONGEST = /^P(11\/|12|13|14|20|36|37|38)/;

const ALL: readonly Scenario[] = [
  ...HOLD,
  ...OUTAGE,
  ...RENEWED,
  ...ANSWERS,
  ...START,
  ...END,
  ...CLOCKS,
  ...OFFLINE,
  ...SETTINGS,
];

export const SCENARIOS: readonly Scenario[] = [
  ...ALL.filter(({ id }) => LONGEST.test(id)),
  ...ALL.filter(({ id }) => !LONGEST.test(id)),
];

/** The first scenario of each row of protocol.md: `npm run conformance` plays all of them. */
export function oneOfEachRow(kind: Kind): readonly Scenario[] {
  const rows = Map.groupBy(
    SCENARIOS.filter(({ kinds }) => kinds.includes(kind)),
    ({ id }) => id.split('/')[0],
  );
  return [...rows.values()].flatMap((scenarios) => scenarios.slice(0, 1));
}
