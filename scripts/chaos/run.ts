import { writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import * as z from 'zod/mini';
import { randomOf } from '../../shared/testing/random.ts';
import type { Engine } from '../redis-option.ts';
import { type Checked, check, type Facts, licensesFile, readFacts, requestsFile } from './check/check.ts';
import type { License } from './check/claims.ts';
import { type Finding, judge } from './check/finding.ts';
import { type ClientCalls, clientCalls, runClient } from './client.ts';
import { planFaults } from './fault-plan.ts';
import { type FaultDone, injectFaults } from './inject.ts';
import { openRequestLog, type RequestLog, sendRequest } from './requests.ts';
import type { AppendFsync } from './restarting.ts';
import { openStage, type Stage } from './stage.ts';
import { type Leftover, reconcileOnce, settle, startSweeping } from './sweeping.ts';

export interface RunOptions {
  readonly appendfsync: AppendFsync;
  /** How long faults are injected. The run takes about a minute longer. */
  readonly chaosMs: number;
  readonly clients: number;
  readonly licenses: number;
  readonly redis: Engine;
  readonly seed: number;
  /** Used by this run only; it must exist. */
  readonly folder: string;
  readonly print: (what: string) => void;
}

export interface RunResult {
  readonly options: Omit<RunOptions, 'print'>;
  readonly breaches: readonly Finding[];
  /** Findings that a lost second of Redis explains; empty with `always`. */
  readonly holes: readonly Finding[];
  readonly checked: Checked;
  readonly facts: Facts;
  readonly faults: readonly FaultDone[];
  readonly harm: { readonly clients: Stage['clients']['harm']; readonly redis: Stage['redis']['harm'] };
  readonly tally: Stage['tally'];
  readonly sweeps: ReadonlyMap<number, number>;
  readonly deliveries: ReadonlyMap<number, number>;
  readonly acknowledgedAtMs: readonly number[];
  /** Sessions that had ended without an event and that the hourly comparison closed. */
  readonly closedByReconcile: number;
  readonly leftover: Leftover;
}

/** The shortest TTL of a license, with heartbeats often enough that one can be lost. */
const TTL_SECONDS = 10;
const HEARTBEAT_SECONDS = 3;
const MACHINES_A_LICENSE_WITHOUT_SEAT = 1;
const LICENSES_A_TENANT = 5;

/** Longer than any delay of a fault. */
const CALM_MS = 3_000;
/** The Pub/Sub emulator delivers at most two messages at a time, so a long run leaves a backlog. */
const SETTLE_WITHIN_MS = 60_000;
const RECONCILE_WITHIN_MS = 30_000;
const HOUR_MS = 3_600_000;
const MARGIN_MS = 100_000;

interface CreatedLicense extends License {
  readonly key: string;
}

/** One run: faults, then a pause, then the verdict. Throws only if the run itself could not be completed. */
export async function runChaos(options: RunOptions): Promise<RunResult> {
  const { appendfsync, folder, redis, seed, print } = options;
  print(`${appendfsync}: starting Redis, Firestore, Pub/Sub and the functions in ${folder}`);
  const stage = await openStage({ folder, appendfsync, redis, random: randomOf(seed, 'power cuts') });
  try {
    return await runOn(stage, options);
  } finally {
    await stage.close();
  }
}

async function runOn(stage: Stage, options: RunOptions): Promise<RunResult> {
  const { appendfsync, chaosMs, clients, seed, folder, print } = options;
  const licenses = await createLicenses(stage, options);
  writeFileSync(
    licensesFile(folder),
    JSON.stringify(licenses.map(({ licenseId, tenantId, limit }) => ({ licenseId, tenantId, limit }))),
  );
  const log = openRequestLog(requestsFile(folder));
  const sweeping = startSweeping(stage, randomOf(seed, 'sweeps'));

  print(`${appendfsync}: ${chaosMs / 1000} s of chaos for ${clients} clients on ${licenses.length} licenses`);
  const stop = new AbortController();
  const running = runClients(stage, licenses, log, options, stop.signal);
  const faults = await injectFaults(planFaults(seed, chaosMs), stage);
  await sleep(CALM_MS);
  stop.abort();
  await running;

  print(`${appendfsync}: faults have ended, half of the clients crashed; waiting for their leases to expire`);
  await sleep(TTL_SECONDS * 1000 + 500);
  await askForEverySeat(stage, licenses, log);
  await log.close();
  await sweeping.stop();
  let leftover = await settle(stage, SETTLE_WITHIN_MS + chaosMs);

  let closedByReconcile = 0;
  if (appendfsync === 'everysec') {
    // The first comparison records what is missing; the second, an hour later, closes what still is.
    for (const hours of [1, 2]) {
      await stage.moveFunctionsClock(hours * (HOUR_MS + MARGIN_MS));
      closedByReconcile += await reconcileOnce(stage, RECONCILE_WITHIN_MS);
    }
    leftover = await settle(stage, SETTLE_WITHIN_MS + chaosMs);
  }

  print(`${appendfsync}: checking`);
  const facts: Facts = { ...(await readFacts(folder, stage.records)), ...leftover };
  const checked = check(facts);
  const died: Finding[] = stage.hasDied()
    ? [{ kind: 'FUNCTIONS_DIED', of: 'the functions', detail: `see functions.log in ${folder}` }]
    : [];
  const { print: _, ...plain } = options;
  return {
    options: plain,
    ...judge([...checked.findings, ...died], appendfsync === 'everysec'),
    checked,
    facts,
    faults,
    harm: { clients: stage.clients.harm, redis: stage.redis.harm },
    tally: stage.tally,
    sweeps: sweeping.statuses,
    deliveries: stage.acknowledgements.statuses,
    acknowledgedAtMs: stage.acknowledgements.atMs,
    closedByReconcile,
    leftover,
  };
}

const Created = z.object({ license_id: z.string(), tenant_id: z.string(), license_key: z.string() });

/**
 * The number of the machine, on its license, of the license's n-th client. Of three clients, the first two are programs
 * of one machine and share its seat.
 */
function machineOf(n: number): number {
  return Math.floor((n * 2) / 3);
}

/** Creates licenses of several tenants, each with one seat fewer than machines. */
async function createLicenses(stage: Stage, { licenses, clients }: RunOptions): Promise<CreatedLicense[]> {
  const machines = machineOf(Math.floor(clients / licenses) - 1) + 1;
  const limit = machines - MACHINES_A_LICENSE_WITHOUT_SEAT;
  const created: CreatedLicense[] = [];
  while (created.length < licenses) {
    const tenantId = created.length % LICENSES_A_TENANT === 0 ? undefined : created.at(-1)?.tenantId;
    const outcome = await sendRequest({
      port: stage.functionsPort,
      method: 'POST',
      path: '/api/v1/licenses',
      authorization: `Operator ${stage.operatorKey}`,
      body: {
        tenant_id: tenantId,
        max: limit,
        ttl_seconds: TTL_SECONDS,
        heartbeat_seconds: HEARTBEAT_SECONDS,
        // Only faults may keep a client from a seat, not the rate limit.
        requests_per_minute: 1_000_000,
      },
      timeoutMs: 30_000,
    });
    if (outcome.status !== 201) throw new Error(`Could not create a license: ${JSON.stringify(outcome)}`);
    const { license_id: licenseId, tenant_id, license_key: key } = z.parse(Created, outcome.body);
    created.push({ licenseId, tenantId: tenant_id, key, limit });
  }
  return created;
}

function runClients(
  stage: Stage,
  licenses: readonly CreatedLicense[],
  log: RequestLog,
  { clients, seed }: RunOptions,
  stop: AbortSignal,
): Promise<unknown> {
  const running = Array.from({ length: clients }, async (_, index) => {
    const license = licenses[index % licenses.length];
    if (!license) return;
    const name = `program-${index}`;
    const ofLicense = Math.floor(index / licenses.length);
    const machine = `machine-${machineOf(ofLicense)}-${license.licenseId}`;
    const calls = clientCalls({ name, machine, phase: 'chaos', license, port: stage.clients.port, log });
    // On each license some clients release their seat and some crash.
    const atTheEnd = ofLicense % 2 === 0 ? 'release' : 'crash';
    await runClient(calls, { name, stop, random: randomOf(seed, name), atTheEnd });
  });
  return Promise.all(running);
}

const FRESH_ATTEMPTS = 3;

/** On each license, acquires every seat with new clients, then one more seat, then releases all of them. */
async function askForEverySeat(
  stage: Stage,
  licenses: readonly CreatedLicense[],
  log: RequestLog,
): Promise<void> {
  await Promise.all(
    licenses.map(async (license) => {
      const freshSeat = (index: number) => {
        const name = `fresh-${index}-${license.licenseId}`;
        const { port } = stage.clients;
        return seatOf(name, clientCalls({ name, machine: name, phase: 'fresh', license, port, log }));
      };
      const releases = await Promise.all(Array.from({ length: license.limit }, (_, i) => freshSeat(i)));
      releases.push(await freshSeat(license.limit));
      await Promise.all(releases.map((release) => release?.()));
    }),
  );
}

/** Acquires a seat, with retries; returns a function that releases it, or `undefined` if there was none. */
async function seatOf(instanceId: string, calls: ClientCalls): Promise<(() => Promise<unknown>) | undefined> {
  for (let attempt = 0; attempt < FRESH_ATTEMPTS; attempt += 1) {
    const { status, seat } = await calls.acquire(instanceId);
    if (seat) return () => calls.release(seat);
    if (status === 409) return undefined;
  }
  return undefined;
}
