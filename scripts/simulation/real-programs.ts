import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { vi } from 'vitest';
import type { PublicKeys } from '../../clients/sdk/src/options.ts';
import { openTestSuite, type TestSuite } from '../../functions/testing/suite.ts';
import type { SeatEvent } from '../../shared/domain/event.ts';
import { newLicenseId, newLicenseKey, newTenantId } from '../../shared/domain/ids.ts';
import { draftLicense, entitlementOf, type LicenseTerms } from '../../shared/domain/license.ts';
import { LICENSES } from '../../shared/ports/collections.ts';
import { beliefsOf, type Confirmed, findFalseBeliefs, type Sample } from './beliefs.ts';
import { type CommandedProgram, type Line, systemMs } from './commanded-program.ts';
import type { Answer } from './distortions.ts';
import { type FaultyProxy, type SentRequest, startFaultyProxy } from './faulty-proxy.ts';
import type { Fate } from './request-faults.ts';
import { eventsOf } from './server-log.ts';
import { timelineOf } from './timeline.ts';

const PROGRAM = fileURLToPath(new URL('./commanded-program.ts', import.meta.url));
const WELL: Fate = { arrivesAfterMs: 0, answer: { how: 'none', afterMs: 0 } };
const LOST: Fate = { arrivesAfterMs: undefined, answer: { how: 'RESET', afterMs: 1 } };

/** Leases end during a test. */
export const TTL_MS = 3_000;
const TERMS = {
  plan: 'enterprise',
  max: 1,
  ttlSeconds: TTL_MS / 1000,
  heartbeatSeconds: 1,
  offlineGraceDays: 7,
  requestsPerMinute: 1_000_000,
} as const;

/** Real time, and a clock of the server that a test can set forward. */
export interface RealStage {
  readonly suite: TestSuite;
  /** Also runs a sweep, as Cloud Scheduler does: the server forgets what it need not remember. */
  moveServerClock(ms: number): Promise<void>;
  openPool(terms?: Partial<LicenseTerms>): Promise<Pool>;
  close(): Promise<void>;
}

/** A license, its programs, and the network between them and the server. */
export interface Pool {
  start(options: StartOptions): Promise<RealProgram>;
  /** From now on, no request arrives; or every one does. */
  cutNetwork(): void;
  mendNetwork(): void;
  /** Reads what the server has recorded so far. */
  readEvents(): Promise<void>;
  judge(): Promise<Verdict>;
  /** Kills its programs. */
  [Symbol.asyncDispose](): Promise<void>;
}

export interface StartOptions {
  readonly name: string;
  /** Default: this machine's. */
  readonly fingerprint?: string;
  readonly userId?: string;
  readonly env?: NodeJS.ProcessEnv;
  /** A command that runs the one that is appended to it. */
  readonly inside?: readonly string[];
}

export interface RealProgram {
  readonly name: string;
  /** What it has printed so far. */
  readonly lines: readonly Line[];
  readonly ended: Promise<{ readonly code: number | null; readonly signal: string | null }>;
  tell(command: string): void;
  /** Sends a signal to the program itself, not to the command that it runs inside. */
  kill(signal: NodeJS.Signals): void;
  /** Resolves once a line since `fromMs` fulfills the condition. */
  prints(what: Partial<Line> | Record<string, unknown>, fromMs?: number): Promise<Line>;
  events(): string[];
}

export interface Verdict {
  readonly falseBeliefs: readonly unknown[];
  /** Programs that were told that their seat is lost. */
  readonly losses: readonly string[];
  /** Programs that read, at any time while they ran, that they may not run. */
  readonly stopped: readonly string[];
  readonly timeline: string;
}

export async function openRealStage(): Promise<RealStage> {
  const RealDate = Date;
  let aheadMs = 0;
  class ServerDate extends RealDate {
    constructor(...given: [] | [number]) {
      super(...((given.length === 0 ? [ServerDate.now()] : given) as [number]));
    }
    static override now(): number {
      return RealDate.now() + aheadMs;
    }
  }
  vi.stubGlobal('Date', ServerDate);
  const suite = await openTestSuite();
  const { body: publicKeys } = await suite.call('GET', '/.well-known/jwks.json');
  // Programs use the clock of the system, the server its own.
  const startMs = RealDate.now() - systemMs();
  const pools: Pool[] = [];
  const steps: { readonly fromMs: number; readonly aheadMs: number }[] = [];
  const serverMs = (atMs: number): number =>
    startMs + atMs + (steps.findLast(({ fromMs }) => fromMs <= atMs)?.aheadMs ?? 0);
  return {
    suite,
    async moveServerClock(ms) {
      aheadMs += ms;
      steps.push({ fromMs: systemMs(), aheadMs });
      // A sweep publishes them: afterwards the outbox is empty.
      await Promise.all(pools.map((pool) => pool.readEvents()));
      const { status, text } = await suite.sweep();
      if (status !== 200) throw new Error(`no sweep: ${text}`);
    },
    async openPool(terms = {}) {
      const pool = await openPool(suite, publicKeys, { ...TERMS, ...terms }, serverMs);
      pools.push(pool);
      return pool;
    },
    async close() {
      await suite.close();
      vi.unstubAllGlobals();
    },
  };
}

