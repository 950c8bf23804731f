import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { putNewLicense } from '../../../shared/testing/put-license.ts';
import { openTestSuite, type TestSuite } from '../../../shared/testing/suite.ts';
import { type Program, run, temporaryFolder } from '../src/node/testing.ts';
import { beliefsOf, type Confirmed, findFalseBeliefs, type Logs, type Sample } from './beliefs.ts';
import { type Fate, weather } from './fates.ts';
import { type HostileProxy, startHostileProxy } from './hostile-proxy.ts';
import type { LiveProgram } from './live-program.ts';
import { eventsOf } from './server-log.ts';
import { storyOf } from './story.ts';

const PROGRAM = fileURLToPath(new URL('live-program.ts', import.meta.url));
const SEED = 20_261_128;

/** Shorter than any that can be sold, so that leases run out within the time of a test. */
const TTL_MS = 3_000;
const TERMS = { max: 2, ttlSeconds: TTL_MS / 1000, heartbeatSeconds: 1, requestsPerMinute: 1_000_000 };
const MACHINES = 4;
const STORM_MS = 7_000;
const SLEEP_MS = TTL_MS + 300;

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

function start(program: Omit<LiveProgram, 'logFile' | 'folder'>): Program & { logFile: string } {
  const logFile = join(files.folder, `${program.name}.log`);
  const settings: LiveProgram = { ...program, logFile, folder: join(files.folder, program.machine) };
  return { ...run(process.execPath, [PROGRAM, JSON.stringify(settings)]), logFile };
}

describe('programs in a storm, of which some are killed and some are stopped for longer than their lease,', () => {
  const programs: (Program & { logFile: string })[] = [];
  const confirmed: Confirmed[] = [];
  let proxy: HostileProxy;
  let logs: Logs;

  beforeAll(async () => {
    const license = await putNewLicense(suite.deps.seats, TERMS);
    const fates = fc.sample(weather(TTL_MS), { seed: SEED, numRuns: 20 }).flat();
    let asked = 0;
    proxy = await startHostileProxy({
      targetUrl: suite.url,
      nextFate: () => fates[asked++ % fates.length] as Fate,
      noteAnswer,
    });

    const machines = Array.from({ length: MACHINES }, (_, i) => `machine-${i}`);
    const live = (machine: string): Program => {
      const name = `${machine} #${programs.length}`;
      const { key: licenseKey } = license;
      const program = start({ name, machine, url: proxy.url, licenseKey, until: 'ENDED' });
      programs.push(program);
      return program;
    };
    const [killed, stopped] = machines.map(live);
    await sleep(STORM_MS * 0.25);
    killed?.child.kill('SIGKILL');
    stopped?.child.kill('SIGSTOP');
    live('machine-0');
    await sleep(SLEEP_MS);
    stopped?.child.kill('SIGCONT');
    await sleep(STORM_MS * 0.75 - SLEEP_MS);
    for (const { child } of programs) child.kill('SIGTERM');
    await Promise.all(programs.map(({ ended }) => ended));
    // Of those who could not give theirs back.
    await sleep(TTL_MS);

    const samples = programs.flatMap(({ logFile }) => readLog(logFile));
    logs = {
      beliefs: beliefsOf(samples),
      refusals: [],
      confirmed,
      events: await eventsOf(suite.deps, license.licenseId),
      licenses: [{ licenseId: license.licenseId, limit: TERMS.max }],
    };
  });
  afterAll(() => proxy?.close());

  function noteAnswer(asked: { body: string }, { status, body }: { status: number; body: string }): void {
    if (status >= 300 || body === '') return;
    const { fingerprint } = JSON.parse(asked.body);
    const { session_id: sessionId, expires_at } = JSON.parse(body);
    const machine = fingerprint ?? confirmed.find((one) => one.sessionId === sessionId)?.machine;
    if (machine)
      confirmed.push({ machine, sessionId, atMs: Date.now(), expiresAtMs: Date.parse(expires_at) });
  }

  test('never believe in a seat that the server does not hold for them', () => {
    expect(findFalseBeliefs(logs), storyOf(logs)).toEqual([]);
  });

  test('all end when they are told to', async () => {
    const ends = await Promise.all(programs.map(({ ended }) => ended));
    expect(ends.map(({ signal }) => signal)).toEqual(['SIGKILL', ...Array(MACHINES).fill('SIGTERM')]);
  });

  test('had their storm, and their seats', () => {
    console.log(
      Object.fromEntries(proxy.tally),
      logs.beliefs.length,
      logs.events.map((e) => e.type),
    );
  });
});

function readLog(file: string): Sample[] {
  if (!existsSync(file)) return [];
  const lines = readFileSync(file, 'utf8').split('\n').slice(0, -1);
  return lines.map((line) => JSON.parse(line));
}
