import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest';
import { type Program, run, temporaryFolder } from '../../clients/sdk/src/node/testing.ts';
import { openTestSuite, type TestSuite } from '../../functions/testing/suite.ts';
import { putNewLicense } from '../../shared/testing/seats/put-license.ts';
import { beliefsOf, type Confirmed, findFalseBeliefs, type Logs, type Sample } from './beliefs.ts';
import type { Answer } from './distortions.ts';
import { type FaultyProxy, type SentRequest, startFaultyProxy } from './faulty-proxy.ts';
import type { LiveProgram } from './live-program.ts';
import { type Fate, faultSequence } from './request-faults.ts';
import { eventsOf } from './server-log.ts';
import { timelineOf } from './timeline.ts';

const PROGRAM = fileURLToPath(new URL('./live-program.ts', import.meta.url));
const SEED = 20_261_128;

/** Shorter than the API allows, so that leases expire during the test. */
const TTL_SECONDS = 2;
const TTL_MS = TTL_SECONDS * 1000;
const TERMS = {
  plan: 'free',
  max: 2,
  ttlSeconds: TTL_SECONDS,
  heartbeatSeconds: 1,
  requestsPerMinute: 1_000_000,
} as const;

const NEVER: Fate = { arrivesAfterMs: undefined, answer: { how: 'NEVER' } };
const WELL: Fate = { arrivesAfterMs: 1, answer: { how: 'none', afterMs: 1 } };

interface Started extends Program {
  readonly settings: LiveProgram;
}

let suite: TestSuite;
let files: { folder: string; remove(): Promise<void> };
beforeAll(async () => {
  suite = await openTestSuite();
  files = await temporaryFolder();
});
afterAll(async () => {
  await suite.close();
  await files.remove();
});

function start(program: Omit<LiveProgram, 'logFile' | 'folder'>): Started {
  const logFile = join(files.folder, `${program.name}.log`);
  const settings: LiveProgram = { ...program, logFile, folder: join(files.folder, program.machine) };
  return { ...run(process.execPath, [PROGRAM, JSON.stringify(settings)]), settings };
}

function samplesOf({ settings: { logFile } }: Started): Sample[] {
  if (!existsSync(logFile)) return [];
  const lines = readFileSync(logFile, 'utf8').split('\n').slice(0, -1);
  return lines.map((line) => JSON.parse(line));
}

