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

/** What is used in a month of 30 days, by what it is billed as, and at the busiest. */
export interface Usage {
  readonly amounts: Readonly<Record<PriceName, number>>;
  readonly redisCommandsPerSecond: number;
}

const COUNTED = Object.keys(COUNTS).filter(isCounted);
const DAYS = 30;
const SWEEPS = DAYS * 24 * 60;
const COMPARISONS = DAYS * 24;
const MONTHS_KEPT = 12;
const GIB_OF_MIB = 1 / 1024;
const SECONDS_A_MONTH = DAYS * 24 * 3_600;
const SECRETS = new Set(MANIFEST.flatMap(({ secrets }): readonly string[] => secrets));
const SECRETS_A_FUNCTION = sum(MANIFEST.map(({ secrets }) => secrets.length)) / MANIFEST.length;

export function usageOf(scenario: Scenario): Usage {
  const { seats, hoursPerDay, sessionsPerDay, signsPerSession, heartbeatSeconds } = scenario;
  const activeHours = hoursPerDay * DAYS;
  const activeSeconds = activeHours * 3_600;
  const licenses = Math.ceil(seats / scenario.seatsPerLicense);
  const sessions = seats * sessionsPerDay * DAYS;
  const events = 2 * sessions;
  const eventsASweep = events / (activeHours * 60);
  const calls = {
    acquire: sessions,
    heartbeat: (seats * activeSeconds) / heartbeatSeconds,
    sign: sessions * signsPerSession,
    release: sessions,
    'record-event': events,
    sweep: SWEEPS,
    health: ASSUMPTIONS.uptimeChecksAnHour * 24 * DAYS,
  };

  /** How often each counted thing happens in the month. */
  const times: Readonly<Record<keyof typeof COUNTS, number>> = {
    acquire: calls.acquire,
    heartbeat: calls.heartbeat,
    sign: calls.sign,
    release: calls.release,
    health: calls.health,
    idleSweep: SWEEPS,
    // A shard's first batch needs one event, each further one a hundred.
    publishedBatch: activeHours * 60 * (distinct(SHARDS, eventsASweep) + eventsASweep / 100),
    recordedSession: sessions,
    sealedSession: sessions,
    // Taken to have a tenant of its own each.
    sealedChain: activeHours * 60 * distinct(licenses, eventsASweep),
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
  const counted = (field: keyof Counted): number =>
    sum(COUNTED.map((name) => times[name] * amountOf(COUNTS[name], field)));

  const redisCommands = counted('redisCommands');
  const redisBytesOut = counted('redisBytes') + redisCommands * ASSUMPTIONS.redisRequestAddsBytes;
  const callsInAll = sum(Object.values(calls));
  const answerBytes =
    counted('answerBytes') +
    (calls.acquire + calls.heartbeat + calls.sign + calls.release) * ASSUMPTIONS.answerAddsBytes;
  const droppedBeats = calls.heartbeat * (1 - scenario.heartbeatLogPercent / 100);
  const stored = counted(scenario.indexes === 'all' ? 'storedBytes' : 'leanBytes');

  const warm = ['acquire', 'heartbeat', 'release'] as const;
  const busySeconds = (name: keyof typeof calls): number => {
    if (name === 'sweep') return SWEEPS * ASSUMPTIONS.sweepSeconds + events * ASSUMPTIONS.sweepSecondsAnEvent;
    const seconds = name === 'health' ? SECONDS_A_MONTH : activeSeconds;
    const perSecond = calls[name] / seconds;
    const usesSdk = name === 'sign' || name === 'record-event';
    const cpuSeconds = usesSdk ? ASSUMPTIONS.cpuSecondsASdkCall : ASSUMPTIONS.cpuSecondsASeatCall;
    // One instance is billed while it serves any call at all; more are there once one is too busy.
    const anyServed = distinct(1, perSecond * ASSUMPTIONS.billedSecondsACall);
    return seconds * Math.max(anyServed, (perSecond * cpuSeconds) / ASSUMPTIONS.mostBusy);
  };
  const idleSeconds = (name: keyof typeof calls): number =>
    Math.max(0, scenario.minInstances * SECONDS_A_MONTH - busySeconds(name));
  const names = MANIFEST.flatMap(({ name }) => (isCalled(name) ? [name] : []));
  function isCalled(name: string): name is keyof typeof calls {
    return Object.hasOwn(calls, name);
  }

  return {
    redisCommandsPerSecond: redisCommands / activeSeconds,
    amounts: {
      requests: callsInAll,
      cpu: sum(names.map((name) => busySeconds(name) * ASSUMPTIONS.vcpusAnInstance)),
      memory: sum(names.map((name) => busySeconds(name) * memoryGiBOf(name))),
      idleCpu: sum(warm.map((name) => idleSeconds(name) * ASSUMPTIONS.vcpusAnInstance)),
      idleMemory: sum(warm.map((name) => idleSeconds(name) * memoryGiBOf(name))),
      redisCommands,
      redisBandwidth: redisBytesOut + redisCommands * ASSUMPTIONS.redisAnswerBytes,
      redisStorage: seats * ASSUMPTIONS.redisBytesASession + licenses * ASSUMPTIONS.redisBytesALicense,
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
        droppedBeats * (COUNTS.heartbeat.logBytes + ASSUMPTIONS.logLineAddsBytes) +
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

function memoryGiBOf(name: string): number {
  const contract = MANIFEST.find((each) => each.name === name);
  if (!contract) throw new TypeError(`no function is named ${name}`);
  return contract.memoryMiB * GIB_OF_MIB;
}
