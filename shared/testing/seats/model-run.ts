import type { By } from '../../domain/actor.ts';
import type { Entitlement } from '../../domain/entitlement.ts';
import type { Session, SessionFacts } from '../../domain/session.ts';
import type { SeatMaintenance } from '../../ports/seat-maintenance.ts';
import type { AcquireRequest, BorrowRequest, Proof, Seats } from '../../ports/seats.ts';
import type { SeatsBackend } from './backend.ts';
import { type CommandOf, START_MS, TERMS, userIdOf } from './commands.ts';
import { PoolWatch } from './invariants.ts';
import { BarsModel, DAY_MS, PoolModel } from './model.ts';
import { putSnapshotBack, type Snapshot, takeSnapshot } from './snapshot.ts';

/** State shared by all runs of one backend. */
export interface Subject {
  readonly backend: SeatsBackend;
  readonly seats: Seats;
  readonly seatMaintenance: SeatMaintenance;
  count(what: string): void;
}

/** One license in a run: its model, what must always be true of its pool, and the newest version in the records. */
export interface License {
  entitlement: Entitlement;
  readonly pool: PoolModel;
  readonly watch: PoolWatch;
}

/** A session as its clients know it: from the first and the newest response. */
interface HeldSession {
  readonly license: License;
  readonly oldest: Session;
  newest: Session;
}

export type AcquireCall =
  | { readonly license: License; readonly name: 'acquire'; readonly request: AcquireRequest }
  | { readonly license: License; readonly name: 'borrow'; readonly request: BorrowRequest };

/** What a command did, to be compared. */
export interface Step {
  readonly licenses: readonly License[];
  /** Sessions that the command was for: no other may change. `any`: the command loses or restores sessions. */
  readonly touched: readonly string[] | 'any';
  /** Makes the same call once more. It must change nothing, and return what a repeat returns. */
  readonly repeat?: (() => Promise<void>) | undefined;
  /** Whether the call was refused because Redis has lost the license. */
  readonly isUnknown?: boolean;
}

/** All that was known when Redis was copied. */
interface Copy {
  readonly redis: Snapshot;
  readonly bars: ReadonlyMap<string, number>;
  readonly pools: readonly ReturnType<PoolModel['copy']>[];
  readonly watches: readonly ReturnType<PoolWatch['copy']>[];
}

/** How long ago programs started offline, by clocks that can be wrong in both directions. */
const OFFLINE_DAYS = [undefined, 0, 89, undefined, 91, -1, 40_000];

const MACHINES = ['Alpha_device', 'beta-machine', '9amma-device'];

/** One running history: the model, the clients and the clock. The commands of a history change it. */
export class ModelRun {
  readonly subject: Subject;
  readonly bars = new BarsModel();
  readonly licenses: readonly License[];
  readonly calls: AcquireCall[] = [];
  /** Sessions that Redis has lost and that were not revived yet. */
  readonly lostSessionIds = new Set<string>();
  /** Loans as the records have them. */
  readonly #loans = new Map<string, Session>();
  readonly #held: HeldSession[] = [];
  #copy: Copy | undefined;
  #nowMs = START_MS;
  #main: number | undefined;
  #lastRequest = 0;
  #lastBy = 0;

  constructor(subject: Subject) {
    this.subject = subject;
    this.licenses = TERMS.map((terms) => ({
      entitlement: { ...terms },
      pool: new PoolModel(this.bars),
      watch: new PoolWatch(),
    }));
  }

  get nowMs(): number {
    return this.#nowMs;
  }

  async moveClockTo(ms: number): Promise<void> {
    this.#nowMs = ms;
    await this.subject.backend.setClock(ms);
    for (const { pool } of this.licenses) pool.moveTo(ms);
  }

  count(what: string): void {
    this.subject.count(what);
  }