describe('programs on a faulty network, one killed and one stopped for longer than its lease,', () => {
  const programs: Started[] = [];
  const confirmed: Confirmed[] = [];
  let stopped: Started;
  let stoppedAtMs: number;
  let proxy: FaultyProxy;
  let logs: Logs;

  beforeAll(async () => {
    const license = await putNewLicense(suite.deps.seats, TERMS);
    const fates = fc.sample(faultSequence(TTL_MS), { seed: SEED, numRuns: 20 }).flat();
    let requests = 0;
    proxy = await startFaultyProxy({
      targetUrl: suite.url,
      nextFate: () => fates[requests++ % fates.length] ?? WELL,
      noteAnswer,
    });
    const live = (machine: string): void => {
      const name = `${machine} #${programs.length}`;
      const { key: licenseKey } = license;
      programs.push(start({ name, machine, url: proxy.url, licenseKey, until: 'ENDED' }));
    };
    for (const machine of ['ann', 'ben', 'cat', 'dan']) live(machine);

    const killed = await oneThatHolds();
    killed.child.kill('SIGKILL');
    stopped = await stopOneThatHolds(killed);
    stoppedAtMs = Date.now();
    live(killed.settings.machine);
    await sleep(TTL_MS + 200);
    stopped.child.kill('SIGCONT');
    await sleep(TTL_MS);
    for (const { child } of programs) child.kill('SIGTERM');
    await Promise.all(programs.map(({ ended }) => ended));
    // For leases whose release was lost.
    await sleep(TTL_MS);
    const events = await eventsOf(suite.deps, license.licenseId);
    logs = {
      beliefs: beliefsOf(programs.flatMap(samplesOf)),
      refusals: [],
      confirmed,
      events,
      licenses: [{ licenseId: license.licenseId, limit: TERMS.max }],
    };
  });
  afterAll(() => proxy?.close());

  function oneThatHolds(notThis?: Started): Promise<Started> {
    return vi.waitFor(
      () => {
        const holding = programs.find((one) => one !== notThis && samplesOf(one).at(-1)?.holdsLease);
        if (!holding) throw new Error('none holds a seat');
        return holding;
      },
      { timeout: 15_000, interval: 20 },
    );
  }

  async function stopOneThatHolds(notThis: Started): Promise<Started> {
    for (;;) {
      const one = await oneThatHolds(notThis);
      one.child.kill('SIGSTOP');
      await sleep(20);
      if (samplesOf(one).at(-1)?.holdsLease) return one;
      // It released its seat just before it stopped.
      one.child.kill('SIGCONT');
    }
  }

  function noteAnswer({ body: sent }: SentRequest, { status, body }: Answer): void {
    const { fingerprint } = JSON.parse(sent);
    if (status >= 300 || body === '') return;
    const { session_id: sessionId, expires_at } = JSON.parse(body);
    const machine = fingerprint ?? confirmed.find((one) => one.sessionId === sessionId)?.machine;
    const expiresAtMs = Date.parse(expires_at);
    confirmed.push({ program: machine, machine, sessionId, atMs: Date.now(), expiresAtMs });
  }

  test('never believe in a seat that the server does not hold for them', () => {
    expect(findFalseBeliefs(logs), timelineOf(logs)).toEqual([]);
  });

  test('no longer believe in the seat at the first sample after they were stopped', () => {
    const before = samplesOf(stopped).findLast(({ atMs }) => atMs <= stoppedAtMs);
    const after = samplesOf(stopped).find(
      ({ atMs, sessionId }) => atMs > stoppedAtMs && sessionId === before?.sessionId,
    );
    expect(before).toMatchObject({ holdsLease: true });
    expect(after).toMatchObject({ holdsLease: false });
  });

  test('all end by the signal that they get', async () => {
    const ends = await Promise.all(programs.map(({ ended }) => ended));
    const signals = ends.map(({ signal }) => signal).toSorted();
    expect(signals).toEqual(['SIGKILL', 'SIGTERM', 'SIGTERM', 'SIGTERM', 'SIGTERM']);
  });

  test('were exposed to faults, held seats, and let some expire', () => {
    const faulty = [...proxy.tally].filter(([what]) => !what.endsWith(' none'));
    expect(faulty.length).toBeGreaterThan(3);
    expect(logs.beliefs.length).toBeGreaterThan(2);
    const types = logs.events.map(({ type }) => type);
    expect(types.filter((type) => type === 'session.acquired').length).toBeGreaterThan(2);
    expect(types.filter((type) => type === 'session.expired').length).toBeGreaterThan(0);
  });
});

describe('a program whose server no longer responds still ends', () => {
  test.concurrent.each([
    ['when its event loop is empty', 'RUN_OUT_OF_WORK', { code: 0, signal: null }],
    ['when it exits', 'EXIT', { code: 0, signal: null }],
    ['when it crashes', 'CRASH', { code: 1, signal: null }],
    ['on SIGTERM', 'SIGNAL', { code: null, signal: 'SIGTERM' }],
  ] as const)('%s', async (_, until, end) => {
    const { key: licenseKey } = await putNewLicense(suite.deps.seats, TERMS);
    let requests = 0;
    const nextFate = (): Fate => (requests++ === 0 ? WELL : NEVER);
    const proxy = await startFaultyProxy({ targetUrl: suite.url, nextFate });
    onTestFinished(() => proxy.close());
    const program = start({ name: until, machine: until, url: proxy.url, licenseKey, until });
    await program.says('seated');
    program.child.kill(until === 'SIGNAL' ? 'SIGTERM' : 'SIGUSR2');
    expect(await program.ended).toMatchObject(end);
    // Some leave the release to another process.
    await vi.waitFor(() => expect(requests).toBeGreaterThan(1), { timeout: 10_000 });
  });
});
