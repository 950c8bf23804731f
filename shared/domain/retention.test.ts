import { expect, test } from 'vitest';
import { dueRetention, endRetentionStep, type RetentionPass, signInCutoffMs } from './retention.ts';

const DAY_MS = 24 * 3_600_000;
const NOW_MS = Date.UTC(2026, 10, 25);

function firstPass(): RetentionPass {
  const pass = dueRetention(undefined, NOW_MS, 365);
  if (!pass) throw new Error('no pass is due');
  return pass;
}

function finish(pass: RetentionPass, nowMs: number): RetentionPass {
  let current = pass;
  while (current.finishedAtMs === null) current = endRetentionStep(current, nowMs);
  return current;
}

test('the first pass begins at once, with everything that is older than the retention', () => {
  expect(firstPass()).toEqual({
    ...{ startedAtMs: NOW_MS, finishedAtMs: null, step: 'histories', leftUnreadable: false, after: null },
    ...{ cutoffMs: NOW_MS - 365 * DAY_MS, sinceMs: 0 },
  });
});

test('a pass takes these steps in this order, each from its beginning', () => {
  const steps: string[] = [];
  for (let pass = firstPass(); pass.finishedAtMs === null; pass = endRetentionStep(pass, NOW_MS + 5)) {
    steps.push(pass.step);
    pass = { ...pass, after: 'a cursor' };
    expect(endRetentionStep(pass, NOW_MS + 5).after).toBeNull();
  }
  expect(steps).toEqual([
    ...['histories', 'events', 'loans', 'bars', 'former_memberships', 'invitations', 'invitation_lists'],
    ...['codes', 'device_sign_ins', 'sign_ins', 'operator_tokens', 'billing_events', 'checkouts'],
    ...['checkout_keys', 'idempotency_keys', 'trial_claims', 'usage_records', 'meter_errors', 'erased_ids'],
  ]);
  expect(finish(firstPass(), NOW_MS + 5).finishedAtMs).toBe(NOW_MS + 5);
});

test('an unfinished pass is resumed, and the next one begins a day after the last one began', () => {
  const pass = endRetentionStep(firstPass(), NOW_MS);
  expect(dueRetention(pass, NOW_MS + 10 * DAY_MS, 365)).toBe(pass);
  const last = finish(pass, NOW_MS + 1_000);
  expect(dueRetention(last, NOW_MS + DAY_MS - 1, 365)).toBeUndefined();
  expect(dueRetention(last, NOW_MS + DAY_MS, 365)).toMatchObject({ startedAtMs: NOW_MS + DAY_MS });
});

test('a pass continues after the events of the last one, also if the retention becomes longer', () => {
  const last = finish(firstPass(), NOW_MS);
  const next = dueRetention(last, NOW_MS + DAY_MS, 365);
  expect(next).toMatchObject({ sinceMs: last.cutoffMs, cutoffMs: last.cutoffMs + DAY_MS });
  const longer = dueRetention(last, NOW_MS + DAY_MS, 400);
  expect(longer).toMatchObject({ sinceMs: last.cutoffMs, cutoffMs: NOW_MS + DAY_MS - 400 * DAY_MS });
  const again = longer && dueRetention(finish(longer, NOW_MS + DAY_MS), NOW_MS + 2 * DAY_MS, 400);
  expect(again?.sinceMs).toBe(last.cutoffMs);
});

test('expired sign-ins are kept for a day', () => {
  expect(signInCutoffMs(firstPass())).toBe(NOW_MS - DAY_MS);
});

test('a pass looks at the events of the one before again if that could not read one', () => {
  const first = finish({ ...firstPass(), leftUnreadable: true }, NOW_MS);
  const [next, usual] = [first, { ...first, leftUnreadable: false }].map((last) =>
    dueRetention(last, NOW_MS + 2 * DAY_MS, 10),
  );
  expect([next?.sinceMs, usual?.sinceMs]).toEqual([first.sinceMs, first.cutoffMs]);
});
