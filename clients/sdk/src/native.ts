import { Seatlease } from './client.ts';
import { SeatleaseError } from './errors.ts';
import { type Loan, Loans } from './loans.ts';
import { RevocableGrace } from './offline/revocations.ts';
import { type AcquireOptions, checkAcquireOptions, type Rule, type SeatleaseOptions } from './options.ts';
import type { Platform } from './platform.ts';
import type { Seat } from './seat.ts';
import { SeatUnderstudy } from './seat-understudy.ts';

export interface BorrowOptions extends AcquireOptions {
  /** Borrows the seat for so many days: it needs no heartbeats and stays yours when the program ends. */
  readonly borrowDays?: number | undefined;
}

const borrowDaysRule: Rule = (value) =>
  !(Number.isSafeInteger(value) && Number(value) > 0) && 'must be a whole number above 0.';

/**
 * For programs that are not pages. Also borrows seats: browsers may delete what a page has stored, and a seat whose loan is
 * lost stays taken until the loan ends. And with an understudy: a page has nothing that runs beside its event loop.
 */
export class NativeSeatlease extends Seatlease {
  readonly #canBorrow: boolean;

  constructor(options: SeatleaseOptions, platform: Platform) {
    super(options, platform, {
      openGrace: (deps, base) => new RevocableGrace(deps, base),
      openLoans: (deps) => new Loans(deps),
      openUnderstudy: (deps, seat) => new SeatUnderstudy(deps, seat),
    });
    this.#canBorrow = options.publicKeys !== undefined;
  }

  override async acquire(options: BorrowOptions = {}): Promise<Seat> {
    const checked = checkAcquireOptions(options, { borrowDays: borrowDaysRule });
    const { borrowDays } = options;
    if (borrowDays !== undefined && !this.#canBorrow) throw publicKeysRequired();
    return this.seatFor(checked, borrowDays);
  }

  /**
   * Returns the seat that was borrowed on this machine, also if it cannot be used: the clock is wrong, or `publicKeys` are
   * missing. Takes no seat. The result names the seat; `undefined` if none was borrowed. Throws `SeatleaseError` if the server
   * has not confirmed it: the seat stays taken.
   */
  async returnLoan(): Promise<Loan | undefined> {
    return (await this.loans())?.release();
  }
}

function publicKeysRequired(): SeatleaseError {
  return new SeatleaseError(
    'PUBLIC_KEYS_REQUIRED',
    'publicKeys is required to borrow a seat: it is used offline.',
    { members: { option: 'publicKeys' } },
  );
}
