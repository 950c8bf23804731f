import { isDeepStrictEqual } from 'node:util';
import type { Entitlement } from '../../domain/entitlement.ts';
import { shardOf } from '../../domain/ids.ts';
import type { Due, ShardNews } from '../../ports/seat-maintenance.ts';
import type { Proof, Restored } from '../../ports/seats.ts';
import { type Command, type CommandOf, userIdOf } from './commands.ts';
import { DAY_MS, MEMORY_MS } from './model.ts';
import { agree } from './model-compare.ts';
import {
  type AcquireCall,
  type License,
  type ModelRun,
  pickRecent,
  proofFor,
  type Step,
} from './model-run.ts';

/** Runs one command on seats and model, and compares the results. */
export async function runCommand(run: ModelRun, command: Command): Promise<Step | undefined> {
  switch (command.do) {
    case 'acquire':
      return acquire(run, run.newAcquire(command), command.isAnswerLost);
    case 'borrow':
      return acquire(run, run.newBorrow(command), command.isAnswerLost);
    case 'repeat': {
      const repeated = pickRecent(run.calls, command.pick);
      return repeated && acquire(run, run.sameAgain(repeated));
    }
    case 'heartbeat':
      return heartbeat(run, command);
    case 'revive':
      return revive(run, command);
    case 'release':
      return release(run, command);
    case 'evict':
      return evict(run, command);
    case 'hammer':
      return hammer(run, command);
    case 'put':
      return changeLicense(run, command);
    case 'restore': {
      const license = run.licenseAt(command.license);
      if (command.lostLoan) run.recordLostLoan(license, command.lostLoan);
      return restore(run, license, command.barSeconds);
    }
    case 'list':
      return list(run, command);
    case 'sign':
      return sign(run, command);
    case 'sweep':
      return sweep(run);
    case 'wait':
      await run.moveClockTo(run.nowMs + command.ms);
      return undefined;
    case 'waitForEnd':
      return waitForEnd(run, command);
    case 'waitForAccess':
      return waitForAccess(run, command);
    case 'stepBack':
      return stepBack(run, command);
    case 'bar':
      return bar(run, command);
    case 'unbar':
      return unbar(run, command);
    case 'forget':
      return forget(run, command);
    case 'lose':
      await run.loseRedis();
      return { licenses: run.licenses, touched: 'any' };
    case 'copy':
      await run.copyRedis();
      return undefined;
    case 'setBack': {
      if (!(await run.setRedisBack())) return undefined;
      run.count('set back');
      return { licenses: run.licenses, touched: 'any' };
    }
  }
}

/** Of one shard in one sweep: far more than there can be something to do for. */
const MOST_CALLS = 20;

interface Answer {
  readonly verdict: string;
}

/** Verdicts of a call that is made again at once, if they are not the same as the first time. */
const AGAIN: Readonly<Record<string, string>> = {
  GRANTED: 'RENEWED',
  JOINED: 'RENEWED',
  REVIVED: 'RENEWED',
  ENDED: 'ALREADY_ENDED',
  STORED: 'STALE',
};

function expectRepeated(first: Answer, second: Answer): void {
  if (second.verdict === 'TOO_OFTEN') return;
  const expected = AGAIN[first.verdict] ?? first.verdict;
  if (second.verdict !== expected) throw new Error(`${first.verdict} is repeated as ${second.verdict}`);
}

async function acquire(run: ModelRun, call: AcquireCall, isAnswerLost = false): Promise<Step> {
  const { license, name, request } = call;
  const { seats } = run.subject;
  const act = async () => {
    const expected =
      call.name === 'acquire'
        ? license.pool.acquire(call.request, run.nowMs)
        : license.pool.borrow(call.request, run.nowMs);
    const actual = await (call.name === 'acquire' ? seats.acquire(call.request) : seats.borrow(call.request));
    agree(actual, expected);
    run.count(`${name} ${actual.verdict}`);
    license.watch.checkRefusal(actual, run.nowMs);
    if (actual.verdict === 'SESSION_ENDED') run.count(`acquire after ${actual.ended}`);
    countBarred(run, license, request.proof, actual.verdict);
    if ('session' in actual && !isAnswerLost) {
      run.rememberSession(license, actual.session);
      if (name === 'borrow') run.recordLoan(actual.session);
    }
    return actual;
  };
  const first = await act();
  const touched = [request.sessionId, ...('session' in first ? [first.session.sessionId] : [])];
  return stepOf(license, first, touched, async () => expectRepeated(first, await act()));
}

