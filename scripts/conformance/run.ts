import { createPublicKey, generateKeyPair } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { FAKETIME, NO_FAKETIME } from '../simulation/faketime.ts';
import { ClientFault, type Kind } from './client.ts';
import type { Finding } from './judge.ts';
import { type Server, startServer } from './server.ts';
import { Broken, type Need, NotRequired, type Scenario, Stage } from './stage.ts';

export type Verdict = 'PASS' | 'FAIL' | 'SKIP';

export interface Result {
  readonly id: string;
  readonly promise: string;
  readonly verdict: Verdict;
  /** Why it failed or was skipped. */
  readonly because: readonly string[];
  /** Both logs, if it failed. */
  readonly timeline: readonly string[];
  readonly seconds: number;
}

export interface RunOptions {
  readonly kind: Kind;
  readonly command: string;
  readonly scenarios: readonly Scenario[];
  readonly atOnce: number;
  readonly without: readonly Need[];
  /** What cannot be played here is a failure, not skipped. */
  readonly isRequired: boolean;
  readonly onResult?: (result: Result) => void;
}

const STARTS_AT_ONCE = 2;

/** At most `most` at once have a turn. */
function turnsOf(most: number): () => Promise<() => void> {
  const waiting: (() => void)[] = [];
  let left = most;
  const end = (): void => {
    const next = waiting.shift();
    if (next) next();
    else left += 1;
  };
  return async () => {
    if (left > 0) left -= 1;
    else await new Promise<void>((resolve) => waiting.push(resolve));
    return end;
  };
}

/** Plays the scenarios to a client program. Results are in the order of the scenarios. */
export async function playAll(options: RunOptions): Promise<Result[]> {
  const { kind, command, scenarios, atOnce, onResult = () => {} } = options;
  const folder = await mkdtemp(join(tmpdir(), 'seatlease-conformance-'));
  const [signingKey, otherKey] = await Promise.all([newKey(4096), newKey(2048)]);
  const keys = { right: join(folder, 'right.pem'), wrong: join(folder, 'wrong.pem') };
  writeFileSync(keys.right, publicKeyOf(signingKey));
  writeFileSync(keys.wrong, publicKeyOf(otherKey));
  const turn = turnsOf(STARTS_AT_ONCE);
  const shared = await startServer(signingKey);
  const results: Result[] = [];

  async function playOne(scenario: Scenario, place: number): Promise<void> {
    const skipped = whySkipped(scenario, options);
    const result = skipped ?? (await withServer(scenario));
    results[place] = result;
    onResult(result);
  }

  async function withServer(scenario: Scenario): Promise<Result> {
    const isOwn = scenario.needs?.includes('own server') === true;
    const started = await turn();
    const server: Server = isOwn ? await startServer(signingKey) : shared;
    started();
    const files = join(folder, scenario.id.replaceAll('/', '-'));
    await mkdir(files);
    const stage = new Stage({ kind, command, server, folder: files, keys, turn });
    try {
      return await playScenario(scenario, stage);
    } finally {
      await stage.close();
      if (isOwn) await server.close();
    }
  }

  try {
    const queue = scenarios.map((scenario, place) => ({ scenario, place }));
    const worker = async (): Promise<void> => {
      for (let next = queue.shift(); next; next = queue.shift()) await playOne(next.scenario, next.place);
    };
    await Promise.all(Array.from({ length: atOnce }, worker));
    return results;
  } finally {
    await shared.close();
    await rm(folder, { recursive: true, force: true, maxRetries: 3 });
  }
}

function whySkipped(scenario: Scenario, options: RunOptions): Result | undefined {
  const { id, promise, needs = [] } = scenario;
  const left = needs.find((need) => options.without.includes(need));
  const skip = (because: string, verdict: Verdict = 'SKIP'): Result => {
    return { id, promise, verdict, because: [because], timeline: [], seconds: 0 };
  };
  if (left) return skip(`left out by --without ${left}`);
  if (!needs.includes('libfaketime') || FAKETIME !== undefined) return undefined;
  return skip(NO_FAKETIME, options.isRequired ? 'FAIL' : 'SKIP');
}

async function playScenario(scenario: Scenario, stage: Stage): Promise<Result> {
  const beganMs = Date.now();
  const { id, promise } = scenario;
  const because: string[] = [];
  let notRequired: string | undefined;
  try {
    await scenario.play(stage);
  } catch (error) {
    if (error instanceof NotRequired) notRequired = error.message;
    else if (error instanceof Broken || error instanceof ClientFault) because.push(error.message);
    else because.push(`the kit failed: ${error instanceof Error ? error.stack : String(error)}`);
  }
  for (const { client } of stage.players) await client.stopSampling();
  const { findings, timeline } = await stage.judge();
  because.push(...stage.broken, ...findings.map(describe));
  const seconds = (Date.now() - beganMs) / 1000;
  if (because.length > 0) return { id, promise, verdict: 'FAIL', because, timeline, seconds };
  if (notRequired === undefined) return { id, promise, verdict: 'PASS', because, timeline: [], seconds };
  return { id, promise, verdict: 'SKIP', because: [`not required: ${notRequired}`], timeline: [], seconds };
}

function describe({ rule, client, detail }: Finding): string {
  return `${rule}: ${client}: ${detail}`;
}

async function newKey(modulusLength: number): Promise<string> {
  const { privateKey } = await promisify(generateKeyPair)('rsa', { modulusLength });
  return privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
}

function publicKeyOf(pem: string): string {
  return createPublicKey(pem).export({ type: 'spki', format: 'pem' }).toString();
}
