import { estimate } from '../cost/estimate.ts';
import type { PriceName } from '../cost/prices.ts';
import { USUAL, usageOf } from '../cost/usage.ts';
import type { Report } from './report.ts';

const SEATS = [10, 1_000, 100_000];
const DAYS = 30;

const OPERATIONS = {
  requests: 'requests to functions',
  redisCommands: 'Redis commands',
  documentReads: 'Firestore reads',
  documentWrites: 'Firestore writes',
  documentDeletes: 'Firestore deletes',
  keyOperations: 'KMS operations',
} as const satisfies Partial<Record<PriceName, string>>;

/** Billed operations per hour in which a seat is held. */
export async function benchBillable(): Promise<Report> {
  const hours = USUAL.hoursPerDay * DAYS;
  const months = SEATS.map((seats) => ({ seats, scenario: { ...USUAL, seats } }));
  const rows = Object.entries(OPERATIONS).map(([name, what]) => [
    what,
    ...months.map(
      ({ seats, scenario }) => usageOf(scenario).amounts[name as keyof typeof OPERATIONS] / (seats * hours),
    ),
  ]);
  const dollars = months.map(({ seats, scenario }) => (estimate(scenario).listUsd / (seats * hours)) * 1_000);
  return {
    title: 'Billable operations',
    meaning: MEANING,
    tables: [
      {
        columns: ['per seat-hour', ...SEATS.map((seats) => `at ${seats.toLocaleString('en')} seats`)],
        rows: [...rows, ['US dollars per 1,000 seat-hours, without free quotas', ...dollars]],
      },
    ],
    goals: [],
  };
}

const MEANING = `Computed, not measured, as in \`npm run cost\`: from the operations of each call, which a test counts
exactly. Each seat is held ${USUAL.hoursPerDay} hours a day in one session and signed once; a license has ten seats; a
heartbeat is sent every ${USUAL.heartbeatSeconds} s. Sweeps, comparisons and health checks are spread over the seats, so
a seat costs more where there are few.`;