function stepOf(
  license: License,
  { verdict }: Answer,
  touched: readonly string[],
  repeat?: () => Promise<void>,
): Step {
  const isUnknown = verdict === 'UNKNOWN_LICENSE';
  return { licenses: [license], touched, isUnknown, repeat: isUnknown ? undefined : repeat };
}

async function heartbeat(
  run: ModelRun,
  command: Pick<CommandOf<'heartbeat'>, 'license' | 'proof' | 'picks' | 'token' | 'isTold'>,
): Promise<Step> {
  const license = run.licenseAt(command.license);
  const sessions = command.picks.map((pick) => run.pickToken(pick, license, command.token));
  const { licenseId, version } = license.entitlement;
  const proof = proofFor(license, command.proof);
  const request = { licenseId, proof, sessions, toldVersion: command.isTold ? version : 0 };
  const act = async () => {
    const expected = license.pool.heartbeat(request, run.nowMs);
    const actual = await run.subject.seats.heartbeat(request);
    agree(actual, expected);
    if (actual.verdict !== 'OK') run.count(`heartbeat ${actual.verdict}`);
    countBarred(run, license, request.proof, actual.verdict);
    for (const result of actual.verdict === 'OK' ? actual.results : []) {
      run.count(`heartbeat ${result.verdict}`);
      if ('session' in result) run.rememberSession(license, result.session);
    }
    if (actual.verdict === 'OK') run.count(actual.told ? 'told' : 'told before');
    return actual;
  };
  const first = await act();
  const repeat = async (): Promise<void> => {
    const second = await act();
    if (second.verdict !== 'TOO_OFTEN') agree(second, first);
  };
  return stepOf(license, first, idsOf(sessions), repeat);
}

async function revive(
  run: ModelRun,
  command: Pick<CommandOf<'revive'>, 'license' | 'proof' | 'picks' | 'token' | 'isCleared'>,
): Promise<Step> {
  const license = run.licenseAt(command.license);
  const { isCleared, token } = command;
  const sessions = command.picks.map((pick) => ({
    ...run.pickToken(pick, license, token, 'ended'),
    isCleared,
  }));
  const { licenseId } = license.entitlement;
  const request = { licenseId, proof: proofFor(license, command.proof), by: run.nextBy(), sessions };
  const act = async () => {
    const expected = license.pool.revive(request, run.nowMs);
    const actual = await run.subject.seats.revive(request);
    agree(actual, expected);
    if (actual.verdict !== 'OK') run.count(`revive ${actual.verdict}`);
    for (const result of actual.verdict === 'OK' ? actual.results : []) {
      run.count(`revive ${result.verdict}`);
      if (result.verdict === 'ENDED') run.count(`revive ENDED ${result.ended}`);
      if ('session' in result) run.rememberSession(license, result.session);
    }
    return actual;
  };
  const first = await act();
  const repeat = async (): Promise<void> => {
    const second = await act();
    if (first.verdict !== 'OK' || second.verdict !== 'OK') return expectRepeated(first, second);
    for (const [i, result] of first.results.entries())
      expectRepeatedRevival(result, second.results[i] ?? result);
  };
  return stepOf(license, first, idsOf(sessions), repeat);
}

function expectRepeatedRevival(first: Answer, second: Answer): void {
  if (first.verdict === 'ENDED' ? !isDeepStrictEqual(second, first) : true) {
    if (first.verdict === 'ENDED') throw new Error('the end of a session is repeated as another');
    expectRepeated(first, second);
  }
}

async function release(
  run: ModelRun,
  command: Pick<CommandOf<'release'>, 'license' | 'proof' | 'pick' | 'token'>,
): Promise<Step> {
  const license = run.licenseAt(command.license);
  const { licenseId } = license.entitlement;
  const { sessionId, proven } = run.pickToken(command.pick, license, command.token);
  const proof = proofFor(license, command.proof);
  const request = { licenseId, proof, by: run.nextBy(), sessionId, proven };
  const act = async () => {
    const expected = license.pool.release(request, run.nowMs);
    const actual = await run.subject.seats.release(request);
    agree(actual, expected);
    run.count(`release ${actual.verdict}`);
    if (actual.verdict === 'ENDED') run.count(`release of ${actual.kind}`);
    if (actual.verdict === 'ALREADY_ENDED' && run.lostSessionIds.has(sessionId))
      run.count('release after a loss');
    if (actual.verdict === 'ENDED' || actual.verdict === 'ALREADY_ENDED') run.forgetLoan(sessionId);
    return actual;
  };
  const first = await act();
  return stepOf(license, first, [sessionId], async () => {
    const second = await act();
    // Only a token names the user of a session that has ended.
    const isNameless = request.proof.kind === 'user' && !proven;
    if (!(isNameless && second.verdict === 'UNKNOWN_SESSION')) expectRepeated(first, second);
  });
}

