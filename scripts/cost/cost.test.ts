import { spawnSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import { readOptions } from '../../clients/command-line/options.ts';
import { totalOf } from '../../functions/testing/operation-counts.ts';
import { QUERIES } from '../../shared/ports/queries.ts';
import { SIZES } from './assumptions.ts';
import { type Estimate, estimate, leversOf } from './estimate.ts';
import { COST_OPTIONS } from './options.ts';
import { PRICES, type Price } from './prices.ts';
import { formatEstimate } from './report.ts';
import { sum } from './sum.ts';
import { type Scenario, USUAL, usageOf } from './usage.ts';

const SEATS = [1, 100, 1_000, 10_000, 100_000, 500_000];

function monthOf(seats: number, change: Partial<Scenario> = {}): Estimate {
  return estimate({ ...USUAL, seats, ...change });
}

describe('a month’s cost', () => {
  test.each(SEATS)('of %i seats is the sum of its lines', (seats) => {
    const { lines, usd, listUsd, usdPerSeat } = monthOf(seats);
    expect(lines.length).toBeGreaterThan(15);
    expect(sum(lines.map((line) => line.usd))).toBeCloseTo(usd, 9);
    expect(sum(lines.map((line) => line.listUsd))).toBeCloseTo(listUsd, 9);
    expect(usdPerSeat * seats).toBeCloseTo(usd, 9);
  });

  test.each(SEATS)('without free quotas at most doubles when %i seats double', (seats) => {
    const [once, twice] = [monthOf(seats), monthOf(2 * seats)];
    expect(twice.listUsd).toBeLessThanOrEqual(2 * once.listUsd);
    expect(twice.listUsd).toBeGreaterThan(once.listUsd);
    expect(twice.usd).toBeGreaterThan(once.usd);
  });

  test.each(SEATS)('of %i seats deducts each free quota once, and never more than was used', (seats) => {
    const { lines } = monthOf(seats);
    expect(new Set(lines.map(({ name }) => name)).size).toBe(lines.length);
    for (const { name, amount, free, usd } of lines) {
      if (name === 'redisPlan') throw new Error('paid by use');
      const price: Price = PRICES[name];
      expect(free).toBe(Math.min(amount, price.free ?? 0));
      expect(usd).toBeCloseTo(((amount - free) / price.per) * price.usd, 9);
    }
  });

  test('follows from counted calls: 96 heartbeats, an acquire, a sign and a release per session, and sweeps', () => {
    const [sessions, sweeps] = [30 * 1_000, 30 * 24 * 60];
    const { redisCommands } = totalOf({
      acquire: sessions,
      heartbeat: 96 * sessions,
      sign: sessions,
      release: sessions,
      idleSweep: sweeps,
    });
    const line = monthOf(1_000).lines.find(({ name }) => name === 'redisCommands');
    // Publishing, comparing and looking at seats whose end has passed add some.
    expect(line?.amount).toBeGreaterThan(redisCommands);
    expect(line?.amount).toBeLessThan(1.15 * redisCommands);
  });

  test('follows from counted documents: those of sessions, sweeps, comparisons and deletions', () => {
    const sessions = 30 * 1_000;
    const { amounts } = usageOf({ ...USUAL, seats: 1_000 });
    // It is acquired, signed for and released.
    const events = 3 * sessions;
    const perSession = { sign: sessions, recordedEvent: events, sealedEvent: events };
    const sweeps = { idleSweep: 30 * 24 * 60, comparison: 30 * 24 };
    const compared = { comparedLicense: 30 * 24 * 100, comparedSession: 30 * 8 * 1_000 };
    const least = totalOf({ ...perSession, ...sweeps, ...compared, forgottenSession: sessions });
    expect(amounts.keyOperations).toBe(least.signatures);
    expect(amounts.eventBytes).toBe(2 * 1_000 * least.messages);
    expect(amounts.documentDeletes).toBe(least.documentDeletes);
    // At most one chain head per event, and the operations of each page and day.
    const { documentReads, documentWrites } = totalOf({ sealedChain: events });
    const often = 30 * 24 * 30;
    expect(amounts.documentWrites).toBeGreaterThan(least.documentWrites + documentWrites / 2);
    expect(amounts.documentWrites).toBeLessThan(least.documentWrites + documentWrites + often);
    expect(amounts.documentReads).toBeGreaterThan(least.documentReads + documentReads / 2);
    expect(amounts.documentReads).toBeLessThan(least.documentReads + documentReads + often);
  });

  test('includes a year of histories and events, and no index of a field that no query needs', () => {
    const documents = 12 * 30 * 1_000;
    const { sessionHistory, event } = SIZES.documents;
    const own = documents * (sessionHistory + 3 * event);
    const ofQueries = (name: string) => QUERIES.filter(({ collection }) => collection.name === name).length;
    const entries = ofQueries('session-histories') + 3 * ofQueries('audit');
    const { documentStorage } = usageOf({ ...USUAL, seats: 1_000 }).amounts;
    // Licenses and usage hours add some.
    expect(documentStorage).toBeGreaterThan(own + documents * entries * SIZES.indexEntry);
    expect(documentStorage).toBeLessThan(1.2 * (own + documents * entries * SIZES.indexEntry));
  });

  test('bills 0.1 s of an instance per call if calls are few, and its CPU time if they are many', () => {
    const callsOf = (seats: number) => 30 * seats * (96 + 1 + 1 + 1 + 2);
    const atNight = usageOf({ ...USUAL, seats: 1 }).amounts.cpu;
    const few = usageOf({ ...USUAL, seats: 11 }).amounts.cpu - atNight;
    expect(few / callsOf(10)).toBeGreaterThan(0.095);
    expect(few / callsOf(10)).toBeLessThan(0.105);
    const many = usageOf({ ...USUAL, seats: 1_000_000 }).amounts.cpu - atNight;
    expect(many / callsOf(1_000_000)).toBeGreaterThan(0.002 / 0.6);
    expect(many / callsOf(1_000_000)).toBeLessThan(1.5 * (0.002 / 0.6));
  });

  test('has no price for Redis commands with a fixed plan, and rejects a load that no plan covers', () => {
    const { lines } = monthOf(100_000, { redis: 'fixed' });
    expect(lines.filter(({ part }) => part === 'Redis')).toMatchObject([{ name: 'redisPlan', usd: 200 }]);
    expect(() => monthOf(1_000_000, { redis: 'fixed', heartbeatSeconds: 10 })).toThrow(RangeError);
    expect(leversOf(monthOf(1_000_000, { heartbeatSeconds: 10 })).map(({ what }) => what)).not.toContain(
      'a fixed Upstash plan',
    );
  });

  test.each<[string, Partial<Scenario>]>([
    ['a fixed Upstash plan', { redis: 'fixed' }],
    ['heartbeats half as often', { heartbeatSeconds: 600 }],
    ['requestLogs.cloudRun', { cloudRunLogPercent: 1 }],
    ['requestLogs.own', { ownLogPercent: 10 }],
    ['not through Hosting', { via: 'functions' }],
  ])('is lower by the reported saving of the lever "%s"', (name, change) => {
    const month = monthOf(100_000);
    const lever = leversOf(month).find(({ what }) => what.includes(name));
    expect(lever?.savesUsd).toBeGreaterThan(0);
    expect(lever?.savesUsd).toBeCloseTo(month.usd - monthOf(100_000, change).usd, 9);
  });

  test('is higher with an HSM key, and with multi-region records', () => {
    const month = monthOf(100_000);
    expect(monthOf(100_000, { key: 'hsm' }).usd).toBeGreaterThan(month.usd + 70);
    expect(monthOf(100_000, { recordsIn: 'multi-region' }).usd).toBeGreaterThan(month.usd + 60);
  });

  test('is higher with instances kept warm, and lists them as the largest saving', () => {
    const warm = monthOf(100, { minInstances: 1 });
    expect(warm.usd).toBeGreaterThan(monthOf(100).usd + 15);
    expect(leversOf(warm)[0]).toMatchObject({ what: 'no instances kept warm' });
  });
});

test('every price has a source, and every uncertain price is marked where it is used', () => {
  const months = [
    monthOf(100_000, { minInstances: 1 }),
    monthOf(100_000, { recordsIn: 'multi-region', key: 'hsm' }),
  ];
  const used = new Set<string>();
  for (const month of months) {
    const words = formatEstimate(month);
    for (const { name } of month.lines) {
      if (name === 'redisPlan') throw new Error('paid by use');
      used.add(name);
      const { part, what, source, usd, per, sourceDate, unverified }: Price = PRICES[name];
      expect(source).toMatch(/^https:\/\//);
      expect(sourceDate ?? '2026-01-01').toMatch(/^\d{4}-\d\d-\d\d$/);
      expect(usd / per).toBeGreaterThan(0);
      if (unverified !== undefined) expect(words).toContain(`${part}, ${what}: ${unverified}`);
      expect(words.includes(`${what} ?`), what).toBe(unverified !== undefined);
    }
  }
  expect([...used].toSorted()).toEqual(Object.keys(PRICES).toSorted());
});

describe('npm run cost', () => {
  const run = (...args: string[]) =>
    spawnSync(process.execPath, ['scripts/cost.ts', ...args], { encoding: 'utf8' });

  test('prints the table, or its data as JSON', () => {
    const { status, stdout } = run('--seats', '1000', '--json');
    expect(status).toBe(0);
    const { scenario, usd } = JSON.parse(stdout);
    expect(scenario).toEqual({ ...USUAL, seats: 1_000 });
    expect(usd).toBe(monthOf(1_000).usd);
    expect(formatEstimate(monthOf(1_000))).toContain('1,000 seats');
  });

  test('exits with 2 and prints its usage for an unknown option', () => {
    const { status, stdout, stderr } = run('--seats', '1000', '--colour', 'red');
    expect([status, stdout]).toEqual([2, '']);
    expect(stderr).toContain("Unknown option '--colour'");
    expect(stderr).toContain(run('--help').stdout);
  });

  test.each([
    [[], '--seats needs a whole number from 1 to 1000000'],
    [['--seats', '0'], '--seats needs a whole number from 1 to 1000000'],
    [['--seats', '1e3'], '--seats needs'],
    [['--seats', '10', '--hours-per-day', '25'], '--hours-per-day needs a whole number from 1 to 24'],
    [['--seats', '10', '--redis', 'free'], '--redis needs one of pay-as-you-go, fixed'],
    [['--seats', '10', '--via', 'mail'], '--via needs one of hosting, functions'],
    [['100'], "Unexpected argument '100'"],
  ])('rejects %j', (args, because) => {
    expect(() => readOptions(COST_OPTIONS, args)).toThrow(because);
  });

  test('names every option in its usage', () => {
    const { status, stdout } = run('--help');
    expect(status).toBe(0);
    const named = [...stdout.matchAll(/\[--([a-z-]+)/g)].map(([, name]) => name);
    expect(stdout).toContain('  --seats N ');
    const fields = Object.keys(USUAL).map((key) =>
      key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`),
    );
    expect(named).toEqual([...fields, 'json']);
  });
});
