import { existsSync, readFileSync } from 'node:fs';
import { join, normalize } from 'node:path';
import { describe, expect, test } from 'vitest';
import { kindOf } from '../../shared/local/stripe/official/table.ts';
import { titlesOf } from './test-titles.ts';

/**
 * The tables of clients/docs/billing.md: what every state of Stripe, and every action in its dashboard, does to seats, with
 * the tests that prove it.
 */
const FOLDER = 'clients/docs';
const PAGE = readFileSync(join(FOLDER, 'billing.md'), 'utf8');
const DASHBOARD_TESTS = 'functions/stripe-webhook/dashboard.test.ts';

/** States that are no value of an enumeration at Stripe. Each is the start of a row. */
const STATES = [
  ...['Subscription `past_due`, within the grace', 'Subscription `past_due`, after the grace'],
  ...['Cancellation at a date', 'Cancellation at the end of the period', 'Trial that ends without a card'],
  'First payment that fails',
  ...['Sent invoice, before its due date', 'Sent invoice, after its due date'],
  ...['Full refund of the invoice that paid for the running period', 'Full refund of another invoice'],
  ...['Partial refund', 'Refund that failed', 'Credit note'],
  ...['Metered item', 'Add-on', 'Several items of one plan', 'Items of several plans'],
  ...[
    'No item with the price of a plan',
    'Seat item with an unknown price',
    'Price that lost its lookup key',
  ],
  ...['Quantity outside the range of the plan', 'Customer deleted', 'Schedule attached'],
  'Invoice that Stripe wrote off',
  'Subscription that Stripe does not have',
  ...['Subscription in a status that this', 'Dispute in a status that this'],
];

/** Actions that no test of `DASHBOARD_TESTS` is about. */
const ACTIONS = ['Send another invoice', '[Pause the collection]', '[Pause]', '[Accept a dispute]'];

interface Row {
  readonly subject: string;
  readonly tests: readonly { readonly file: string; readonly title: string }[];
}

/** The rows of the table under a heading: what they are about, and the tests in their last column. */
function rowsUnder(page: string, heading: string): Row[] {
  const [, after = ''] = page.split(`\n## ${heading}\n`);
  const [section = ''] = after.split('\n## ');
  const lines = section.split('\n').filter((line) => line.startsWith('| ') && !line.startsWith('| ---'));
  return lines.slice(1).map((line) => {
    const cells = line.slice(2, -2).split(' | ');
    const links = [...(cells.at(-1) ?? '').matchAll(/\[[^\]]*\]\(([^)]+)\): “(.+?)”(?=<br>|$)/g)];
    return {
      subject: cells[0] ?? '',
      tests: links.map(([, path = '', title = '']) => ({ file: normalize(join(FOLDER, path)), title })),
    };
  });
}

/** Stripe's values, as the table of the installed library has them. */
function valuesOf(type: string): readonly string[] {
  const kind = kindOf(type);
  return kind.is === 'one of' ? kind.values : [];
}

const VALUES = [
  ...valuesOf('Subscription.Status').map((value) => `Subscription \`${value}\``),
  ...valuesOf('Dispute.Status').map((value) => `Dispute \`${value}\``),
  ...valuesOf('Subscription.PauseCollection.Behavior').map((value) => `Collection paused \`${value}\``),
];

/** What the page lacks or has wrong. */
function problemsOf(page: string): string[] {
  const states = rowsUnder(page, 'Every state of Stripe');
  const actions = rowsUnder(page, "In Stripe's dashboard");
  const rows = [...states, ...actions];
  const named = new Set(actions.flatMap(({ tests }) => tests.map(({ file, title }) => `${file}: ${title}`)));
  return [
    ...missing([...VALUES, ...STATES], states),
    ...missing(ACTIONS, actions),
    ...rows.filter(({ tests }) => tests.length === 0).map(({ subject }) => `no test for ${subject}`),
    ...rows
      .flatMap(({ tests }) => tests)
      .filter(({ file, title }) => !titlesIn(file).has(title))
      .map(({ file, title }) => `${file} has no test “${title}”`),
    ...[...titlesIn(DASHBOARD_TESTS)]
      .filter((title) => !title.includes('$') && !named.has(`${DASHBOARD_TESTS}: ${title}`))
      .map((title) => `no action has the test “${title}”`),
  ];
}

function missing(required: readonly string[], rows: readonly Row[]): string[] {
  return required
    .filter((start) => !rows.some(({ subject }) => subject.startsWith(start)))
    .map((start) => `no row for ${start}`);
}

const known = new Map<string, ReadonlySet<string>>();
function titlesIn(file: string): ReadonlySet<string> {
  const titles = known.get(file) ?? titlesOf(existsSync(file) ? readFileSync(file, 'utf8') : '');
  known.set(file, titles);
  return titles;
}

test('Stripe’s library names the states', () => {
  expect(VALUES).toEqual(
    expect.arrayContaining([
      'Subscription `past_due`',
      'Dispute `appeal_under_review`',
      'Collection paused `void`',
    ]),
  );
  expect(VALUES.length).toBeGreaterThanOrEqual(8 + 10 + 3);
});

describe('the tables of billing.md', () => {
  test('have a row for every state of Stripe, and name tests that exist', () => {
    expect(problemsOf(PAGE)).toEqual([]);
  });

  test('are incomplete without any one of their rows', () => {
    const lines = PAGE.split('\n');
    const rows = lines.filter((line) => /\]\(\S+\.test\.ts\): “/.test(line));
    expect(rows.length).toBeGreaterThanOrEqual(VALUES.length + STATES.length);
    expect(rows.filter((row) => problemsOf(PAGE.replace(`${row}\n`, '')).length === 0)).toEqual([]);
  });

  test('are wrong with the title of a test that does not exist', () => {
    expect(problemsOf(PAGE.replace(/\): “[^”]+”/, '): “no such test”'))).not.toEqual([]);
  });
});

describe('the titles of a source file', () => {
  test('are those of its tests, with the rows of their tables', () => {
    const source = `
      const ROWS = [{ what: 'a refund', seats: 1 }, { what: 'a dispute', seats: 2 }] as const;
      test.each(ROWS)('$what holds', () => {});
      describe('a group', () => { test('keeps', () => {}); test.skipIf(isSlow)('ends', () => {}); });
      test.each([['one', 1], ['two', 2]])('%s is %i', () => {});
      test.each(known)('%s of another file', () => {});
      expect('no title');`;
    expect([...titlesOf(source)].toSorted()).toEqual([
      '%s of another file',
      ...['a dispute holds', 'a refund holds', 'ends', 'keeps', 'one is 1', 'two is 2'],
    ]);
  });
});
