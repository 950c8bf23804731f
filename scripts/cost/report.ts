import { SESSION_LIST } from '../../functions/testing/operation-counts.ts';
import { type Estimate, estimate, type Lever, leversOf } from './estimate.ts';
import { MOST_COMMANDS_A_SECOND, PARTS, PRICES, READ_ON, REGION } from './prices.ts';
import { sum } from './sum.ts';
import { USUAL } from './usage.ts';

const LEVERS_SHOWN = 3;

/** The estimate as text for a terminal. */
export function formatEstimate(each: Estimate): string {
  const rows = each.lines.map(({ part, what, amount, unit, usd, unverified }) => [
    part,
    `${what}${unverified === undefined ? '' : ' ?'}`,
    `${inUnits(amount, unit)}`,
    dollars(usd),
  ]);
  const total = ['', 'per month', '', dollars(each.usd)];
  const perSeat = ['', 'per seat and month', '', cents(each.usdPerSeat)];
  const { seats, hoursPerDay, sessionsPerDay, heartbeatSeconds } = each.scenario;
  return [
    `${seats.toLocaleString('en')} seats, ${hoursPerDay} h a day, ${sessionsPerDay} session(s) each, a heartbeat every ${heartbeatSeconds} s; ${REGION}, US dollars`,
    '',
    ...inColumns([...rows, total, perSeat]),
    '',
    `Redis: ${each.redisCommandsPerSecond.toFixed(1)} commands per second on average over those hours; the limit is ${MOST_COMMANDS_A_SECOND.toLocaleString('en')}`,
    '',
    'Largest savings, each by itself:',
    ...leversOf(each)
      .slice(0, LEVERS_SHOWN)
      .map((lever) => `  ${lineOfLever(lever)}`),
    '',
    `? uncertain (sources read on ${READ_ON}):`,
    ...each.lines.flatMap(({ part, what, unverified }) =>
      unverified === undefined ? [] : [`  ${part}, ${what}: ${unverified}`],
    ),
    '',
    'Not included: Stripe, taxes, support, builds, backups, metrics beyond the free quota, and retries.',
  ].join('\n');
}

/** For the runbook: the monthly cost of suites of several sizes, and the largest savings for the largest suite. */
export function costTable(sizes: readonly number[]): string {
  const estimates = sizes.map((seats) => estimate({ ...USUAL, seats }));
  const largest = estimates.at(-1);
  if (!largest) throw new TypeError('A table needs a size.');
  const row = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [
    row(['US dollars per month', ...sizes.map((seats) => `${seats.toLocaleString('en')} seats`)]),
    row(['---', ...sizes.map(() => '---:')]),
    ...PARTS.map((part) =>
      row([
        part,
        ...estimates.map(({ lines }) =>
          dollars(sum(lines.filter((line) => line.part === part).map(({ usd }) => usd))),
        ),
      ]),
    ),
    row(['**Total**', ...estimates.map(({ usd }) => `**${dollars(usd)}**`)]),
    row(['Per seat', ...estimates.map(({ usdPerSeat }) => cents(usdPerSeat))]),
    '',
    `Largest savings at ${largest.scenario.seats.toLocaleString('en')} seats, each by itself:`,
    '',
    ...leversOf(largest)
      .slice(0, LEVERS_SHOWN)
      .map((lever) => `- ${lineOfLever(lever)}`),
    '',
    `Uncertain, because the source did not state it for ${REGION} when it was read on ${READ_ON}: ${uncertainOf(largest).join('; ')}.`,
  ].join('\n');
}

/** For clients/docs/console.md: the cost of an open live page in the console. */
export function describeWatchingCost(everySeconds: number): string {
  const asks = 3600 / everySeconds;
  const { redisCommands, documentReads, requests } = PRICES;
  const usd =
    (asks * requests.usd) / requests.per +
    (asks * SESSION_LIST.redisCommands * redisCommands.usd) / redisCommands.per +
    (asks * SESSION_LIST.documentReads * documentReads.usd) / documentReads.per;
  return `While the page is visible, it polls every ${everySeconds} seconds: one request, ${SESSION_LIST.redisCommands} Redis command and ${SESSION_LIST.documentReads} document reads, regardless of the number of seats. That is about ${cents(usd)} per hour at list prices, without CPU and traffic. A tab in the background costs nothing.`;
}

function uncertainOf({ lines }: Estimate): string[] {
  const uncertain = lines.filter(({ unverified }) => unverified !== undefined);
  const byReason = Map.groupBy(uncertain, ({ unverified }) => unverified);
  return [...byReason].map(
    ([reason, ofReason]) => `${ofReason.map(({ what }) => what).join(', ')} (${reason})`,
  );
}

function lineOfLever({ what, price, savesUsd }: Lever): string {
  return `${dollars(savesUsd)}: ${what} (${price})`;
}

function dollars(usd: number): string {
  return usd.toLocaleString('en', { style: 'currency', currency: 'USD' });
}

function cents(usd: number): string {
  return usd.toLocaleString('en', { style: 'currency', currency: 'USD', maximumFractionDigits: 4 });
}

function inUnits(amount: number, unit: string): string {
  if (unit !== 'bytes') return `${Math.round(amount).toLocaleString('en')} ${unit}`;
  return `${(amount / 1e9).toLocaleString('en', { maximumFractionDigits: 2 })} GB`;
}

function inColumns(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((cells) => cells[column]?.length ?? 0)),
  );
  return rows.map((cells) =>
    cells
      .map((cell, column) =>
        column < 2 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0),
      )
      .join('  ')
      .trimEnd(),
  );
}
