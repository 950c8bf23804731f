import type { SessionPage } from '../../../sdk/src/api.ts';
import { overdraftSeatsOf, seatsOf } from '../licenses.ts';

type Seats = SessionPage['seats'];

/** "7 of 10 seats in use". */
export function sentenceOf({ active, max }: Seats): string {
  return `${active} of ${seatsOf(max)} in use`;
}

/** Shows the use of a license as a number, in words and as a bar. */
export function SeatCount({ seats }: { readonly seats: Seats }) {
  const { active, max, overdraft } = seats;
  const beyond = Math.max(0, active - max);
  const whole = Math.max(max + overdraft, active, 1);
  const share = (count: number): string => `${(100 * count) / whole}%`;
  return (
    <section class="card seat-count" aria-label="Seats in use">
      <p class="seat-figure">
        <strong>{active}</strong> of {seatsOf(max)} in use
        <span class={`badge ${toneOf(seats)}`}>{freeWords(seats)}</span>
      </p>
      <svg class="seat-bar" aria-hidden="true" preserveAspectRatio="none">
        <rect class="all" width="100%" height="100%" />
        <rect class="taken" width={share(active - beyond)} height="100%" />
        <rect class="beyond" x={share(max)} width={share(beyond)} height="100%" />
        {overdraft > 0 && <rect class="limit" x={share(max)} width="2" height="100%" />}
      </svg>
      {overdraft > 0 && <p class="quiet small">{overdraftWords(beyond, overdraft)}</p>}
    </section>
  );
}

function overdraftWords(beyond: number, overdraft: number): string {
  if (beyond === 0) return `When all seats are in use, up to ${overdraftSeatsOf(overdraft)} can be used.`;
  return `${beyond} of ${overdraftSeatsOf(overdraft)} in use.`;
}

function freeWords({ active, max, overdraft }: Seats): string {
  const free = max - active;
  if (free > 0) return `${free} free`;
  return active < max + overdraft ? 'full, overdraft left' : 'full';
}

function toneOf({ active, max, overdraft }: Seats): string {
  if (active < max) return 'good';
  return active < max + overdraft ? 'warn' : 'bad';
}
