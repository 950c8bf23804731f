import { MANIFEST } from '../../functions/manifest.ts';
import { type OperationName, SHARDS, totalOf } from '../../functions/testing/operation-counts.ts';
import { HOT_PATH } from '../../infra/hot-path.ts';
import { dependenciesOf, secretsOf } from '../../shared/http/dependencies.ts';
import { AUDIT, LICENSES, SESSION_HISTORIES, USAGE_HOURS } from '../../shared/ports/collections.ts';
import { QUERIES } from '../../shared/ports/queries.ts';
import { ASSUMPTIONS, SIZES } from './assumptions.ts';
import type { PriceName } from './prices.ts';
import { sum } from './sum.ts';

/** The load of a month, and the setup of the suite. */
export interface Scenario {
  readonly seats: number;
  /** Hours that each seat is held on each day; the same hours for all seats. */
  readonly hoursPerDay: number;
  readonly sessionsPerDay: number;
  /** Licenses signed per session. */
  readonly signsPerSession: number;
  readonly seatsPerLicense: number;
  readonly heartbeatSeconds: number;
  readonly redis: 'pay-as-you-go' | 'fixed';
  /** Instances kept warm day and night, for each of acquire, heartbeat and release. */
  readonly minInstances: number;
  /** How clients reach the functions. */
  readonly via: 'hosting' | 'functions';
  /** Percentages of the log lines of calls for seats that are kept: `requestLogs` of the stack, times 100. */
  readonly cloudRunLogPercent: number;
  readonly ownLogPercent: number;
  readonly recordsIn: 'region' | 'multi-region';
  /** Where the signing key is stored. */
  readonly key: 'software' | 'hsm';
}

/** The default setup, and the load of a working day; all but the number of seats. */
export const USUAL: Omit<Scenario, 'seats'> = {
  hoursPerDay: 8,
  sessionsPerDay: 1,
  signsPerSession: 1,
  seatsPerLicense: 10,
  heartbeatSeconds: 300,
  redis: 'pay-as-you-go',
  minInstances: 0,
  via: 'hosting',
  cloudRunLogPercent: 100,
  ownLogPercent: 100,
  recordsIn: 'region',
  key: 'software',
};

/** Usage in a month of 30 days, by price. */
export interface Usage {
  readonly amounts: Readonly<Record<PriceName, number>>;
  /** On average over the hours in which seats are held. */
  readonly redisCommandsPerSecond: number;
}

/** Functions whose calls grow with seats or are scheduled. Other calls by users and operators are not included. */
const CALLED = ['acquire', 'heartbeat', 'sign', 'release', 'record-event', 'sweep', 'health'] as const;
type Called = (typeof CALLED)[number];

const DAYS = 30;
const SECONDS_A_MONTH = DAYS * 24 * 3_600;
const SWEEPS = DAYS * 24 * 60;
const COMPARISONS = DAYS * 24;
/** Histories are deleted after a year by default; events and usage hours are never deleted. */
const MONTHS_KEPT = 12;
const SECRETS_BY_FUNCTION = MANIFEST.map((contract) =>
  // A stack with Upstash has no REDIS_URL.
  secretsOf(dependenciesOf(contract)).filter((name) => name !== 'REDIS_URL'),
);
const SECRETS = new Set(SECRETS_BY_FUNCTION.flat());
const SECRETS_A_FUNCTION = SECRETS_BY_FUNCTION.flat().length / MANIFEST.length;

