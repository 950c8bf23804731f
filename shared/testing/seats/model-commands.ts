import type { Entitlement } from '../../domain/entitlement.ts';
import type { Session } from '../../domain/session.ts';
import { Unavailable } from '../../errors.ts';
import type { AcquireRequest, Proof } from '../../ports/seats.ts';
import { type Command, type CommandOf, userIdOf } from './commands.ts';
import { MEMORY_MS } from './model.ts';
import { agree } from './model-compare.ts';
import { type License, type ModelRun, pickRecent, proofFor } from './model-run.ts';

/** Runs one command on seats and model, and compares the results. Returns the license that it was for, if any. */
export async function runCommand(run: ModelRun, command: Command): Promise<License | undefined> {
  switch (command.do) {
    case 'acquire':
      return acquire(run, run.licenseAt(command.license), run.newRequest(command));
    case 'repeat': {
      const repeated = pickRecent(run.requests, command.pick);
      return repeated && acquire(run, repeated.license, repeated.request);
    }
    case 'heartbeat':
      return heartbeat(run, command);
    case 'release':
      return release(run, command);
    case 'hammer':
      return hammer(run, command);
    case 'put':
      return changeLicense(run, command);
    case 'list':
      return list(run, command);
    case 'sign':
      return sign(run, command);
    case 'wait':
      await run.moveClockTo(run.nowMs + command.ms);
      return undefined;
    case 'waitForEnd':
      return waitForEnd(run, command);
    case 'bar':
      return bar(run, command);
    case 'unbar':
      return unbar(run, command);
    case 'forget':
      return forget(run, command);
    case 'lose':
      await run.loseRedis();
      return undefined;
  }
}

async function acquire(run: ModelRun, license: License, request: AcquireRequest): Promise<License> {
  const expected = license.pool.acquire(request, run.nowMs);
  const actual = await run.subject.seats.acquire(request).catch(sessionEnded);
  agree(actual, expected);
  run.count(`acquire ${actual.verdict}`);
  countBarred(run, license, request.proof, actual.verdict);
  if ('session' in actual) run.rememberSession(license, actual.session);
  await refill(run, license, actual.verdict);
  return license;
}

async function heartbeat(run: ModelRun, command: CommandOf<'heartbeat'>): Promise<License> {
  const license = run.licenseAt(command.license);
  const sessions = command.picks.map((pick) => {
    const session = run.pickSession(pick, license);
    const proven = command.token === 'none' ? undefined : session?.[command.token];
    return { sessionId: run.pickSessionId(pick, license), proven };
  });
  const { licenseId } = license.entitlement;
  const request = { licenseId, proof: proofFor(license, command.proof), sessions };
  const expected = license.pool.heartbeat(request, run.nowMs);
  const actual = await run.subject.seats.heartbeat(request);
  agree(actual, expected);
  if (actual.verdict !== 'OK') run.count(`heartbeat ${actual.verdict}`);
  countBarred(run, license, request.proof, actual.verdict);
  for (const result of actual.verdict === 'OK' ? actual.results : []) {
    run.count(`heartbeat ${result.verdict}`);
    if ('session' in result) run.rememberSession(license, result.session);
  }
  await refill(run, license, actual.verdict);
  return license;
}

/** Repeats the same call while the clock stands still. */
async function hammer(
  run: ModelRun,
  { times, holder, pick, ...caller }: CommandOf<'hammer'>,
): Promise<License> {
  const license = run.licenseAt(caller.license);
  for (let n = 0; n < times; n += 1) {
    if (pick % 2 === 0) {
      const request = run.newRequest({ ...caller, do: 'acquire', holder, borrowDays: undefined });
      await acquire(run, license, request);
    } else await heartbeat(run, { ...caller, do: 'heartbeat', picks: [pick], token: 'none' });
  }
  return license;
}

async function release(run: ModelRun, command: CommandOf<'release'>): Promise<License> {
  const { pick, token, reason } = command;
  const license = run.licenseAt(command.license);
  const request = {
    licenseId: license.entitlement.licenseId,
    proof: proofFor(license, command.proof),
    sessionId: run.pickSessionId(pick, license),
    reason,
    proven: token === 'none' ? undefined : run.pickSession(pick, license)?.[token],
    // Some were sent minutes ago; for most the time of sending is unknown.
    sentAtMs: pick % 3 === 0 ? run.nowMs - pick * 1_000 : undefined,
  };
  const expected = license.pool.release(request, run.nowMs);
  const actual = await run.subject.seats.release(request);
  agree(actual, expected);
  run.count(`release ${actual.verdict}`);
  await refill(run, license, actual.verdict);
  return license;
}

/** As the function does it: reads the session, and stores what was signed if the session holds a seat. */
async function sign(run: ModelRun, command: CommandOf<'sign'>): Promise<License> {
  const { seats } = run.subject;
  const license = run.licenseAt(command.license);
  const { licenseId } = license.entitlement;
  const sessionId = run.pickSessionId(command.pick, license);
  const request = { licenseId, proof: proofFor(license, command.proof), sessionId };
  const expected = license.pool.readSession(request, run.nowMs);
  const actual = await seats.readSession(request);
  agree(actual, expected);
  run.count(`read ${actual.verdict}`);
  const isSeated = license.pool.leasesAt(run.nowMs).some(([seated]) => seated === sessionId);
  if (actual.verdict === 'GONE' && isSeated) run.count('read as another user');
  if (actual.verdict === 'OK' && actual.signed !== undefined) run.count('read what was signed');
  const signed = `signed at ${run.nowMs}`;
  const kept = await seats.keepSigned(licenseId, sessionId, signed);
  agree(kept, license.pool.keepSigned(sessionId, signed, run.nowMs));
  run.count(`keep ${kept}`);
  await refill(run, license, actual.verdict);
  return license;
}

