import * as z from 'zod/mini';
import { about, choice, wholeNumber, withDefault } from '../../clients/command-line/options.ts';
import { USUAL } from './usage.ts';

/** The fields of a `Scenario`. */
export const COST_OPTIONS = z.object({
  seats: about('seats held at the same time', wholeNumber(1, 1_000_000)),
  hoursPerDay: about(
    'hours that each seat is held, on each of 30 days',
    withDefault(wholeNumber(1, 24), USUAL.hoursPerDay),
  ),
  sessionsPerDay: about(
    'how often each seat is acquired and released on each day',
    withDefault(wholeNumber(1, 100), USUAL.sessionsPerDay),
  ),
  signsPerSession: withDefault(wholeNumber(0, 100), USUAL.signsPerSession),
  seatsPerLicense: withDefault(wholeNumber(1, 1_000_000), USUAL.seatsPerLicense),
  heartbeatSeconds: withDefault(wholeNumber(10, 86_400), USUAL.heartbeatSeconds),
  redis: about(
    'Upstash plan: by command, or the smallest fixed plan that is large enough',
    withDefault(choice(['pay-as-you-go', 'fixed']), USUAL.redis),
  ),
  minInstances: about(
    'instances kept warm, for each of acquire, heartbeat and release',
    withDefault(wholeNumber(0, 100), USUAL.minInstances),
  ),
  via: about(
    "what clients call: one address at Hosting, or the functions' own addresses",
    withDefault(choice(['hosting', 'functions']), USUAL.via),
  ),
  cloudRunLogPercent: about(
    "share of Cloud Run's request lines of calls for seats that is kept (requestLogs.cloudRun of the stack)",
    withDefault(wholeNumber(0, 100), USUAL.cloudRunLogPercent),
  ),
  ownLogPercent: about(
    'share of our own lines of calls for seats that is kept (requestLogs.own of the stack)',
    withDefault(wholeNumber(0, 100), USUAL.ownLogPercent),
  ),
  recordsIn: withDefault(choice(['region', 'multi-region']), USUAL.recordsIn),
  key: withDefault(choice(['software', 'hsm']), USUAL.key),
});