/** Not through the API, which refuses so short a TTL. */
async function openPool(
  suite: TestSuite,
  publicKeys: PublicKeys,
  terms: LicenseTerms,
  serverMs: (systemMs: number) => number,
): Promise<Pool> {
  const { records, seats } = suite.deps;
  const tenantId = newTenantId(16);
  const licenseId = newLicenseId(tenantId);
  const licenseKey = newLicenseKey(licenseId);
  const license = draftLicense({ tenantId, licenseId }, licenseKey, terms, Date.now());
  await records.create(LICENSES, licenseId, license);
  await seats.restore({ entitlement: entitlementOf(license), loans: [], bars: [] });
  const confirmed: Confirmed[] = [];
  const programs: RealProgram[] = [];
  const events = new Map<string, SeatEvent>();
  let fate = WELL;
  /** Sessions are known by their id: their machine does not matter to these tests. */
  const noteAnswer = ({ body: sent }: SentRequest, { status, body }: Answer): void => {
    if (status >= 300 || !body.includes('expires_at')) return;
    const { session_id: sessionId, expires_at } = JSON.parse(body);
    const { fingerprint = confirmed.find((one) => one.sessionId === sessionId)?.machine } = JSON.parse(sent);
    const expiresAtMs = Date.parse(expires_at);
    confirmed.push({ program: fingerprint, machine: fingerprint, sessionId, atMs: Date.now(), expiresAtMs });
  };
  const proxy: FaultyProxy = await startFaultyProxy({
    targetUrl: suite.url,
    nextFate: () => fate,
    noteAnswer,
  });

  const readEvents = async (): Promise<void> => {
    for (const event of await eventsOf(suite.deps, licenseId)) events.set(event.eventId, event);
  };

  const samplesOf = ({ name, lines }: RealProgram): Sample[] =>
    lines.flatMap((line) => {
      if (!('sessionId' in line)) return [];
      const { sessionId, holdsLease, atMs } = line;
      const machine = confirmed.find((one) => one.sessionId === sessionId)?.machine ?? '';
      const holder = terms.unit === 'user' ? 'the user' : terms.unit === 'process' ? name : machine;
      return { program: name, machine, holder, sessionId, holdsLease, atMs: serverMs(atMs) };
    });

  return {
    async start(options) {
      const program = startProgram(options, { url: proxy.url, licenseKey, publicKeys });
      programs.push(program);
      await program.prints({ event: 'acquired' });
      // The license is signed only after that.
      if (terms.offlineGraceDays) await program.prints({ hasGrace: true });
      return program;
    },
    cutNetwork: () => {
      fate = LOST;
    },
    mendNetwork: () => {
      fate = WELL;
    },
    readEvents,
    async judge() {
      await readEvents();
      const beliefs = programs.flatMap((program) => beliefsOf(samplesOf(program)));
      const limit = terms.max + (terms.overdraft ?? 0);
      const logs = {
        beliefs,
        refusals: [],
        confirmed,
        events: [...events.values()],
        licenses: [{ licenseId, limit }],
      };
      return {
        falseBeliefs: findFalseBeliefs(logs),
        losses: programs.flatMap(({ name, lines }) =>
          lines.flatMap((line) => ('event' in line && line.event === 'lost' ? `${name}: ${line.code}` : [])),
        ),
        stopped: programs
          .filter(({ lines }) =>
            lines.some((line) => 'mayRun' in line && !line.mayRun && line.state !== 'released'),
          )
          .map(({ name }) => name),
        timeline: timelineOf(logs),
      };
    },
    async [Symbol.asyncDispose]() {
      for (const program of programs) program.kill('SIGKILL');
      await Promise.all(programs.map(({ ended }) => ended));
      await proxy.close();
    },
  };
}

/** A program that fails its test must not run on. */
const LONGEST_MS = 100_000;
const PATIENCE_MS = 20_000;

function startProgram(
  { name, fingerprint, userId, env, inside = [] }: StartOptions,
  settings: CommandedProgram,
): RealProgram {
  const [command = '', ...args] = [
    ...inside,
    process.execPath,
    PROGRAM,
    JSON.stringify({ ...settings, fingerprint, userId }),
  ];
  const child = spawn(command, args, {
    env: { ...process.env, ...env },
    stdio: ['pipe', 'pipe', 'inherit'],
    timeout: LONGEST_MS,
    killSignal: 'SIGKILL',
  });
  const lines: Line[] = [];
  let rest = '';
  child.stdout.on('data', (data) => {
    const texts = (rest + data).split('\n');
    rest = texts.pop() ?? '';
    lines.push(...texts.map((text) => JSON.parse(text)));
  });
  child.stdin.on('error', () => {});
  return {
    name,
    lines,
    ended: once(child, 'close').then(([code, signal]) => ({ code, signal })),
    tell: (text) => void child.stdin.write(`${text}\n`),
    kill: (signal) => signalTo(child, signal, inside.includes('--fork')),
    prints: (what, fromMs = 0) =>
      vi.waitFor(
        () => {
          const found = lines.find(
            (line) =>
              line.atMs >= fromMs &&
              Object.entries(what).every(([field, value]) => Reflect.get(line, field) === value),
          );
          if (!found)
            throw new Error(
              `${name} does not print ${JSON.stringify(what)}, but ${JSON.stringify(lines.at(-1))}`,
            );
          return found;
        },
        { timeout: PATIENCE_MS, interval: 10 },
      ),
    events: () => lines.flatMap((line) => ('event' in line ? line.event : [])),
  };
}

/** `unshare --fork` runs the program in a child of its own, the first process of its namespace. */
function signalTo({ pid, exitCode, signalCode }: ChildProcess, signal: NodeJS.Signals, isForked: boolean) {
  if (pid === undefined || exitCode !== null || signalCode !== null) return;
  const children = isForked ? readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8') : '';
  process.kill(Number.parseInt(children, 10) || pid, signal);
}

/** Why a command cannot run here; empty if it can. */
export function whyNot(command: string, ...args: readonly string[]): string {
  const { status, error, stderr } = spawnSync(command, args, { encoding: 'utf8' });
  return status === 0 ? '' : `${command} cannot be used: ${error?.message ?? stderr.trim()}`;
}
