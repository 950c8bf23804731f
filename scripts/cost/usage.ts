import { MANIFEST } from '../../functions/manifest.ts';
import { ASSUMPTIONS } from './assumptions.ts';
import { COUNTS, type Counted, SHARDS } from './counts.ts';
import type { PriceName } from './prices.ts';
import { sum } from './sum.ts';

/** Whose month is reckoned, and how the suite is set up for them. */
export interface Scenario {
  readonly seats: number;
  /** That each seat is held on each day; the same hours for all of them. */
  readonly hoursPerDay: number;
  readonly sessionsPerDay: number;
  /** Licenses signed in a session. */
  readonly signsPerSession: number;
  readonly seatsPerLicense: number;
  readonly heartbeatSeconds: number;
  readonly redis: 'pay-as-you-go' | 'fixed';
  /** Of each of acquire, heartbeat and release, kept warm day and night. */
  readonly minInstances: number;
  /** How clients reach the functions. */
  readonly via: 'hosting' | 'functions';
  /** Whether the line that Cloud Run writes of every request is kept beside ours. */
  readonly requestLogs: 'keep' | 'drop';
  /** Of the lines of heartbeats that went well, how many are kept. */
  readonly heartbeatLogPercent: number;
  readonly recordsIn: 'region' | 'multi-region';
  /** Where the signing key lies. */
  readonly key: 'software' | 'hsm';
  /** Indexes of single fields: all that Firestore makes by itself, or those that our queries need. */
  readonly indexes: 'all' | 'needed';
}

/** What is used in a month of 30 days, by what it is billed as. */
export interface Usage {
  readonly amounts: Readonly<Record<PriceName, number>>;
  /** On average over the hours in which seats are held. */
  readonly redisCommandsPerSecond: number;
}

/** Functions whose calls grow with seats, or come by the clock; what people and operators do beside is not in it. */
const CALLED = ['acquire', 'heartbeat', 'sign', 'release', 'record-event', 'sweep', 'health'] as const;
type Called = (typeof CALLED)[number];
const COUNTED = Object.keys(COUNTS).filter(isCounted);

const DAYS = 30;
const SECONDS_A_MONTH = DAYS * 24 * 3_600;
const SWEEPS = DAYS * 24 * 60;
const COMPARISONS = DAYS * 24;
/** Histories are forgotten after a year, unless told otherwise; events and hours of use never are. */
const MONTHS_KEPT = 12;
const KEPT_WARM = ['acquire', 'heartbeat', 'release'] as const;
const SECRETS = new Set(MANIFEST.flatMap(({ secrets }): readonly string[] => secrets));
const SECRETS_A_FUNCTION = sum(MANIFEST.map(({ secrets }) => secrets.length)) / MANIFEST.length;

export function usageOf(scenario: Scenario): Usage {
  const month = monthOf(scenario);
  const { calls, events, licenses, activeSeconds } = month;
  const times = timesOf(month);
  const counted = (field: keyof Counted): number =>
    sum(COUNTED.map((name) => times[name] * amountOf(COUNTS[name], field)));

  const callsInAll = sum(CALLED.map((name) => calls[name]));
  const callsOfClients = calls.acquire + calls.heartbeat + calls.sign + calls.release;
  const answerBytes = counted('answerBytes') + callsOfClients * ASSUMPTIONS.answerAddsBytes;
  const redisCommands = counted('redisCommands');
  const redisBytesOut = counted('redisBytes') + redisCommands * ASSUMPTIONS.redisRequestAddsBytes;
  const stored = counted(scenario.indexes === 'all' ? 'storedBytes' : 'leanBytes');
  const beatLinesDropped = calls.heartbeat * (1 - scenario.heartbeatLogPercent / 100);
  const idleSecondsOf = (name: Called): number =>
    Math.max(0, scenario.minInstances * SECONDS_A_MONTH - busySecondsOf(name, month));

  return {
    redisCommandsPerSecond: redisCommands / activeSeconds,
    amounts: {
      requests: callsInAll,
      cpu: sum(CALLED.map((name) => busySecondsOf(name, month) * ASSUMPTIONS.vcpusAnInstance)),
      memory: sum(CALLED.map((name) => busySecondsOf(name, month) * memoryGiBOf(name))),
      idleCpu: sum(KEPT_WARM.map((name) => idleSecondsOf(name) * ASSUMPTIONS.vcpusAnInstance)),
      idleMemory: sum(KEPT_WARM.map((name) => idleSecondsOf(name) * memoryGiBOf(name))),
      redisCommands,
      redisBandwidth: redisBytesOut + redisCommands * ASSUMPTIONS.redisAnswerBytes,
      redisStorage:
        scenario.seats * ASSUMPTIONS.redisBytesASession + licenses * ASSUMPTIONS.redisBytesALicense,
      ...billedAs(scenario.recordsIn === 'region', {
        documentReads: counted('documentReads'),
        documentWrites: counted('documentWrites'),
        documentStorage: stored,
        documentHistory: stored,
      }),
      ...billedAs(scenario.recordsIn === 'multi-region', {
        multiRegionReads: counted('documentReads'),
        multiRegionWrites: counted('documentWrites'),
        multiRegionStorage: stored,
        multiRegionHistory: stored,
      }),
      eventBytes: 2 * Math.max(counted('messageBytes'), events * ASSUMPTIONS.leastEventBytes),
      ...billedAs(scenario.key === 'software', {
        keyVersions: 1,
        keyOperations: counted('signatures'),
      }),
      ...billedAs(scenario.key === 'hsm', { hsmVersions: 1, hsmOperations: counted('signatures') }),
      logBytes:
        counted('logBytes') +
        callsInAll * ASSUMPTIONS.logLineAddsBytes -
        beatLinesDropped * (COUNTS.heartbeat.logBytes + ASSUMPTIONS.logLineAddsBytes) +
        (scenario.requestLogs === 'keep' ? callsInAll * ASSUMPTIONS.requestLogBytes : 0),
      hostingBytes: scenario.via === 'hosting' ? answerBytes : 0,
      internetBytes: redisBytesOut + (scenario.via === 'functions' ? answerBytes : 0),
      secretVersions: SECRETS.size,
      secretReads: ASSUMPTIONS.instanceStartsADay * DAYS * SECRETS_A_FUNCTION,
      jobs: 1,
      uptimeChecks: calls.health,
    },
  };
}

