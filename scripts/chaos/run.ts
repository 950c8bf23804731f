import { writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import * as z from 'zod/mini';
import { type Checked, check, type Facts, licensesFile, readFacts, requestsFile } from './check/check.ts';
import type { License } from './check/claims.ts';
import { type Finding, judge } from './check/finding.ts';
import { clientCalls, liveAsClient } from './client.ts';
import { planFaults } from './fault-plan.ts';
import { type FaultDone, injectFaults } from './inject.ts';
import { randomOf } from './random.ts';
import { ask, openRequestLog, type RequestLog } from './requests.ts';
import type { AppendFsync } from './restarting.ts';
import { openStage, type Stage } from './stage.ts';
import { type Leftover, reconcileOnce, settle, startSweeping } from './sweeping.ts';

export interface RunOptions {
  readonly appendfsync: AppendFsync;
  /** How long there are faults. What comes after takes about half a minute more. */
  readonly chaosMs: number;
  readonly clients: number;
  readonly licenses: number;
  readonly seed: number;
  /** Of this run alone; it must be there. */
  readonly folder: string;
  readonly say: (what: string) => void;
}

export interface RunResult {
  readonly options: Omit<RunOptions, 'say'>;
  readonly breaches: readonly Finding[];
  /** What a lost second of Redis explains; empty with `always`. */
  readonly holes: readonly Finding[];
  readonly checked: Checked;
  readonly facts: Facts;
  readonly faults: readonly FaultDone[];
  readonly harm: { readonly clients: Stage['clients']['harm']; readonly redis: Stage['redis']['harm'] };
  readonly tally: Stage['tally'];
  readonly sweeps: ReadonlyMap<number, number>;
  readonly deliveries: ReadonlyMap<number, number>;
  readonly acknowledgedAtMs: readonly number[];
  /** Sessions that had ended without a word and were found by the hourly comparison. */
  readonly closedByReconcile: number;
  readonly leftover: Leftover;
}

/** The shortest that a license may have, and beats often enough that one may be lost. */
const TTL_SECONDS = 10;
const HEARTBEAT_SECONDS = 3;
const CLIENTS_A_LICENSE_WITHOUT_SEAT = 1;
const LICENSES_A_TENANT = 5;

/** Longer than anything that a fault still holds back. */
const CALM_MS = 3_000;
/** The Pub/Sub emulator has two deliveries under way at most, so that a long run leaves it some that wait. */
const SETTLE_WITHIN_MS = 60_000;
const RECONCILE_WITHIN_MS = 30_000;
const HOUR_MS = 3_600_000;
const MARGIN_MS = 100_000;

interface SoldLicense extends License {
  readonly key: string;
}

/** One run: chaos, then calm, then the verdict. Throws only where the run itself could not be made. */
export async function runChaos(options: RunOptions): Promise<RunResult> {
  const { appendfsync, folder, seed, say } = options;
  say(`${appendfsync}: starting Redis, Firestore, Pub/Sub and the functions in ${folder}`);
  const stage = await openStage(folder, appendfsync, randomOf(seed, 'power cuts'));
  try {
    return await runOn(stage, options);
  } finally {
    await stage.close();
  }
}

async function runOn(stage: Stage, options: RunOptions): Promise<RunResult> {
  const { appendfsync, chaosMs, clients, seed, folder, say } = options;
  const licenses = await sellLicenses(stage, options);
  writeFileSync(
    licensesFile(folder),
    JSON.stringify(licenses.map(({ licenseId, tenantId, limit }) => ({ licenseId, tenantId, limit }))),
  );
  const log = openRequestLog(requestsFile(folder));
  const sweeping = startSweeping(stage, randomOf(seed, 'sweeps'));

  say(`${appendfsync}: ${chaosMs / 1000} s of chaos for ${clients} clients at ${licenses.length} licenses`);
  const stop = new AbortController();
  const lives = liveAll(stage, licenses, log, options, stop.signal);
  const faults = await injectFaults(planFaults(seed, chaosMs), stage);
  await sleep(CALM_MS);
  stop.abort();
  await lives;

  say(`${appendfsync}: all is calm; half of the clients crashed, waiting for their leases to end`);
  await sleep(TTL_SECONDS * 1000 + 500);
  await askForEverySeat(stage, licenses, log);
  await log.close();
  await sweeping.stop();
  let leftover = await settle(stage, SETTLE_WITHIN_MS + chaosMs);

  let closedByReconcile = 0;
  if (appendfsync === 'everysec') {
    // The first comparison notes what is missing, and the second, an hour on, what still is.
    for (const hours of [1, 2]) {
      await stage.moveFunctionsClock(hours * (HOUR_MS + MARGIN_MS));
      closedByReconcile += await reconcileOnce(stage, RECONCILE_WITHIN_MS);
    }
    leftover = await settle(stage, SETTLE_WITHIN_MS + chaosMs);
  }

  say(`${appendfsync}: checking`);
  const facts: Facts = { ...(await readFacts(folder, stage.records)), ...leftover };
  const checked = check(facts);
  const died: Finding[] = stage.hasDied()
    ? [{ kind: 'FUNCTIONS_DIED', of: 'the functions', detail: `see functions.log in ${folder}` }]
    : [];
  const { say: _, ...plain } = options;
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

const Sold = z.object({ license_id: z.string(), tenant_id: z.string(), license_key: z.string() });

/** Licenses of several tenants, each with a seat less than it has clients. */
async function sellLicenses(stage: Stage, { licenses, clients }: RunOptions): Promise<SoldLicense[]> {
  const limit = Math.max(1, Math.floor(clients / licenses) - CLIENTS_A_LICENSE_WITHOUT_SEAT);
  const sold: SoldLicense[] = [];
  while (sold.length < licenses) {
    const tenantId = sold.length % LICENSES_A_TENANT === 0 ? undefined : sold.at(-1)?.tenantId;
    const outcome = await ask({
      port: stage.functionsPort,
      method: 'POST',
      path: '/api/v1/licenses',
      authorization: `Operator ${stage.operatorKey}`,
      body: {
        tenant_id: tenantId,
        max: limit,
        ttl_seconds: TTL_SECONDS,
        heartbeat_seconds: HEARTBEAT_SECONDS,
        // What keeps a client from a seat is to be chaos alone.
        requests_per_minute: 1_000_000,
      },
      timeoutMs: 30_000,
    });
    if (outcome.status !== 201) throw new Error(`No license was sold: ${JSON.stringify(outcome)}`);
    const { license_id: licenseId, tenant_id, license_key: key } = z.parse(Sold, outcome.body);
    sold.push({ licenseId, tenantId: tenant_id, key, limit });
  }
  return sold;
}

function liveAll(
  stage: Stage,
  licenses: readonly SoldLicense[],
  log: RequestLog,
  { clients, seed }: RunOptions,
  stop: AbortSignal,
): Promise<unknown> {
  const lives = Array.from({ length: clients }, async (_, index) => {
    const license = licenses[index % licenses.length];
    if (!license) return;
    const name = `machine-${index}`;
    const calls = clientCalls({ name, phase: 'chaos', license, port: stage.clients.port, log });
    // Of each license some crash and some do not.
    const atTheEnd = Math.floor(index / licenses.length) % 2 === 0 ? 'release' : 'crash';
    await liveAsClient(calls, { stop, random: randomOf(seed, name), atTheEnd });
  });
  return Promise.all(lives);
}

const FRESH_ATTEMPTS = 3;

/** As many new clients as each license has seats, then one more; then all of them go. */
async function askForEverySeat(
  stage: Stage,
  licenses: readonly SoldLicense[],
  log: RequestLog,
): Promise<void> {
  await Promise.all(
    licenses.map(async (license) => {
      const freshClient = (index: number) =>
        clientCalls({
          name: `fresh-${index}-${license.licenseId}`,
          phase: 'fresh',
          license,
          port: stage.clients.port,
          log,
        });
      const leave = await Promise.all(
        Array.from({ length: license.limit }, (_, i) => seatOf(freshClient(i))),
      );
      leave.push(await seatOf(freshClient(license.limit)));
      await Promise.all(leave.map((giveBack) => giveBack?.()));
    }),
  );
}

/** Asks until there is an answer; what gives the seat back again, where there was one. */
async function seatOf(calls: ReturnType<typeof clientCalls>): Promise<(() => Promise<unknown>) | undefined> {
  for (let attempt = 0; attempt < FRESH_ATTEMPTS; attempt += 1) {
    const { status, seat } = await calls.acquire();
    if (seat) return () => calls.release(seat);
    if (status === 409) return undefined;
  }
  return undefined;
}
