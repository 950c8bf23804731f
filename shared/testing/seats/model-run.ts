import type { Entitlement } from '../../domain/entitlement.ts';
import type { Session } from '../../domain/session.ts';
import type { SeatMaintenance } from '../../ports/seat-maintenance.ts';
import type { AcquireRequest, Proof, Seats } from '../../ports/seats.ts';
import type { SeatsBackend } from './backend.ts';
import { type CommandOf, START_MS, TERMS, userIdOf } from './commands.ts';
import { BarsModel, PoolModel } from './model.ts';

/** The session id that a command uses if there is no session yet. */
const NO_SESSION = 'ses_never_was';

/** State shared by all runs of one backend. */
export interface Subject {
  readonly backend: SeatsBackend;
  readonly seats: Seats;
  readonly seatMaintenance: SeatMaintenance;
  count(what: string): void;
}

/** One license in a run: its model, and what its clients know. */
export interface License {
  /** The newest version that the records hold. */
  entitlement: Entitlement;
  readonly pool: PoolModel;
}

/** A session as its clients know it: from the first and the newest response. */
export interface HeldSession {
  readonly license: License;
  readonly oldest: Session;
  newest: Session;
}

/** One running history: the model, the clients and the clock. The commands of a history change it. */
export class ModelRun {
  readonly subject: Subject;
  readonly bars = new BarsModel();
  readonly licenses: readonly License[];
  readonly requests: { readonly license: License; readonly request: AcquireRequest }[] = [];
  /** Sessions that Redis has lost and no heartbeat has revived yet. */
  readonly lostSessionIds = new Set<string>();
  readonly #held: HeldSession[] = [];
  #nowMs = START_MS;
  #lastRequest = 0;

  constructor(subject: Subject) {
    this.subject = subject;
    this.licenses = TERMS.map((terms) => ({ entitlement: { ...terms }, pool: new PoolModel(this.bars) }));
  }

  get nowMs(): number {
    return this.#nowMs;
  }

  async moveClockTo(ms: number): Promise<void> {
    this.#nowMs = ms;
    await this.subject.backend.setClock(ms);
  }

  count(what: string): void {
    this.subject.count(what);
  }

  licenseAt(index: number): License {
    const license = this.licenses[index];
    if (!license) throw new RangeError(`There is no license ${index}.`);
    return license;
  }

  /** A session of this license, or of any. */
  pickSession(pick: number, license?: License): HeldSession | undefined {
    return pickRecent(
      this.#held.filter((held) => license === undefined || held.license === license),
      pick,
    );
  }

  pickSessionId(pick: number, license: License): string {
    return this.pickSession(pick, license)?.newest.sessionId ?? NO_SESSION;
  }

  rememberSession(license: License, session: Session): void {
    const known = this.#held.find(({ newest }) => newest.sessionId === session.sessionId);
    if (known) known.newest = session;
    else this.#held.push({ license, oldest: session, newest: session });
  }

  async loseRedis(): Promise<void> {
    this.bars.lose();
    for (const { pool } of this.licenses) pool.lose();
    for (const { newest } of this.#held) this.lostSessionIds.add(newest.sessionId);
    await this.subject.backend.flush();
  }

  newRequest({ license: index, holder, proof, borrowDays }: CommandOf<'acquire'>): AcquireRequest {
    const license = this.licenseAt(index);
    const { licenseId, unit } = license.entitlement;
    this.#lastRequest += 1;
    const request: AcquireRequest = {
      licenseId,
      proof: proofFor(license, proof),
      proposedSessionId: `ses_${licenseId.slice(4)}_${String(this.#lastRequest).padStart(16, '0')}`,
      holders: unit === 'user' ? { machine: 'one', user: holder } : { machine: holder ?? '' },
      facts: { fingerprint: `print ${this.#lastRequest}`, ...(holder && { userId: userIdOf(holder) }) },
      borrowDays,
    };
    this.requests.push({ license, request });
    return request;
  }
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

/** Mostly one of the last six: older ones matter less, but are chosen too if there are few others. */
export function pickRecent<T>(list: readonly T[], pick: number): T | undefined {
  return list.at(-1 - (pick % Math.min(list.length, 6)));
}