export function usageOf(scenario: Scenario): Usage {
  const month = monthOf(scenario);
  const { calls, licenses, activeSeconds } = month;
  const times = timesOf(month);
  const operations = totalOf(times);
  const { redisCommands, documentReads, documentWrites, documentDeletes, signatures } = operations;

  const callsInAll = sum(CALLED.map((name) => calls[name]));
  const callsOfClients = calls.acquire + calls.heartbeat + calls.sign + calls.release;
  const answerBytes = bytesOf(SIZES.answers, times) + callsOfClients * ASSUMPTIONS.answerAddsBytes;
  const redisBytesOut =
    bytesOf(SIZES.redisRequests, times) + redisCommands * ASSUMPTIONS.redisRequestAddsBytes;
  const stored = storedBytes(month);
  const lineBytes = SIZES.logLine + ASSUMPTIONS.logLineAddsBytes;
  const seatCalls = sum(HOT_PATH.map((name) => calls[name]));
  const linesKept = (percent: number): number => callsInAll - seatCalls * (1 - percent / 100);
  const idleSecondsOf = (name: Called): number =>
    Math.max(0, scenario.minInstances * SECONDS_A_MONTH - busySecondsOf(name, month));

  return {
    redisCommandsPerSecond: redisCommands / activeSeconds,
    amounts: {
      requests: callsInAll,
      cpu: sum(CALLED.map((name) => busySecondsOf(name, month) * ASSUMPTIONS.vcpusAnInstance)),
      memory: sum(CALLED.map((name) => busySecondsOf(name, month) * memoryGiBOf(name))),
      idleCpu: sum(HOT_PATH.map((name) => idleSecondsOf(name) * ASSUMPTIONS.vcpusAnInstance)),
      idleMemory: sum(HOT_PATH.map((name) => idleSecondsOf(name) * memoryGiBOf(name))),
      redisCommands,
      redisBandwidth: redisBytesOut + redisCommands * ASSUMPTIONS.redisAnswerBytes,
      redisStorage:
        scenario.seats * ASSUMPTIONS.redisBytesASession + licenses * ASSUMPTIONS.redisBytesALicense,
      ...billedAs(scenario.recordsIn === 'region', {
        documentReads,
        documentWrites,
        documentDeletes,
        documentStorage: stored,
        documentHistory: stored,
      }),
      ...billedAs(scenario.recordsIn === 'multi-region', {
        multiRegionReads: documentReads,
        multiRegionWrites: documentWrites,
        multiRegionDeletes: documentDeletes,
        multiRegionStorage: stored,
        multiRegionHistory: stored,
      }),
      // Published and pushed.
      eventBytes: 2 * operations.messages * ASSUMPTIONS.billedMessageBytes,
      ...billedAs(scenario.key === 'software', { keyVersions: 1, keyOperations: signatures }),
      ...billedAs(scenario.key === 'hsm', { hsmVersions: 1, hsmOperations: signatures }),
      logBytes:
        linesKept(scenario.ownLogPercent) * lineBytes +
        linesKept(scenario.cloudRunLogPercent) * ASSUMPTIONS.requestLogBytes,
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

/** The calls and events of the month. */
function monthOf({ seats, hoursPerDay, sessionsPerDay, ...scenario }: Scenario) {
  const activeHours = hoursPerDay * DAYS;
  const activeSeconds = activeHours * 3_600;
  const sessions = seats * sessionsPerDay * DAYS;
  // Each signature is an event too.
  const events = (2 + scenario.signsPerSession) * sessions;
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
  const { heartbeatSeconds } = scenario;
  return { seats, licenses, activeHours, activeSeconds, sessions, events, calls, heartbeatSeconds };
}

/** How often each counted operation happens. */
function timesOf(month: Month): Readonly<Record<OperationName, number>> {
  const { seats, licenses, activeHours, sessions, events, calls, heartbeatSeconds } = month;
  const activeSweeps = activeHours * 60;
  // A seat's last known end is reached once in each heartbeat interval.
  const checksASweep = licenses * (60 / heartbeatSeconds);
  const eventsASweep = events / activeSweeps;
  return {
    acquire: calls.acquire,
    heartbeat: calls.heartbeat,
    sign: calls.sign,
    release: calls.release,
    health: calls.health,
    idleSweep: SWEEPS,
    checkedLicenses: activeSweeps * (distinct(SHARDS, checksASweep) + checksASweep / 32),
    // The first batch of a shard needs one event, each further batch a hundred.
    publishedBatch: activeSweeps * (distinct(SHARDS, eventsASweep) + eventsASweep / 100),
    recordedEvent: events,
    sealedEvent: events,
    // Assumes that each license is in its own tenant.
    sealedChain: activeSweeps * distinct(licenses, eventsASweep),
    comparison: COMPARISONS,
    comparedLicense: COMPARISONS * licenses,
    comparedLicensePage: COMPARISONS * (distinct(SHARDS, licenses) + licenses / 100),
    comparedSession: activeHours * seats,
    comparedPool: activeHours * licenses,
    comparedSessionPage: activeHours * (seats / 100),
    forgetting: DAYS,
    forgottenSession: sessions,
  };
}

/** Total bytes of the calls: `each` is the bytes of one call. */
function bytesOf<Name extends OperationName>(
  each: Readonly<Record<Name, number>>,
  times: Readonly<Record<OperationName, number>>,
): number {
  return sum((Object.keys(each) as Name[]).map((name) => each[name] * times[name]));
}

/** Bytes of all documents after a year, with their index entries. */
function storedBytes({ licenses, activeHours, sessions, events }: Month): number {
  const usageHours = activeHours * distinct(licenses, events / activeHours);
  const stored = [
    { collection: LICENSES, size: SIZES.documents.license, count: licenses },
    { collection: USAGE_HOURS, size: SIZES.documents.usageHour, count: MONTHS_KEPT * usageHours },
    { collection: SESSION_HISTORIES, size: SIZES.documents.sessionHistory, count: MONTHS_KEPT * sessions },
    { collection: AUDIT, size: SIZES.documents.event, count: MONTHS_KEPT * events },
  ];
  return sum(
    stored.map(({ collection, size, count }) => {
      const ofQueries = QUERIES.filter((query) => query.collection.name === collection.name).length;
      // No field has an index that no query needs.
      return count * (size + ofQueries * SIZES.indexEntry);
    }),
  );
}

/** Billed seconds of all instances of the function. */
function busySecondsOf(name: Called, { calls, events, activeSeconds }: Month): number {
  if (name === 'sweep') return SWEEPS * ASSUMPTIONS.sweepSeconds + events * ASSUMPTIONS.sweepSecondsAnEvent;
  const seconds = name === 'health' ? SECONDS_A_MONTH : activeSeconds;
  const perSecond = calls[name] / seconds;
  const usesSdk = name === 'sign' || name === 'record-event';
  const cpuSeconds = usesSdk ? ASSUMPTIONS.cpuSecondsASdkCall : ASSUMPTIONS.cpuSecondsASeatCall;
  // One instance is billed while it serves at least one call; more start when it is too busy.
  const anyServed = distinct(1, perSecond * ASSUMPTIONS.billedSecondsACall);
  return seconds * Math.max(anyServed, (perSecond * cpuSeconds) / ASSUMPTIONS.mostBusy);
}

/** The amounts if they are billed under these names, otherwise zeros. */
function billedAs<const Name extends string>(
  isBilled: boolean,
  amounts: Readonly<Record<Name, number>>,
): Readonly<Record<Name, number>> {
  if (isBilled) return amounts;
  return { ...amounts, ...Object.fromEntries(Object.keys(amounts).map((name) => [name, 0])) };
}

/** Expected number of distinct places that are hit by random throws. */
function distinct(places: number, throws: number): number {
  return places * (1 - Math.exp(-throws / places));
}

function memoryGiBOf(name: Called): number {
  const contract = MANIFEST.find((each) => each.name === name);
  if (!contract) throw new TypeError(`no function is named ${name}`);
  return contract.memoryMiB / 1024;
}