type Month = ReturnType<typeof monthOf>;

/** What happens in the month, before it costs anything. */
function monthOf({ seats, hoursPerDay, sessionsPerDay, ...scenario }: Scenario) {
  const activeHours = hoursPerDay * DAYS;
  const activeSeconds = activeHours * 3_600;
  const sessions = seats * sessionsPerDay * DAYS;
  const events = 2 * sessions;
  const calls: Readonly<Record<Called, number>> = {
    acquire: sessions,
    heartbeat: (seats * activeSeconds) / scenario.heartbeatSeconds,
    sign: sessions * scenario.signsPerSession,
    release: sessions,
    'record-event': events,
    sweep: SWEEPS,
    health: ASSUMPTIONS.uptimeChecksAnHour * 24 * DAYS,
  };
  const licenses = Math.ceil(seats / scenario.seatsPerLicense);
  return { seats, licenses, activeHours, activeSeconds, sessions, events, calls };
}

/** How often each counted thing happens. */
function timesOf(month: Month): Readonly<Record<keyof typeof COUNTS, number>> {
  const { seats, licenses, activeHours, sessions, events, calls } = month;
  const activeSweeps = activeHours * 60;
  const eventsASweep = events / activeSweeps;
  return {
    acquire: calls.acquire,
    heartbeat: calls.heartbeat,
    sign: calls.sign,
    release: calls.release,
    health: calls.health,
    idleSweep: SWEEPS,
    // A shard's first batch needs one event, each further one a hundred.
    publishedBatch: activeSweeps * (distinct(SHARDS, eventsASweep) + eventsASweep / 100),
    recordedSession: sessions,
    sealedSession: sessions,
    // Each license is taken to be in a tenant of its own.
    sealedChain: activeSweeps * distinct(licenses, eventsASweep),
    comparison: COMPARISONS,
    comparedLicense: COMPARISONS * licenses,
    comparedLicensePage: COMPARISONS * (distinct(SHARDS, licenses) + licenses / 100),
    comparedSession: activeHours * seats,
    comparedPool: activeHours * licenses,
    comparedSessionPage: activeHours * (seats / 100),
    forgetting: DAYS,
    forgottenSession: sessions,
    storedLicense: licenses,
    storedUsageHour: MONTHS_KEPT * activeHours * distinct(licenses, events / activeHours),
    storedHistory: MONTHS_KEPT * sessions,
    storedEvents: MONTHS_KEPT * sessions,
  };
}

/** For how long instances of the function are billed, all of them together. */
function busySecondsOf(name: Called, { calls, events, activeSeconds }: Month): number {
  if (name === 'sweep') return SWEEPS * ASSUMPTIONS.sweepSeconds + events * ASSUMPTIONS.sweepSecondsAnEvent;
  const seconds = name === 'health' ? SECONDS_A_MONTH : activeSeconds;
  const perSecond = calls[name] / seconds;
  const usesSdk = name === 'sign' || name === 'record-event';
  const cpuSeconds = usesSdk ? ASSUMPTIONS.cpuSecondsASdkCall : ASSUMPTIONS.cpuSecondsASeatCall;
  // One instance is billed while it serves any call at all; there are more once one is too busy.
  const anyServed = distinct(1, perSecond * ASSUMPTIONS.billedSecondsACall);
  return seconds * Math.max(anyServed, (perSecond * cpuSeconds) / ASSUMPTIONS.mostBusy);
}

/** The amounts, where they are billed under these names, or nothing. */
function billedAs<const Name extends string>(
  isBilled: boolean,
  amounts: Readonly<Record<Name, number>>,
): Readonly<Record<Name, number>> {
  if (isBilled) return amounts;
  return { ...amounts, ...Object.fromEntries(Object.keys(amounts).map((name) => [name, 0])) };
}

/** How many of so many places are hit by so many throws, on average. */
function distinct(places: number, throws: number): number {
  return places * (1 - Math.exp(-throws / places));
}

function amountOf(cost: Counted, field: keyof Counted): number {
  return cost[field] ?? 0;
}

function isCounted(name: string): name is keyof typeof COUNTS {
  return Object.hasOwn(COUNTS, name);
}

function memoryGiBOf(name: Called): number {
  const contract = MANIFEST.find((each) => each.name === name);
  if (!contract) throw new TypeError(`no function is named ${name}`);
  return contract.memoryMiB / 1024;
}
