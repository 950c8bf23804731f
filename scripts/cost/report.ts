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
  const total = ['', 'a month', '', dollars(each.usd)];
  const perSeat = ['', 'a seat and month', '', cents(each.usdPerSeat)];
  const { seats, hoursPerDay, sessionsPerDay, heartbeatSeconds } = each.scenario;
  return [
    `${seats.toLocaleString('en')} seats, ${hoursPerDay} h a day, ${sessionsPerDay} session(s) each, a heartbeat every ${heartbeatSeconds} s; ${REGION}, US dollars`,
    '',
    ...inColumns([...rows, total, perSeat]),
    '',
    `Redis: ${each.redisCommandsPerSecond.toFixed(1)} commands a second of ${MOST_COMMANDS_A_SECOND.toLocaleString('en')}, on average over those hours`,
    '',
    'What would save most, each by itself:',
    ...leversOf(each)
      .slice(0, LEVERS_SHOWN)
      .map((lever) => `  ${lineOfLever(lever)}`),
    '',
    `? not certain (sources read on ${READ_ON}):`,
    ...each.lines.flatMap(({ part, what, unverified }) =>
      unverified === undefined ? [] : [`  ${part}, ${what}: ${unverified}`],
    ),
    '',
    'Not in it: Stripe, taxes, support, builds, backups, metrics beyond what is free, and whatever is retried.',
  ].join('\n');
}

/** For the runbook: what suites of several sizes cost a month, and what would save most at the largest. */
export function costTable(sizes: readonly number[]): string {
  const estimates = sizes.map((seats) => estimate({ ...USUAL, seats }));
  const largest = estimates.at(-1);
  if (!largest) throw new TypeError('A table needs a size.');
  const row = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [
    row(['US dollars a month', ...sizes.map((seats) => `${seats.toLocaleString('en')} seats`)]),
    row(['---', ...sizes.map(() => '---:')]),
    ...PARTS.map((part) =>
      row([
        part,
        ...estimates.map(({ lines }) =>
          dollars(sum(lines.filter((line) => line.part === part).map(({ usd }) => usd))),
        ),
      ]),
    ),
    row(['**All**', ...estimates.map(({ usd }) => `**${dollars(usd)}**`)]),
    row(['A seat', ...estimates.map(({ usdPerSeat }) => cents(usdPerSeat))]),
    '',
    `At ${largest.scenario.seats.toLocaleString('en')} seats, these would save most, each by itself:`,
    '',
    ...leversOf(largest)
      .slice(0, LEVERS_SHOWN)
      .map((lever) => `- ${lineOfLever(lever)}`),
    '',
    `Not certain, because the source did not say it for ${REGION} when it was read on ${READ_ON}: ${uncertainOf(largest).join('; ')}.`,
  ].join('\n');
}

/** For clients/docs/console.md: what it costs that somebody looks at the console's live page. */
export function describeWatchingCost(everySeconds: number): string {
  const asks = 3600 / everySeconds;
  const { redisCommands, documentReads, requests } = PRICES;
  const usd =
    (asks * requests.usd) / requests.per +
    (asks * SESSION_LIST.redisCommands * redisCommands.usd) / redisCommands.per +
    (asks * SESSION_LIST.documentReads * documentReads.usd) / documentReads.per;
  return `While somebody looks at it, the page asks every ${everySeconds} seconds: one request, ${SESSION_LIST.redisCommands} Redis command and ${SESSION_LIST.documentReads} document reads, however many seats there are. That is about ${cents(usd)} an hour at list prices, computing and traffic not counted; a tab in the background costs nothing.`;
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