async function evict(run: ModelRun, { pick, scope, ...command }: CommandOf<'evict'>): Promise<Step> {
  const license = run.licenseAt(command.license);
  const { licenseId } = license.entitlement;
  const { sessionId } = run.pickToken(pick, license, 'none');
  const request = { licenseId, sessionId, scope, by: run.nextBy() };
  const act = async () => {
    const expected = license.pool.evict(request, run.nowMs);
    const actual = await run.subject.seats.evict(request);
    agree(actual, expected);
    const ended = actual.verdict === 'EVICTED' ? actual.sessions : [];
    for (const session of ended) run.forgetLoan(session.sessionId);
    run.count(
      actual.verdict === 'EVICTED' && ended.length === 0 ? 'evict ended before' : `evict ${actual.verdict}`,
    );
    if (ended.length > 1) run.count('evict several');
    return { ...actual, ended: idsOf(ended) };
  };
  const first = await act();
  const touched = scope === 'session' ? [sessionId] : [sessionId, ...first.ended];
  return stepOf(license, first, touched, async () => {
    const second = await act();
    expectRepeated(first, second);
    agree(second.ended, []);
  });
}

/** Repeats the same call while the clock stands still, until it must be refused. */
async function hammer(run: ModelRun, { pick, program, ...command }: CommandOf<'hammer'>): Promise<Step> {
  const license = run.licenseAt(command.license);
  const touched = new Set<string>();
  const caller = { license: command.license, proof: command.proof };
  const request = run.newAcquire({ ...caller, program });
  const perMinute = Math.max(30, Math.floor(license.entitlement.requestsPerMinute / 8));
  const isStranger =
    command.proof.by === 'wrong' || ('isStranger' in command.proof && command.proof.isStranger);
  const times = isStranger ? 21 : perMinute > 60 ? 2 : perMinute + 1;
  for (let n = 0; n < times; n += 1) {
    const step = await note(callOnce());
    if (step.isUnknown) return { ...step, touched: [...touched], repeat: undefined };
  }
  if (command.call === 'heartbeat' || command.call === 'read') {
    // One more call is allowed by then. A beat that is due is free, and so is a release that ends something.
    await run.moveClockTo(run.nowMs + 3_000);
    await note(callOnce());
    await note(callOnce());
    await note(heartbeat(run, { ...caller, picks: [pick], token: 'none', isTold: true }));
    await note(release(run, { ...caller, pick, token: 'none' }));
  }
  return { licenses: [license], touched: [...touched] };

  async function note(making: Promise<Step>): Promise<Step> {
    const step = await making;
    for (const sessionId of step.touched) touched.add(sessionId);
    return step;
  }

  function callOnce(): Promise<Step> {
    switch (command.call) {
      case 'acquire':
        return acquire(run, request);
      case 'heartbeat':
        return heartbeat(run, { ...caller, picks: [pick], token: 'none', isTold: true });
      case 'revive':
        return revive(run, { ...caller, picks: [pick], token: 'none', isCleared: false });
      case 'release':
        return release(run, { ...caller, pick, token: 'none' });
      case 'read':
        return read(run, license, caller.proof, pick);
    }
  }
}

async function read(
  run: ModelRun,
  license: License,
  proof: CommandOf<'sign'>['proof'],
  pick: number,
): Promise<Step> {
  const { sessionId } = run.pickToken(pick, license, 'none');
  const request = { licenseId: license.entitlement.licenseId, proof: proofFor(license, proof), sessionId };
  const expected = license.pool.readSession(request, run.nowMs);
  const actual = await run.subject.seats.readSession(request);
  agree(actual, expected);
  run.count(`read ${actual.verdict}`);
  if (actual.verdict === 'GONE' && license.pool.isLiving(sessionId)) run.count('read as another user');
  if (actual.verdict === 'OK' && actual.signed !== undefined) run.count('read what was signed');
  return stepOf(license, actual, []);
}

