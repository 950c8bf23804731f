import { parseArgs } from 'node:util';
import type { Scenario } from './usage.ts';

export const USAGE = `Usage: npm run cost -- --seats N [--hours-per-day 8] [--sessions-per-day 1] [--signs-per-session 1] [--seats-per-license 10]
         [--heartbeat-seconds 300] [--redis pay-as-you-go|fixed] [--min-instances 0] [--via hosting|functions]
         [--request-logs keep|drop] [--heartbeat-log-percent 100] [--indexes all|needed]
         [--records-in region|multi-region] [--key software|hsm] [--json]

  --seats             that are held at the same time, --hours-per-day each day of a month of 30
  --sessions-per-day  of each seat: how often it is taken and given back
  --redis             how Upstash is paid: by command, or the smallest fixed plan that is large enough
  --min-instances     of each of acquire, heartbeat and release, kept warm day and night
  --via               what clients call: one address at Hosting, or the functions' own

What each call costs is counted, what it is multiplied with is published; both are files in scripts/cost. Ends with 0, or with
2 where it was asked for something that it does not know.`;

export interface CostOptions {
  readonly scenario: Scenario;
  readonly json: boolean;
}

/** A suite as it is set up without further thought, so many seats on a working day. */
export const USUAL: Omit<Scenario, 'seats'> = {
  hoursPerDay: 8,
  sessionsPerDay: 1,
  signsPerSession: 1,
  seatsPerLicense: 10,
  heartbeatSeconds: 300,
  redis: 'pay-as-you-go',
  minInstances: 0,
  via: 'hosting',
  requestLogs: 'keep',
  heartbeatLogPercent: 100,
  recordsIn: 'region',
  key: 'software',
  indexes: 'all',
};

export function readOptions(args: readonly string[]): CostOptions | { readonly because: string } {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        seats: { type: 'string' },
        'hours-per-day': { type: 'string', default: String(USUAL.hoursPerDay) },
        'sessions-per-day': { type: 'string', default: String(USUAL.sessionsPerDay) },
        'signs-per-session': { type: 'string', default: String(USUAL.signsPerSession) },
        'seats-per-license': { type: 'string', default: String(USUAL.seatsPerLicense) },
        'heartbeat-seconds': { type: 'string', default: String(USUAL.heartbeatSeconds) },
        redis: { type: 'string', default: USUAL.redis },
        'min-instances': { type: 'string', default: String(USUAL.minInstances) },
        via: { type: 'string', default: USUAL.via },
        'request-logs': { type: 'string', default: USUAL.requestLogs },
        'heartbeat-log-percent': { type: 'string', default: String(USUAL.heartbeatLogPercent) },
        indexes: { type: 'string', default: USUAL.indexes },
        'records-in': { type: 'string', default: USUAL.recordsIn },
        key: { type: 'string', default: USUAL.key },
        json: { type: 'boolean', default: false },
      },
    });
    return {
      json: values.json,
      scenario: {
        seats: whole('seats', values.seats, 1, 1_000_000),
        hoursPerDay: whole('hours-per-day', values['hours-per-day'], 1, 24),
        sessionsPerDay: whole('sessions-per-day', values['sessions-per-day'], 1, 100),
        signsPerSession: whole('signs-per-session', values['signs-per-session'], 0, 100),
        seatsPerLicense: whole('seats-per-license', values['seats-per-license'], 1, 1_000_000),
        heartbeatSeconds: whole('heartbeat-seconds', values['heartbeat-seconds'], 10, 86_400),
        redis: oneOf('redis', values.redis, ['pay-as-you-go', 'fixed']),
        minInstances: whole('min-instances', values['min-instances'], 0, 100),
        via: oneOf('via', values.via, ['hosting', 'functions']),
        requestLogs: oneOf('request-logs', values['request-logs'], ['keep', 'drop']),
        heartbeatLogPercent: whole('heartbeat-log-percent', values['heartbeat-log-percent'], 0, 100),
        recordsIn: oneOf('records-in', values['records-in'], ['region', 'multi-region']),
        key: oneOf('key', values.key, ['software', 'hsm']),
        indexes: oneOf('indexes', values.indexes, ['all', 'needed']),
      },
    };
  } catch (error) {
    // What it throws for is the caller's mistake, whichever it is.
    return { because: error instanceof Error ? error.message : String(error) };
  }
}

function whole(name: string, text: string | undefined, least: number, most: number): number {
  const number = text !== undefined && /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
  if (number >= least && number <= most) return number;
  throw new RangeError(`--${name} needs a whole number from ${least} to ${most}`);
}

function oneOf<const C extends string>(name: string, text: string, choices: readonly C[]): C {
  const choice = choices.find((each) => each === text);
  if (choice !== undefined) return choice;
  throw new RangeError(`--${name} needs ${choices.join(' or ')}`);
}
