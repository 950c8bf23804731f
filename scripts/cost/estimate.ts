import {
  FIXED_PLANS,
  type FixedPlan,
  PARTS,
  type PartName,
  PRICES,
  type Price,
  type PriceName,
} from './prices.ts';
import { sum } from './sum.ts';
import { type Scenario, type Usage, usageOf } from './usage.ts';

/** The monthly cost of one billed thing. */
export interface Line {
  readonly name: PriceName | 'redisPlan';
  readonly part: PartName;
  readonly what: string;
  /** Per month, in `unit`; `free` is the free part of it. */
  readonly amount: number;
  readonly free: number;
  readonly unit: string;
  /** Without free quotas. */
  readonly listUsd: number;
  readonly usd: number;
  /** Why the price is uncertain. */
  readonly unverified?: string;
}

export interface Estimate {
  readonly scenario: Scenario;
  readonly lines: readonly Line[];
  readonly listUsd: number;
  readonly usd: number;
  readonly usdPerSeat: number;
  /** On average over the hours in which seats are held. */
  readonly redisCommandsPerSecond: number;
}

/** A month of 30 days. Throws a RangeError if a fixed plan is chosen and the largest is too small. */
export function estimate(scenario: Scenario): Estimate {
  const { amounts, redisCommandsPerSecond } = usageOf(scenario);
  const isFixed = scenario.redis === 'fixed';
  const names = Object.keys(PRICES).filter(isPriceName);
  const metered = names
    .map((name) => lineOf(name, amounts[name]))
    .filter(({ part, amount }) => amount > 0 && !(isFixed && part === 'Redis'));
  const lines = [...metered, ...(isFixed ? [lineOfPlan(amounts)] : [])].toSorted(
    (a, b) => PARTS.indexOf(a.part) - PARTS.indexOf(b.part),
  );
  const usd = sum(lines.map((line) => line.usd));
  return {
    scenario,
    lines,
    listUsd: sum(lines.map(({ listUsd }) => listUsd)),
    usd,
    usdPerSeat: usd / scenario.seats,
    redisCommandsPerSecond,
  };
}

function lineOf(name: PriceName, amount: number): Line {
  const { part, what, usd, per, unit, free = 0, unverified }: Price = PRICES[name];
  const billed = Math.max(0, amount - free);
  return {
    name,
    part,
    what,
    amount,
    free: amount - billed,
    unit,
    listUsd: (amount / per) * usd,
    usd: (billed / per) * usd,
    ...(unverified === undefined ? {} : { unverified }),
  };
}

function lineOfPlan(amounts: Usage['amounts']): Line {
  const plan = smallestPlan(amounts);
  if (!plan) throw new RangeError('No fixed Upstash plan is large enough.');
  const { name, usd } = plan;
  return {
    name: 'redisPlan',
    part: 'Redis',
    what: name,
    amount: 1,
    free: 0,
    unit: 'databases',
    listUsd: usd,
    usd,
  };
}

function smallestPlan({ redisStorage, redisBandwidth }: Usage['amounts']): FixedPlan | undefined {
  return FIXED_PLANS.find(
    ({ storageBytes, bandwidthBytes }) => redisStorage <= storageBytes && redisBandwidth <= bandwidthBytes,
  );
}

function isPriceName(name: string): name is PriceName {
  return Object.hasOwn(PRICES, name);
}

export interface Lever {
  readonly what: string;
  /** Its drawback. */
  readonly price: string;
  readonly savesUsd: number;
}

const LEVERS: readonly {
  readonly what: string;
  readonly price: string;
  readonly change: (scenario: Scenario) => Partial<Scenario>;
}[] = [
  {
    what: 'heartbeats half as often, leases twice as long',
    price: 'the seat of a crashed program is free that much later',
    change: ({ heartbeatSeconds }) => ({ heartbeatSeconds: 2 * heartbeatSeconds }),
  },
  {
    what: 'a fixed Upstash plan',
    price: 'beyond its bandwidth or size you must change the plan',
    change: () => ({ redis: 'fixed' }),
  },
  {
    what: "`requestLogs.cloudRun: 0.01` keeps one in a hundred of Cloud Run's lines of calls for seats",
    price: 'of most calls, only our own line shows the status and time',
    change: ({ cloudRunLogPercent }) => ({ cloudRunLogPercent: cloudRunLogPercent / 100 }),
  },
  {
    what: '`requestLogs.own: 0.1` keeps one in ten of our own lines of calls for seats',
    price: 'you cannot look up a single call',
    change: ({ ownLogPercent }) => ({ ownLogPercent: ownLogPercent / 10 }),
  },
  {
    what: 'clients call the functions directly, not through Hosting',
    price: 'they need several addresses, which change with the project',
    change: () => ({ via: 'functions' }),
  },
  {
    what: 'no instances kept warm',
    price: 'the first call after a pause waits for a cold start',
    change: () => ({ minInstances: 0 }),
  },
];

/** The saving of each lever by itself, the largest first; levers that save nothing are left out. */
export function leversOf({ scenario, usd }: Estimate): Lever[] {
  return LEVERS.flatMap(({ what, price, change }) => {
    const changed = { ...scenario, ...change(scenario) };
    if (changed.redis === 'fixed' && !smallestPlan(usageOf(changed).amounts)) return [];
    const savesUsd = usd - estimate(changed).usd;
    return savesUsd > 0 ? [{ what, price, savesUsd }] : [];
  }).toSorted((a, b) => b.savesUsd - a.savesUsd);
}