/** As the function does it: reads the session, counts the signature, and stores what was signed. */
async function sign(run: ModelRun, command: CommandOf<'sign'>): Promise<Step> {
  const { seats } = run.subject;
  const license = run.licenseAt(command.license);
  const step = await read(run, license, command.proof, command.pick);
  if (step.isUnknown) return step;
  const { sessionId } = run.pickToken(command.pick, license, 'none');
  const request = { licenseId: license.entitlement.licenseId, sessionId, untilMs: run.nowMs + 2 * DAY_MS };
  for (let n = 0; command.isReserved && n < command.times; n += 1) {
    const reserved = await seats.reserveSignature(request);
    agree(reserved, license.pool.reserveSignature(request, run.nowMs));
    run.count(`reserve ${reserved.verdict}`);
  }
  for (let n = 0; command.isKept && n < 2; n += 1) {
    const signed = `signed at ${run.nowMs}`;
    const keeping = { ...request, signed, jti: signed, by: run.nextBy() };
    const kept = await seats.keepSigned(keeping);
    agree(kept, license.pool.keepSigned(keeping, run.nowMs));
    run.count(`keep ${kept}`);
  }
  return step;
}

async function bar(run: ModelRun, { license, who, seconds }: CommandOf<'bar'>): Promise<undefined> {
  const { tenantId } = run.licenseAt(license).entitlement;
  const barred = { userId: userIdOf(who), untilMs: run.nowMs + seconds * 1000 };
  run.bars.bar(tenantId, barred);
  await run.subject.seatMaintenance.bar(tenantId, [barred]);
}

async function unbar(run: ModelRun, { license, who }: CommandOf<'unbar'>): Promise<undefined> {
  const { tenantId } = run.licenseAt(license).entitlement;
  run.bars.unbar(tenantId, userIdOf(who));
  await run.subject.seatMaintenance.unbar(tenantId, userIdOf(who));
}

async function forget(run: ModelRun, command: CommandOf<'forget'>): Promise<Step> {
  const license = run.licenseAt(command.license);
  const sessionIds = command.picks.map((pick) => run.pickToken(pick, license, 'none').sessionId);
  const { licenseId } = license.entitlement;
  const act = async () => {
    const expected = license.pool.forget(sessionIds, run.nowMs);
    const actual = await run.subject.seatMaintenance.forgetSessions(licenseId, sessionIds);
    agree(actual, expected);
    run.count(`forget ${actual}`);
    for (const sessionId of sessionIds) run.forgetLoan(sessionId);
    return { verdict: actual };
  };
  const first = await act();
  return stepOf(license, first, sessionIds, async () => expectRepeated(first, await act()));
}

async function list(run: ModelRun, command: CommandOf<'list'>): Promise<Step> {
  const license = run.licenseAt(command.license);
  const { licenseId } = license.entitlement;
  const { limit } = command;
  const { seats } = run.subject;
  const expected = license.pool.list();
  let page = await seats.listSeats(licenseId, { limit });
  run.count(`list ${page.verdict}`);
  if (page.verdict !== 'OK' || expected.verdict !== 'OK') agree(page, expected);
  else if (limit === 0) agree([page.active, page.seats], [expected.active, []]);
  else {
    const listed = [...page.seats];
    while (page.next) {
      page = await seats.listSeats(licenseId, { limit, after: page.next });
      if (page.verdict !== 'OK') throw new Error('the license vanished between two pages');
      listed.push(...page.seats);
    }
    agree(listed, expected.seats);
  }
  return { licenses: [license], touched: [] };
}

async function changeLicense(run: ModelRun, command: CommandOf<'put'>): Promise<Step> {
  const license = run.licenseAt(command.license);
  const now = license.entitlement;
  const { do: _, license: __, isRepeated: ___, ...change } = command;
  const { versionsAhead, validForMs, event, ttlSeconds, unit, features, isKeyRotated, ...changes } = change;
  const next: Entitlement = {
    ...now,
    ...changes,
    ttlSeconds: ttlSeconds ?? now.ttlSeconds,
    unit: unit ?? now.unit,
    validUntilMs: validForMs === null ? null : run.nowMs + validForMs,
    version: now.version + versionsAhead,
    entitlements: { ...now.entitlements, features },
    ...(isKeyRotated && {
      keyHash: `hash ${now.version} of ${now.licenseId}`,
      previousKeyHash: now.keyHash,
      previousKeyUntilMs: run.nowMs + 60_000,
    }),
  };
  if (versionsAhead > 0) license.entitlement = next;
  const change_ = event && { type: event, atMs: run.nowMs, ...run.nextBy(), detail: {} };
  const act = async () => {
    const verdict = await run.subject.seats.putLicense(next, change_);
    agree(verdict, license.pool.put(next, change_, run.nowMs));
    run.count(`put ${verdict}`);
    return { verdict };
  };
  const before = license.pool.livingIds();
  const first = await act();
  const isUnknown = first.verdict === 'MISSING';
  return {
    licenses: [license],
    touched: before.filter((sessionId) => !license.pool.isLiving(sessionId)),
    isUnknown,
    repeat: async () => expectRepeated(first, await act()),
  };
}