  /** Beyond the last license, it is the first that a command was for. */
  licenseAt(index: number): License {
    this.#main ??= index % this.licenses.length;
    const license = this.licenses[index] ?? this.licenses[this.#main];
    if (!license) throw new RangeError(`There is no license ${index}.`);
    return license;
  }

  /** A session of this license, or of any; mostly one that lives, or does not, if there are such. */
  pickSession(pick: number, license?: License, mostly?: 'living' | 'ended'): HeldSession | undefined {
    const known = this.#held.filter((held) => license === undefined || held.license === license);
    const preferred = known.filter(
      ({ license: { pool }, newest }) => pool.isLiving(newest.sessionId) === (mostly === 'living'),
    );
    return pickRecent(mostly && pick % 4 > 0 && preferred.length > 0 ? preferred : known, pick);
  }

  /** With the token that its client has kept. */
  pickToken(
    pick: number,
    license: License,
    token: 'none' | 'newest' | 'oldest',
    mostly: 'living' | 'ended' = 'living',
  ): { sessionId: string; proven: Session | undefined } {
    const session = this.pickSession(pick, license, mostly);
    const neverWas = `ses_${license.entitlement.licenseId.slice(4)}_z${'0'.repeat(15)}`;
    return {
      sessionId: session?.newest.sessionId ?? neverWas,
      proven: token === 'none' ? undefined : session?.[token],
    };
  }

  rememberSession(license: License, session: Session): void {
    const known = this.#held.find(({ newest }) => newest.sessionId === session.sessionId);
    if (known) known.newest = session;
    else this.#held.push({ license, oldest: session, newest: session });
  }

  recordLoan(session: Session): void {
    this.#loans.set(session.sessionId, session);
  }

  /** A loan that was recorded, and whose write Redis has lost. */
  recordLostLoan(license: License, program: CommandOf<'borrow'>['program']): void {
    const { holders, machine, facts } = this.#identity(license, { proof: { by: 'trusted' }, program });
    const holder = holders[license.entitlement.unit];
    if (!holder) return;
    const sessionId = idOf(license, this.#newMember(program.machine));
    const [acquiredAtMs, expiresAtMs] = [this.#nowMs - 1_000, this.#nowMs + DAY_MS];
    this.recordLoan({ sessionId, kind: 'loan', holder, machine, acquiredAtMs, expiresAtMs, facts });
  }

  forgetLoan(sessionId: string): void {
    this.#loans.delete(sessionId);
  }

  /** As the records have them, which do not know what a client reports about itself. */
  loansOf({ entitlement: { licenseId } }: License): Session[] {
    const ofLicense = (sessionId: string) => sessionId.startsWith(`ses_${licenseId.slice(4)}_`);
    return [...this.#loans.values()]
      .filter(({ sessionId }) => ofLicense(sessionId))
      .map((loan) => ({ ...loan, facts: { fingerprint: '' } }));
  }

  async loseRedis(): Promise<void> {
    this.bars.lose();
    for (const { pool, watch } of this.licenses) {
      pool.lose();
      watch.lose();
    }
    for (const { newest } of this.#held) this.lostSessionIds.add(newest.sessionId);
    await this.subject.backend.flush();
  }

  async copyRedis(): Promise<void> {
    this.#copy = {
      redis: await takeSnapshot(this.subject.backend, this.#nowMs),
      bars: this.bars.copy(),
      pools: this.licenses.map(({ pool }) => pool.copy()),
      watches: this.licenses.map(({ watch }) => watch.copy()),
    };
  }

  /** Puts the last copy back, and nothing newer. Returns whether there is one. */
  async setRedisBack(): Promise<boolean> {
    const copy = this.#copy;
    if (!copy) return false;
    await putSnapshotBack(this.subject.backend, copy.redis);
    this.bars.setBack(copy.bars);
    for (const [i, { pool, watch }] of this.licenses.entries()) {
      const [poolCopy, watchCopy] = [copy.pools[i], copy.watches[i]];
      if (poolCopy) pool.setBack(poolCopy);
      if (watchCopy) watch.setBack(watchCopy);
    }
    await this.moveClockTo(this.#nowMs);
    return true;
  }

  newAcquire(command: Pick<CommandOf<'acquire'>, 'license' | 'proof' | 'program'>): AcquireCall {
    const license = this.licenseAt(command.license);
    const { instance } = command.program;
    const request = this.#identity(license, command);
    const { machine, process = 'x' } = command.program;
    const user = userOf(command) ?? 'x';
    const named = `${'abc'[machine]}${instance}${user}${process}`;
    const member = instance === undefined ? this.#newMember(machine) : named.padEnd(16, '0');
    const call = {
      license,
      name: 'acquire' as const,
      request: {
        ...request,
        kind: instance === undefined ? ('machine' as const) : ('instance' as const),
        sessionId: idOf(license, member),
      },
    };
    this.calls.push(call);
    return call;
  }

  newBorrow(command: CommandOf<'borrow'>): AcquireCall {
    const license = this.licenseAt(command.license);
    const request = { ...this.#identity(license, command), days: command.days };
    const sessionId = idOf(license, this.#newMember(command.program.machine));
    const call = { license, name: 'borrow' as const, request: { ...request, sessionId } };
    this.calls.push(call);
    return call;
  }

  /** As the function makes it for the same HTTP request: ids that are new are new again. */
  sameAgain(call: AcquireCall): AcquireCall {
    if (call.name === 'acquire' && call.request.kind === 'instance') return call;
    const { license, request } = call;
    const sessionId = idOf(license, this.#newMember(Math.max(0, MACHINES.indexOf(request.machine))));
    if (call.name === 'borrow') return { ...call, request: { ...call.request, sessionId } };
    return { ...call, request: { ...call.request, sessionId } };
  }

  /** Another one for each request. */
  nextBy(): By {
    this.#lastBy += 1;
    const kind = (['user', 'operator', 'license', 'system'] as const)[this.#lastBy % 4] ?? 'user';
    const isByRequest = this.#lastBy % 5 > 0;
    return {
      actor: { kind, id: `actor-${this.#lastBy}` },
      ...(isByRequest && { requestId: `req_${this.#lastBy}` }),
    };
  }

  #newMember(machine: number): string {
    this.#lastRequest += 1;
    return `${'npq'[machine]}${String(this.#lastRequest).padStart(15, '0')}`;
  }

  #identity(
    license: License,
    { proof, program }: Pick<CommandOf<'acquire'>, 'proof' | 'program'>,
  ): Omit<BorrowRequest, 'days' | 'sessionId'> {
    const { machine: index, instance } = program;
    const user = userOf({ proof, program });
    const process = program.process ?? (instance === undefined ? undefined : `by-${instance}`);
    const machine = MACHINES[index] ?? '';
    this.#lastRequest += 1;
    const offlineDays = OFFLINE_DAYS[this.#lastRequest % OFFLINE_DAYS.length];
    const facts: SessionFacts = {
      fingerprint: `print ${this.#lastRequest}`,
      ...(user && { userId: userIdOf(user) }),
      ...(program.process !== undefined && { processId: `${program.process}` }),
    };
    return {
      licenseId: license.entitlement.licenseId,
      proof: proofFor(license, proof),
      by: this.nextBy(),
      machine,
      holders: {
        machine,
        user: user && `${user}-the-user`,
        process: process === undefined ? undefined : `${index}${process}-process`,
      },
      facts,
      offlineSinceMs: offlineDays === undefined ? undefined : this.#nowMs - offlineDays * DAY_MS,
    };
  }
}

/** A signed-in user is who they are; others can claim to be anyone. */
function userOf({ proof, program }: Pick<CommandOf<'acquire'>, 'proof' | 'program'>): string | undefined {
  return proof.by === 'user' ? proof.who : program.user;
}

export function proofFor({ entitlement }: License, proof: CommandOf<'acquire'>['proof']): Proof {
  const { keyHash, previousKeyHash, tenantId } = entitlement;
  switch (proof.by) {
    case 'trusted':
      return { kind: 'trusted' };
    case 'user': {
      const tenantIds = proof.isStranger
        ? ['ten_00_strange000000000']
        : ['ten_00_another000000000', tenantId];
      return { kind: 'user', userId: userIdOf(proof.who), tenantIds };
    }
    default: {
      const hashes = { right: keyHash, previous: previousKeyHash ?? '', wrong: 'another hash' };
      return { kind: 'license-key', keyHash: hashes[proof.by] };
    }
  }
}

function idOf({ entitlement: { licenseId } }: License, member: string): string {
  return `ses_${licenseId.slice(4)}_${member}`;
}

/** Mostly one of the last six: older ones matter less, but are chosen too if there are few others. */
export function pickRecent<T>(list: readonly T[], pick: number): T | undefined {
  return list.at(-1 - (pick % Math.min(list.length, 6)));
}
