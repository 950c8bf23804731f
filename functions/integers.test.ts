import { globSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

/** The code that handles money, paid seats or billed usage. */
const FILES = globSync([
  'shared/domain/{plans,subscription,subscription-change,checkout,metering,billing-event,trial}.ts',
  'shared/adapters/billing/*.ts',
  'shared/local/stripe/*.ts',
  'shared/ports/billing.ts',
  'shared/use-cases/{subscriptions,stripe-events,metering/*}.ts',
  'shared/http/{subscription-view,stripe-signature,idempotency-key}.ts',
  'functions/{checkout,subscriptions,cancel,usage,trial,stripe-webhook}/*.ts',
  'functions/sweep/payments.ts',
]).filter((file) => !file.endsWith('.test.ts'));

/** Lines that could produce a fraction: a decimal, a division without floor, text parsed as a decimal. */
function fractionsIn(source: string): string[] {
  const code = source
    .replace(/\/\*[\s\S]*?\*\//g, '')
    .replace(/^\s*\/\/.*$/gm, '')
    .replace(/`[^`]*`/g, '``')
    .replace(/'[^'\n]*'/g, "''");
  const floored = /Math\.floor\([^/]* \/ [\d_A-Z]+\)/g;
  return code
    .split('\n')
    .filter((line) =>
      /\d\.\d|parseFloat|toFixed|toPrecision|Math\.round|\w \/=? \w/.test(line.replace(floored, '0')),
    );
}

test('billing code computes in integers only', () => {
  expect(FILES.length).toBeGreaterThan(25);
  const found = FILES.flatMap((file) =>
    fractionsIn(readFileSync(file, 'utf8')).map((line) => `${file}: ${line.trim()}`),
  );
  // The first fraction is rounded up and counts calls, the second is only compared: neither is stored.
  expect(found).toEqual([
    'shared/use-cases/metering/meter-usage.ts: const atATime = Math.ceil(AT_A_TIME / turns.length);',
    'shared/adapters/billing/stripe-events.ts: if (signedAtSeconds > nowMs / 1000 + TOLERANCE_SECONDS)',
  ]);
});

test.each([
  'const total = seats * 9.99;',
  'const share = amount / seats;',
  'amount /= 2;',
  'const price = parseFloat(text);',
  'const shown = (cents / 100).toFixed(2);',
  'const rounded = Math.round(amount);',
])('the check finds %s', (line) => {
  expect(fractionsIn(line)).toEqual([line]);
});

test.each(['const day = Math.floor(atMs / DAY_MS) * DAY_MS;', "const path = 'a / b 1.5';", '// 1.5 / 2'])(
  'the check accepts %s',
  (line) => {
    expect(fractionsIn(line)).toEqual([]);
  },
);