/** As the suite does it: what Redis has lost of a license is restored from the records. */
export async function restore(run: ModelRun, license: License, barSeconds?: number): Promise<Step> {
  const untilMs = run.nowMs + (barSeconds ?? 0) * 1000;
  const lost = {
    entitlement: license.entitlement,
    loans: run.loansOf(license),
    bars: barSeconds === undefined ? [] : [{ userId: userIdOf('ann'), untilMs }],
  };
  const act = async (): Promise<Restored> => {
    const expected = license.pool.restore(lost, run.nowMs);
    const actual = await run.subject.seats.restore(lost);
    agree(actual, expected);
    run.count(actual.isCopyStored ? 'restore with copy' : 'restore');
    for (const _ of actual.seated) run.count('loan restored');
    for (const _ of actual.noRoom) run.count('loan without room');
    return actual;
  };
  const first = await act();
  const repeat = async (): Promise<void> => {
    agree(await act(), { isCopyStored: false, seated: [], noRoom: first.noRoom });
  };
  return { licenses: [license], touched: 'any', repeat };
}

/** As the sweep does it: until nothing is due. */
export async function sweep(run: ModelRun): Promise<Step> {
  const { seatMaintenance } = run.subject;
  for (const shard of new Set(run.licenses.map(({ entitlement }) => shardOf(entitlement.licenseId)))) {
    let due: readonly Due[] = [];
    let calls = 0;
    let news: ShardNews;
    do {
      calls += 1;
      if (calls > MOST_CALLS) throw new Error('The sweep does not end.');
      news = await seatMaintenance.expire(shard, due);
      for (const licenseId of news.unknown) {
        const license = run.licenses.find(({ entitlement }) => entitlement.licenseId === licenseId);
        if (license) await restore(run, license);
      }
      due = news.due.slice(0, 32);
      if (news.expired > 0) run.count('swept');
    } while (due.length > 0);
  }
  return { licenses: run.licenses, touched: [] };
}

async function waitForEnd(run: ModelRun, { pick, of, offsetMs }: CommandOf<'waitForEnd'>) {
  const session = run.pickSession(pick, undefined, 'living');
  if (!session) return undefined;
  const untilMs = session.newest.expiresAtMs + (of === 'memory' ? MEMORY_MS : 0) + offsetMs;
  if (untilMs > run.nowMs && offsetMs <= 0)
    run.count(offsetMs === 0 ? 'clock at an expiry' : 'clock 1 ms before an expiry');
  await run.moveClockTo(Math.max(run.nowMs, untilMs));
  return { licenses: [session.license], touched: [] };
}

/** To the end of the previous key or of a bar, or to the millisecond before it. */
async function waitForAccess(run: ModelRun, command: CommandOf<'waitForAccess'>): Promise<Step> {
  const { of, who, offsetMs, pick } = command;
  const license = run.licenseAt(command.license);
  const { tenantId, previousKeyUntilMs } = license.entitlement;
  const endMs = of === 'key' ? (previousKeyUntilMs ?? 0) : run.bars.endOf(tenantId, userIdOf(who));
  if (endMs > run.nowMs) run.count(`at the end of a ${of}`);
  await run.moveClockTo(Math.max(run.nowMs, endMs + offsetMs));
  return read(run, license, of === 'key' ? { by: 'previous' } : { by: 'user', who, isStranger: false }, pick);
}

/** As a failover may do it. Only if nothing has ended meanwhile: what has ended stays ended. */
async function stepBack(run: ModelRun, { ms }: CommandOf<'stepBack'>): Promise<undefined> {
  const untilMs = run.nowMs - ms;
  const canStep =
    !run.bars.hasEndWithin(untilMs, run.nowMs) &&
    run.licenses.every(({ pool }) => pool.canStepBackTo(untilMs, run.nowMs));
  if (!canStep) return;
  run.count('clock stepped back');
  await run.moveClockTo(untilMs);
}

function idsOf(sessions: readonly { readonly sessionId: string }[]): string[] {
  return sessions.map(({ sessionId }) => sessionId);
}

function countBarred(run: ModelRun, { entitlement }: License, proof: Proof, verdict: string): void {
  const isOfTenant = proof.kind === 'user' && proof.tenantIds.includes(entitlement.tenantId);
  if (verdict === 'NOT_YOURS' && isOfTenant) run.count('barred');
}