async function bar(run: ModelRun, { license, who, seconds }: CommandOf<'bar'>): Promise<undefined> {
  const { tenantId } = run.licenseAt(license).entitlement;
  run.bars.bar(tenantId, userIdOf(who), run.nowMs + seconds * 1000);
  await run.subject.seatMaintenance.bar(tenantId, userIdOf(who), seconds);
}

async function unbar(run: ModelRun, { license, who }: CommandOf<'unbar'>): Promise<undefined> {
  const { tenantId } = run.licenseAt(license).entitlement;
  run.bars.unbar(tenantId, userIdOf(who));
  await run.subject.seatMaintenance.unbar(tenantId, userIdOf(who));
}

async function forget(run: ModelRun, command: CommandOf<'forget'>): Promise<License> {
  const license = run.licenseAt(command.license);
  const sessionIds = command.picks.map((pick) => run.pickSessionId(pick, license));
  const expected = license.pool.forget(sessionIds, run.nowMs);
  const { licenseId } = license.entitlement;
  const actual = await run.subject.seatMaintenance.forgetSessions(licenseId, sessionIds);
  agree(actual, expected);
  run.count(`forget ${actual}`);
  return license;
}

async function list(run: ModelRun, command: CommandOf<'list'>): Promise<License> {
  const license = run.licenseAt(command.license);
  const { licenseId } = license.entitlement;
  const { limit } = command;
  const expected = license.pool.list(run.nowMs);
  const first = await run.subject.seats.listSessions(licenseId, { limit });
  run.count(`list ${first.verdict}`);
  if (first.verdict !== 'OK') agree(first, expected);
  else {
    const { next: _, ...counts } = first;
    agree({ ...counts, sessions: await withNextPages(run, licenseId, limit, first.sessions) }, expected);
  }
  return license;
}

async function withNextPages(
  run: ModelRun,
  licenseId: string,
  limit: number,
  page: readonly Session[],
): Promise<Session[]> {
  const after = page.at(-1);
  if (!after) return [];
  const next = await run.subject.seats.listSessions(licenseId, { limit, after });
  const rest = next.verdict === 'OK' ? await withNextPages(run, licenseId, limit, next.sessions) : [];
  return [...page, ...rest];
}

async function changeLicense(run: ModelRun, command: CommandOf<'put'>): Promise<License> {
  const license = run.licenseAt(command.license);
  const now = license.entitlement;
  const { do: _, license: __, versionsAhead, validForMs, event, ttlSeconds, ...changes } = command;
  const next = {
    ...now,
    ...changes,
    ttlSeconds: ttlSeconds ?? now.ttlSeconds,
    validUntilMs: validForMs === null ? null : run.nowMs + validForMs,
    version: now.version + versionsAhead,
  };
  if (versionsAhead > 0) license.entitlement = next;
  await putLicense(run, license, next, event);
  return license;
}

export async function putLicense(
  run: ModelRun,
  license: License,
  next: Entitlement,
  type?: CommandOf<'put'>['event'],
): Promise<void> {
  const event = type && { type, atMs: run.nowMs };
  const expected = license.pool.put(next, event);
  const actual = await run.subject.seats.putLicense(next, event);
  agree(actual, expected);
  run.count(`put ${actual}`);
}

/** As the suite does it: a copy that Redis has lost is restored from the records. */
async function refill(run: ModelRun, license: License, verdict: string): Promise<void> {
  if (verdict === 'UNKNOWN_LICENSE') await putLicense(run, license, license.entitlement);
}

async function waitForEnd(
  run: ModelRun,
  { pick, of, offsetMs }: CommandOf<'waitForEnd'>,
): Promise<License | undefined> {
  const session = run.pickSession(pick);
  if (!session) return undefined;
  const { expiresAtMs, borrowedUntilMs } = session.newest;
  const endMs = of === 'loan' ? (borrowedUntilMs ?? expiresAtMs) : expiresAtMs;
  const untilMs = endMs + (of === 'memory' ? MEMORY_MS : 0) + offsetMs;
  if (untilMs > run.nowMs && offsetMs <= 0)
    run.count(offsetMs === 0 ? 'clock at an expiry' : 'clock 1 ms before an expiry');
  await run.moveClockTo(Math.max(run.nowMs, untilMs));
  return session.license;
}

function countBarred(run: ModelRun, { entitlement }: License, proof: Proof, verdict: string): void {
  const isOfTenant = proof.kind === 'user' && proof.tenantIds.includes(entitlement.tenantId);
  if (verdict === 'NOT_YOURS' && isOfTenant) run.count('barred');
}

/** The port reports a retry of a request whose session has ended as Unavailable. */
function sessionEnded(error: unknown): { verdict: 'ENDED' } {
  if (error instanceof Unavailable) return { verdict: 'ENDED' };
  throw error;
}
